"""Batch-hard triplet loss (Hermans et al. 2017), on features as they are or scaled to unit length."""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor


def euclidean(a: Tensor, b: Tensor) -> Tensor:
    """Return the Euclidean distances M x N between rows of a (M x D) and rows of b (N x D).

    The gradient at distance 0 is 0, where the square root's own would be infinite.
    """
    squared = a.pow(2).sum(1, keepdim=True) + b.pow(2).sum(1) - 2 * a @ b.T
    return squared.clamp_min(1e-12).sqrt()


Margin = float | Literal["soft"]
"""How much nearer a positive is to be than a negative; soft is without bound, and asks less and less."""


def batch_hard_triplet(features: Tensor, identities: Tensor, margin: Margin = 0.3, normalise: bool = False) -> Tensor:
    """Return the mean over anchors of max(0, margin + furthest positive - nearest negative).

    With a soft margin it is the mean of log(1 + exp(furthest positive - nearest negative)), as Hermans et al. have it.

    Every picture of the batch is an anchor once; its positive is the furthest picture of its identity, its negative
    the nearest picture of another one. An anchor without a negative counts as 0.

    Args:
        features: N x D, float.
        identities: N, integer.
        margin: at least 0, or soft; the paper's is 0.3.
        normalise: scale the features to unit length first, so that distances lie in [0, 2]; the paper's authors and Bag
            of Tricks do not.

    Returns:
        A scalar, at least 0.
    """
    if normalise:
        features = F.normalize(features)
    distances = euclidean(features, features)
    same = identities[:, None] == identities[None, :]
    positive = distances.masked_fill(~same, 0.0).amax(1)
    negative = distances.masked_fill(same, torch.inf).amin(1)
    if margin == "soft":
        return F.softplus(positive - negative).mean()
    return F.relu(margin + positive - negative).mean()

"""The identification loss: softmax cross-entropy, with label smoothing on request."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def softmax_loss(scores: Tensor, identities: Tensor, smoothing: float = 0.0) -> Tensor:
    """Return the mean cross-entropy of scores N x C against identities N.

    Args:
        scores: N x C, not normalised.
        identities: N, integers in [0, C).
        smoothing: the share in [0, 1) of the target's mass that is spread evenly over all C identities.
    """
    return F.cross_entropy(scores, identities, label_smoothing=smoothing)

"""Features that can be compared by their cosine, and refusing those that cannot.

Pure functions of tensors.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from cdnet.errors import CdnetError, UndefinedError

ALIKE = 1e-4
"""Features of unit length that are all as near to one of them: their 32-bit cosine similarities are all the same."""

_BLOCK = 4096


def unit_length(features: Tensor) -> Tensor:
    """Return features N x D scaled to unit length, however large or small they are.

    Raises:
        UndefinedError: if one is all zeros: there is no cosine similarity with it.
        CdnetError: if one is not finite.
    """
    largest = _largest(features)[:, None]
    # Squares of what is very large or very small leave a float's range; other features keep their very bits.
    extreme = (largest < 1e-12) | (largest > 1e15)
    if extreme.any():
        features = torch.where(extreme, features / largest, features)
    return F.normalize(features)


def check_features(query: Tensor, gallery: Tensor) -> None:
    """See that features can be compared, and that they tell some pictures apart.

    Args:
        query: Q x D.
        gallery: G x D.

    Raises:
        UndefinedError: if one is all zeros, or if all are alike, so that ranks would be the order of the files.
        CdnetError: if one is not finite.
    """
    for features in (query, gallery):
        _largest(features)
    first = unit_length(query[:1])
    for features in (query, gallery):
        for part in torch.split(features, _BLOCK):
            if float((unit_length(part) - first).norm(dim=1).max()) > ALIKE:
                return
    raise UndefinedError(
        f"all {len(query) + len(gallery):,} pictures have the same features, so that ranks would be the order of the "
        "files; the network's weights are broken, or the pictures are all alike"
    )


def _largest(features: Tensor) -> Tensor:
    """Return the greatest magnitude in each row, and refuse rows that have no direction."""
    largest: Tensor = torch.linalg.vector_norm(features, torch.inf, dim=1)
    if not largest.isfinite().all():
        number = int((~largest.isfinite()).sum())
        raise CdnetError(
            f"{number:,} of {len(features):,} pictures have features that are not finite numbers; the network's "
            "weights are broken"
        )
    if not largest.all():
        raise UndefinedError(
            f"{int((largest == 0).sum()):,} of {len(features):,} pictures have features that are all zeros, with which "
            "no cosine similarity is defined; the network's weights are broken"
        )
    return largest

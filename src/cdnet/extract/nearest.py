"""What in a gallery of features is nearest to each query, without identities."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F

from cdnet.errors import CdnetError
from cdnet.runtime.network import Features

TILE = 1 << 16
"""Gallery pictures that are compared at a time."""


@dataclass(frozen=True)
class Neighbour:
    """A picture of the gallery by its number, and its cosine similarity with the query, -1 to 1."""

    number: int
    similarity: float


def nearest(query: Features, gallery: Features, k: int) -> list[list[Neighbour]]:
    """Return for each query the ``k`` nearest pictures of the gallery, nearest first.

    Of equally near ones the one that comes first in the gallery is first.

    Args:
        query: Q x D.
        gallery: G x D.
        k: at least 1; all of the gallery, where it has fewer.

    Raises:
        CdnetError: if the features are of different lengths.
    """
    if query.shape[1] != gallery.shape[1]:
        raise CdnetError(
            f"the queries have {query.shape[1]} numbers a picture and the gallery {gallery.shape[1]}: they are of two "
            "networks"
        )
    wanted = F.normalize(torch.tensor(query))
    best = torch.zeros(len(query), 0)
    which = torch.zeros(len(query), 0, dtype=torch.long)
    for start in range(0, len(gallery), TILE):
        tile = F.normalize(torch.tensor(gallery[start : start + TILE]))
        numbers = torch.arange(start, start + len(tile)).expand(len(query), -1)
        best, which = torch.cat([best, wanted @ tile.T], 1), torch.cat([which, numbers], 1)
        order = best.argsort(dim=1, descending=True, stable=True)[:, :k]
        best, which = best.gather(1, order), which.gather(1, order)
    return [
        [Neighbour(int(number), float(value)) for number, value in zip(*row, strict=True)]
        for row in zip(which.tolist(), best.tolist(), strict=True)
    ]

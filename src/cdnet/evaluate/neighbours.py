"""The nearest of all pictures for each of them, from half of the products and with little to sort.

Similarity is symmetric, so that of all pictures against all only one half is computed, block by block. No block is
kept: of each picture's row only the greatest similarity in each group of columns is. The nearest ``count`` pictures lie
in the ``count`` groups with the nearest pictures, for each of these groups has one that is nearer than all of any other
group; only they are computed again, and sorted.

Pure functions of tensors.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

_BLOCK = 512
"""Pictures of a block: a power of two."""

_CANDIDATES = 1 << 23
"""Similarities computed again at a time, if a single picture has no more."""

_LAST = torch.iinfo(torch.long).max


def squared_distance(cosine: Tensor) -> Tensor:
    """Return the squared Euclidean distance of features of unit length with such a cosine."""
    return (2 - 2 * cosine).clamp_min(0)


def nearest_of_all(features: Tensor, count: int, between: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Return each picture's nearest, itself first, N x count, and its squared distance to the furthest, N.

    Of equally distant pictures the one that comes first is nearer. The distance to the furthest is at least 1e-12.

    Args:
        features: N x D of unit length, float32.
        count: how many, 1 to N.
        between: R x (N - R): where it is given, the similarities of the first R pictures to the others are left in it.
    """
    size = len(features)
    # As many groups as pictures in four of them, or nearly so: both steps then cost little.
    width = min(_BLOCK, 2 ** max(0, round(math.log2(size) / 2) - 1))
    greatest, least = _greatest_in_groups(features, width, between)
    kept = min(count, greatest.shape[1])
    nearest = torch.empty(size, count, dtype=torch.long, device=features.device)
    rows_at_once = max(1, _CANDIDATES // (kept * width))
    for rows in torch.split(torch.arange(size, device=features.device), rows_at_once):
        own = rows // width
        key = _key(greatest[rows], torch.arange(greatest.shape[1], device=features.device))
        key.scatter_(1, own[:, None], -1)
        groups = key.topk(kept, dim=1, largest=False).indices
        columns = (groups[..., None] * width + torch.arange(width, device=features.device)).flatten(1)
        key = _key(_similarities(features, rows, groups, width).flatten(1), columns)
        key.masked_fill_(columns >= size, _LAST).masked_fill_(columns == rows[:, None], -1)
        nearest[rows] = columns.gather(1, key.topk(count, dim=1, largest=False).indices)
    return nearest, squared_distance(least).clamp_min(1e-12)


def _key(cosine: Tensor, number: Tensor) -> Tensor:
    """Return integers that sort by distance, and where that is equal by number."""
    # As an integer, a float that is not negative sorts as it does itself.
    return (squared_distance(cosine).view(torch.int32).long() << 32).add_(number)


def _greatest_in_groups(features: Tensor, width: int, between: Tensor | None) -> tuple[Tensor, Tensor]:
    """Return each row's greatest similarity in each group of columns, N x groups, and its least of all, N."""
    size = len(features)
    greatest = features.new_empty(size, -(-size // width))
    least = features.new_full((size,), torch.inf)
    into = features.new_empty(_BLOCK, _BLOCK)
    for first in range(0, size, _BLOCK):
        for second in range(first, size, _BLOCK):
            here, there = slice(first, min(first + _BLOCK, size)), slice(second, min(second + _BLOCK, size))
            found = torch.mm(features[here], features[there].T, out=into[: here.stop - first, : there.stop - second])
            if between is not None:
                rows, before = len(between), max(second, len(between))
                of_rows = between[here, max(0, second - rows) : max(0, there.stop - rows)]
                of_rows.copy_(found[: len(of_rows), before - second :])
            least[here] = torch.minimum(least[here], found.amin(1))
            greatest[here, _groups(there, width)] = _padded(found, width).view(len(found), -1, width).amax(2)
            if first < second:  # those that are here are a whole block
                least[there] = torch.minimum(least[there], found.amin(0))
                greatest[there, _groups(here, width)] = found.view(-1, width, found.shape[1]).amax(1).T
    return greatest, least


def _groups(columns: slice, width: int) -> slice:
    return slice(columns.start // width, -(-columns.stop // width))


def _padded(part: Tensor, width: int) -> Tensor:
    missing = -part.shape[1] % width
    return F.pad(part, (0, missing), value=-torch.inf) if missing else part


def _similarities(features: Tensor, rows: Tensor, groups: Tensor, width: int) -> Tensor:
    """Return the similarities of some pictures to all of some groups each, R x K x width; what lies beyond is 0."""
    found = features.new_zeros(groups.numel(), width)
    order = groups.flatten().argsort()
    counts = torch.bincount(groups.flatten(), minlength=-(-len(features) // width)).tolist()
    for group, wanted in enumerate(torch.split(order, counts)):
        if len(wanted):
            of_group = features[group * width : (group + 1) * width]
            # Of whole rows, index_select is several times quicker than [].
            those = features.index_select(0, rows[wanted // groups.shape[1]])
            found[wanted, : len(of_group)] = those @ of_group.T
    return found.view(*groups.shape, width)

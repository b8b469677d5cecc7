"""The places of some gallery pictures in a query's ranking, by counting what is nearer: nothing is sorted.

A picture's place is 1 more than the number of pictures that are nearer, and of pictures that are equally near the one
that comes first in the gallery is nearer. So those before it count where they are as near as it is, those after it only
where they are nearer. To compare a whole row at once, its columns are taken in groups: groups before the picture's own
are compared with the number just below its similarity, the others with the similarity itself; within its own group,
equals before it are counted apart.

Pure functions of tensors.
"""

from __future__ import annotations

import torch
from torch import Tensor

from cdnet.evaluate.labels import Pairs

GROUP = 128
"""Columns compared with one number."""

MANY = 256
"""Pictures of a row from which on sorting the row is quicker than counting for each."""

_CACHED = 1 << 20
"""Similarities compared at a time on a CPU: they and the answers stay in its cache."""


def padded(columns: int) -> int:
    """Return the next multiple of GROUP."""
    return -(-columns // GROUP) * GROUP


def find_places(similarities: Tensor, wanted: Pairs) -> Tensor:
    """Return the place, from 1, of each wanted picture in its row, the greatest similarity first: P integers.

    Args:
        similarities: R x G, float32 or float64, G a multiple of GROUP. What does not count is minus infinity.
        wanted: P pairs of a row and a column, whose similarities are finite. It is quickest where rows with as many
            pairs stand side by side.

    Raises:
        ValueError: if G is no multiple of GROUP.
    """
    if similarities.shape[1] % GROUP:
        raise ValueError(f"similarities must have a multiple of {GROUP} columns, not {similarities.shape[1]}")
    rows, width = similarities.shape
    counts = wanted.per_row(rows)
    size = rows if similarities.is_cuda else max(1, _CACHED // width)
    found = [similarities.new_zeros(0, dtype=torch.long)]
    answers = torch.empty_like(similarities[:size])
    begin = 0
    for first in range(0, rows, size):
        part = similarities[first : first + size]
        of_part = counts[first : first + size]
        end = begin + int(of_part.sum())
        pairs = Pairs(wanted.rows[begin:end] - first, wanted.columns[begin:end])
        if end > begin:
            few = int(of_part.max()) < MANY
            found.append(_by_counting(part, pairs, of_part, answers) if few else _by_sorting(part, pairs))
        begin = end
    return torch.cat(found)


def _by_counting(part: Tensor, pairs: Pairs, counts: Tensor, answers: Tensor) -> Tensor:
    rows, columns = pairs
    groups = part.view(len(part), -1, GROUP)
    own, within = columns // GROUP, columns % GROUP
    value = part[rows, columns]
    equal = groups[rows, own] == value[:, None]
    before = torch.arange(GROUP, device=part.device) < within[:, None]
    below = torch.nextafter(value, value.new_tensor(-torch.inf))
    number = torch.arange(len(rows), device=part.device) - (counts.cumsum(0) - counts)[rows]
    # The n-th wanted picture of each row, and what each group is compared with; rows without one are above everything.
    least = part.new_full((int(counts.max()), len(part), groups.shape[1]), torch.inf)
    earlier = torch.arange(groups.shape[1], device=part.device) < own[:, None]
    least[number, rows] = torch.where(earlier, below[:, None], value[:, None])
    nearer = torch.zeros(least.shape[:2], dtype=torch.long, device=part.device)
    # A float32 counts exactly up to 2^24.
    exact = torch.float64 if part.shape[1] >= 1 << 24 else part.dtype
    more = counts > torch.arange(len(least), device=part.device)[:, None]
    last = torch.where(more, torch.arange(1, len(part) + 1, device=part.device), 0).amax(1)
    for place, rows_with in enumerate(last.tolist()):
        answer = answers[:rows_with]
        torch.gt(groups[:rows_with], least[place, :rows_with, :, None], out=answer.view(rows_with, -1, GROUP))
        nearer[place, :rows_with] = answer.sum(1, dtype=exact)
    found: Tensor = nearer[number, rows] + (equal & before).sum(1) + 1
    return found


def _by_sorting(part: Tensor, pairs: Pairs) -> Tensor:
    order = part.argsort(dim=1, descending=True, stable=True)
    places = torch.empty_like(order)
    places.scatter_(1, order, torch.arange(1, part.shape[1] + 1, device=part.device).expand_as(order))
    return places[pairs.rows, pairs.columns]

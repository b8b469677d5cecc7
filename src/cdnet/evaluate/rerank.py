"""Re-ranking by k-reciprocal neighbours (Zhong et al., CVPR 2017): pictures are alike whose neighbours are alike.

Pure functions of tensors. Queries and gallery are looked at together, so that a query's distances depend on the other
queries too; labels are not used. Where the paper and its authors' code differ, this follows the code, whose figures
everyone reports: a picture is its own first neighbour, a candidate's neighbours are added if *more* than two thirds of
them are neighbours already, and each row of squared distances is divided by its largest.

No matrix of all pictures against all is kept: distances are computed block by block, and what a picture's neighbourhood
says of the others is sparse.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from cdnet.evaluate.comparable import unit_length
from cdnet.evaluate.neighbours import nearest_of_all, squared_distance

_BLOCK = 128
"""Pictures handled at a time."""

MOST = 200
"""Neighbours that an evaluation may ask for: memory grows with the cube of k1, here to more than half a gigabyte."""

_PAIRS = 1 << 21
"""Pairs of entries compared at a time; more only if one entry alone has more."""


@dataclass(frozen=True)
class Rerank:
    """The three settings of re-ranking, by default those of the paper.

    Args:
        k1: neighbours that may be reciprocal, at least 1.
        k2: neighbours, itself among them, over which a picture's encoding is averaged, at least 1; 1 averages nothing.
        weight: share of the original distance in the final one, 0 to 1: the paper's lambda.
    """

    k1: int = 20
    k2: int = 6
    weight: float = 0.3


@dataclass(frozen=True)
class _Rows:
    """A sparse matrix by rows: row i has ``values`` in ``columns`` from ``starts[i]`` up to ``starts[i + 1]``."""

    starts: Tensor
    columns: Tensor
    values: Tensor

    def entries(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Return for each entry of some rows, in turn, which of these rows it is in, and its index."""
        first = self.starts[rows]
        counts = self.starts[rows + 1] - first
        place = torch.arange(len(rows), device=rows.device).repeat_interleave(counts)
        before = counts.cumsum(0) - counts
        return place, torch.arange(len(place), device=rows.device) + (first - before)[place]


def rerank(
    query_features: Tensor,
    gallery_features: Tensor,
    k1: int = 20,
    k2: int = 6,
    weight: float = 0.3,
    pictures: tuple[Tensor, Tensor] | None = None,
) -> Tensor:
    """Return re-ranked distances Q x G in [0, 1], float32: (1 - weight) x Jaccard + weight x original distance.

    The original distance is the squared Euclidean one of features of unit length, divided by the query's largest to any
    picture. Of equally distant neighbours the one that comes first, queries before gallery, is nearer.

    Args:
        query_features: Q x D, scaled to unit length here.
        gallery_features: G x D, likewise.
        k1: see :class:`Rerank`. Where there are no more than k1 pictures, each has all others as neighbours, and
            re-ranking says little; an evaluation refuses that.
        k2: likewise.
        weight: likewise.
        pictures: numbers of the queries' and the gallery's pictures, Q and G integers. A picture that is there several
            times then counts as one neighbour, not as several. Without it, all are taken as different.

    Raises:
        ValueError: if the features differ in length, there is no query or no gallery picture, or a setting is out of
            range.
        CdnetError: if features cannot be compared.
    """
    if query_features.ndim != 2 or gallery_features.shape[1:] != query_features.shape[1:]:
        raise ValueError("the features of queries and gallery differ in length")
    queries, everything = len(query_features), len(query_features) + len(gallery_features)
    if not 0 < queries < everything:
        raise ValueError("re-ranking needs at least one query and one gallery picture")
    if k1 < 1 or k2 < 1 or not 0 <= weight <= 1:
        raise ValueError(f"re-ranking needs k1 and k2 from 1 and a weight from 0 to 1, not {k1}, {k2} and {weight}")
    features = unit_length(torch.cat([query_features, gallery_features]).float())
    where = torch.arange(everything, device=features.device)
    if pictures is not None:
        _, where = torch.unique(torch.cat(pictures).to(where.device), return_inverse=True)
        first = where.new_full((int(where.max()) + 1,), everything)
        first.scatter_reduce_(0, where, torch.arange(everything, device=where.device), "amin")
        features = features[first]
    cosine = features.new_empty(queries, everything - queries)
    in_order = torch.equal(where, torch.arange(everything, device=where.device))
    count = min(max(k1 + 1, k2), len(features))
    neighbours, furthest = nearest_of_all(features, count, cosine if in_order else None)
    query, gallery = where[:queries], where[queries:]
    if not in_order:
        for part in _blocks_of(queries, _BLOCK):
            torch.mm(features[query[part]], features[gallery].T, out=cosine[part])
    encoded = _encode(features, neighbours[:, : k1 + 1], furthest, k1)
    if k2 > 1:
        encoded = _average(encoded, neighbours[:, :k2])
    return _distances(cosine, furthest, encoded, query, gallery, weight)


def _blocks(rows: Tensor) -> Iterator[Tensor]:
    yield from torch.split(rows, _BLOCK)


def _blocks_of(length: int, size: int) -> Iterator[slice]:
    yield from (slice(start, start + size) for start in range(0, length, size))


def _starts(counts: Tensor) -> Tensor:
    return torch.cat([counts.new_zeros(1), counts.cumsum(0)])


def _reciprocal(neighbours: Tensor) -> Tensor:
    """Tell which of each picture's K neighbours have it among their own K neighbours: N x K."""
    rows = torch.arange(len(neighbours), device=neighbours.device)
    return torch.cat([(neighbours[neighbours[part]] == part[:, None, None]).any(2) for part in _blocks(rows)])


def _encode(features: Tensor, neighbours: Tensor, furthest: Tensor, k1: int) -> _Rows:
    """Return N x N: how near each picture's reciprocal neighbours are, and theirs, summing to 1 in a row."""
    size = len(features)
    half = neighbours[:, : round(k1 / 2) + 1]
    reciprocal, reciprocal_half = _reciprocal(neighbours), _reciprocal(half)
    counts, columns = [], []
    for rows in _blocks(torch.arange(size, device=features.device)):
        own = neighbours[rows].masked_fill(~reciprocal[rows], size)  # size stands for none
        theirs = half[neighbours[rows]].masked_fill(~reciprocal_half[neighbours[rows]], size)
        real = theirs < size
        common = (theirs[..., None] == own[:, None, None]).any(3) & real
        added = reciprocal[rows] & (3 * common.sum(2) > 2 * real.sum(2))
        theirs = theirs.masked_fill(~added[..., None], size)
        members = torch.cat([own, theirs.flatten(1)], dim=1).sort(1).values
        kept = members < size
        kept[:, 1:] &= members[:, 1:] != members[:, :-1]
        counts.append(kept.sum(1))
        columns.append(members[kept])
    count, column = torch.cat(counts), torch.cat(columns)
    row = torch.arange(size, device=features.device).repeat_interleave(count)
    values = features.new_empty(len(column))
    for part in _blocks_of(len(column), 4 * _BLOCK):
        # Of whole rows, index_select is several times quicker than [].
        cosine = features.index_select(0, row[part]).mul_(features.index_select(0, column[part])).sum(1)
        values[part] = (-squared_distance(cosine) / furthest[row[part]]).exp()
    values /= features.new_zeros(size).index_add_(0, row, values)[row]
    return _Rows(_starts(count), column, values)


def _average(encoded: _Rows, nearest: Tensor) -> _Rows:
    """Return the mean of the rows of each picture's nearest, N x k2, itself among them."""
    size, k2 = nearest.shape
    counts, columns, values = [], [], []
    for rows in _blocks(nearest):
        place, entry = encoded.entries(rows.flatten())
        cells, cell = torch.unique(place // k2 * size + encoded.columns[entry], return_inverse=True)
        sums = torch.zeros(len(cells), device=nearest.device).index_add_(0, cell, encoded.values[entry])
        counts.append(torch.bincount(cells // size, minlength=len(rows)))
        columns.append(cells % size)
        values.append(sums / k2)
    return _Rows(_starts(torch.cat(counts)), torch.cat(columns), torch.cat(values))


def _distances(
    cosine: Tensor, furthest: Tensor, encoded: _Rows, query: Tensor, gallery: Tensor, weight: float
) -> Tensor:
    """Compare the rows of the queries with those of the gallery, which are given by their numbers.

    The answer takes the place of their cosine similarities Q x G.
    """
    width = len(gallery)
    by_column = _transposed(encoded, gallery, len(furthest))
    shared = cosine.new_empty(min(_BLOCK, len(query)) * width)
    for part in _blocks_of(len(query), _BLOCK):
        rows = query[part]
        place, entry = encoded.entries(rows)
        column, value = encoded.columns[entry], encoded.values[entry]
        common = shared[: len(rows) * width].zero_()
        pairs = (by_column.starts[column + 1] - by_column.starts[column]).cumsum(0)
        _, sizes = torch.unique_consecutive(pairs // _PAIRS, return_counts=True)
        for some in torch.split(torch.arange(len(column), device=cosine.device), sizes.tolist()):
            mine, other = by_column.entries(column[some])
            least = torch.minimum(value[some][mine], by_column.values[other])
            common.index_add_(0, place[some][mine] * width + by_column.columns[other], least)
        common = common.view(len(rows), width)
        original = squared_distance(cosine[part]) / furthest[rows, None]
        jaccard = 1 - common / (2 - common)
        torch.add(original.mul_(weight), jaccard, alpha=1 - weight, out=cosine[part])
    return cosine


def _transposed(encoded: _Rows, gallery: Tensor, size: int) -> _Rows:
    """Return what stands in each column of the gallery's rows: ``columns`` are then places in the gallery."""
    place, entry = encoded.entries(gallery)
    column, order = encoded.columns[entry].sort(stable=True)
    starts = torch.searchsorted(column, torch.arange(size + 1, device=column.device))
    return _Rows(starts, place[order], encoded.values[entry][order])

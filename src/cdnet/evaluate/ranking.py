"""Ranking a gallery for every query: CMC, mAP and mINP by the Market-1501 protocol.

Pure functions of tensors, on whatever device they are. The queries are ranked tile by tile, so that memory stays small;
all of a tile are handled at once. Figures of merit need no order of the gallery, only the places of each query's
matches in it (:mod:`cdnet.evaluate.places`). Of gallery pictures that are equally near, the one that comes first in the
gallery is ranked first.

What is not determined has no figure: an average over no queries raises an error, and never is 0.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import NamedTuple, TypedDict, cast

import torch
from torch import Tensor

from cdnet.errors import CdnetError, UndefinedError
from cdnet.evaluate.comparable import unit_length
from cdnet.evaluate.labels import Labels, Pairs, SortedGallery, excluded
from cdnet.evaluate.places import find_places, padded

RANKS = (1, 5, 10, 20)
"""Ranks that are reported."""


class Figures(TypedDict, total=False):
    """Figures of merit by the names that logs and results have them under."""

    rank1: float
    rank5: float | None
    rank10: float | None
    rank20: float | None
    mAP: float
    mINP: float
    queries: int
    queries_without_match: int
    gallery: int


@dataclass(frozen=True)
class Metrics:
    """Figures of merit as fractions in [0, 1], averaged over the queries that have a match.

    ``queries`` counts all queries, ``queries_without_match`` those left out of the averages for want of a match.
    Ranks end where the gallery does: rank-20 of a gallery of 15 pictures is None, and ``cmc`` is 15 long.
    """

    rank1: float
    rank5: float | None
    rank10: float | None
    rank20: float | None
    mAP: float  # noqa: N815
    mINP: float  # noqa: N815
    queries: int
    queries_without_match: int
    gallery: int
    cmc: tuple[float, ...] = ()

    @classmethod
    def of(
        cls,
        cmc: Sequence[float],
        mAP: float,  # noqa: N803
        mINP: float,  # noqa: N803
        queries: int,
        queries_without_match: int,
        gallery: int,
    ) -> Metrics:
        """Gather figures; ``cmc`` has at least rank-1, and is cut off where the gallery ends."""
        curve = tuple(cmc[:gallery])
        rank5, rank10, rank20 = (curve[rank - 1] if rank <= len(curve) else None for rank in RANKS[1:])
        return cls(curve[0], rank5, rank10, rank20, mAP, mINP, queries, queries_without_match, gallery, curve)

    def to_json(self) -> Figures:
        """Return all but the whole CMC curve; a rank beyond the gallery is None."""
        return cast("Figures", {key: value for key, value in asdict(self).items() if key != "cmc"})

    def as_text(self, how: str = "") -> str:
        """Return the figures in per cent, and the counts; ``how`` follows on each line of figures.

        These are four lines, and a fifth where the gallery is too small for some ranks.
        """
        shares = {rank: getattr(self, f"rank{rank}") for rank in RANKS}
        ranks = ", ".join(f"rank-{rank} {100 * share:.2f}" for rank, share in shares.items() if share is not None)
        beyond = [f"rank-{rank}" for rank, share in shares.items() if share is None]
        lines = [
            f"{ranks}{how}",
            f"mAP {100 * self.mAP:.2f}, mINP {100 * self.mINP:.2f}{how}",
            f"{self.queries} queries against {self.gallery} gallery pictures",
            f"{self.queries_without_match} queries have no match in the gallery and are left out of the averages",
        ]
        if beyond:
            lines.append(f"the gallery is too small for {', '.join(beyond)}")
        return "\n".join(lines)


class QueryScores(NamedTuple):
    """What each of Q queries scored, the i-th row for the i-th query.

    ``matched`` Q, whether a query has any match; ``hits`` Q x R, whether a match is among the first r;
    ``average_precision`` Q and ``inverse_negative_penalty`` Q, both NaN without a match, where ``hits`` mean nothing.
    """

    matched: Tensor
    hits: Tensor
    average_precision: Tensor
    inverse_negative_penalty: Tensor


def score_tile(order: Tensor, query: Labels, gallery: Labels, max_rank: int) -> QueryScores:
    """Score some queries given the gallery's order for each.

    Args:
        order: Q x G gallery indices, nearest first.
        query: labels of the Q queries.
        gallery: labels of the G gallery pictures.
        max_rank: length R of the CMC curve.

    Raises:
        ValueError: if there is no gallery picture.
    """
    if not len(gallery):
        raise ValueError("ranking needs at least one gallery picture")
    counts = ~excluded(query, gallery).gather(1, order)
    match = (gallery.identities[order] == query.identities[:, None]) & counts
    rank = counts.cumsum(1)  # of each gallery picture among those that count, from 1
    found = match.cumsum(1)
    total = found[:, -1].double()
    precision = torch.where(match, found.double() / rank, 0.0)
    first = torch.where(match, rank, len(gallery) + max_rank).amin(1)
    last = torch.where(match, rank, 0).amax(1)
    return _scores(first, last, precision.sum(1), total, max_rank)


def _scores(nearest: Tensor, furthest: Tensor, precision: Tensor, total: Tensor, max_rank: int) -> QueryScores:
    """Return what queries scored of the places of their nearest and furthest match, and the sum of their precisions."""
    hits = nearest[:, None] <= torch.arange(1, max_rank + 1, device=nearest.device)
    # Without a match both are 0 / 0, which is NaN.
    return QueryScores(total > 0, hits, precision / total, total / furthest)


def score_features(
    query_features: Tensor,
    gallery_features: Tensor,
    query: Labels,
    gallery: Labels,
    max_rank: int = 50,
    tile: int = 256,
) -> QueryScores:
    """Rank the gallery by cosine similarity for each query.

    Args:
        query_features: Q x D, scaled to unit length here.
        gallery_features: G x D, likewise.
        query: labels of the queries.
        gallery: labels of the gallery.
        max_rank: length of the CMC curve, at least 20.
        tile: queries ranked at a time.

    Raises:
        ValueError: if the shapes do not agree, or there is no query or no gallery picture.
        CdnetError: if features cannot be compared, as :func:`~cdnet.evaluate.comparable.unit_length` says.
    """
    if len(query_features) != len(query) or len(gallery_features) != len(gallery):
        raise ValueError("features and labels differ in length")
    _refuse_nothing(query, gallery)
    query_features, gallery_features = _comparable(query_features), _comparable(gallery_features)

    def fill(rows: Tensor, into: Tensor) -> None:
        torch.mm(query_features[rows], gallery_features.T, out=into)

    return _score(fill, query_features, query, gallery, max_rank, tile)


def _comparable(features: Tensor) -> Tensor:
    scaled = unit_length(features.detach())
    return scaled.to(torch.promote_types(scaled.dtype, torch.float32))


def score_distances(
    distances: Tensor, query: Labels, gallery: Labels, max_rank: int = 50, tile: int = 256
) -> QueryScores:
    """Rank the gallery by given distances Q x G for each query; the rest is as in :func:`score_features`.

    Raises:
        ValueError: as there.
        CdnetError: if a distance is not finite.
    """
    if not distances.isfinite().all():
        raise CdnetError("distances that are not finite numbers cannot be ranked")
    if distances.shape != (len(query), len(gallery)):
        raise ValueError("distances and labels differ in length")
    distances = distances.detach().to(torch.promote_types(distances.dtype, torch.float32))

    def fill(rows: Tensor, into: Tensor) -> None:
        torch.neg(distances[rows], out=into)

    return _score(fill, distances, query, gallery, max_rank, tile)


def _score(
    fill: Callable[[Tensor, Tensor], None], like: Tensor, query: Labels, gallery: Labels, max_rank: int, tile: int
) -> QueryScores:
    """Score all queries; ``fill`` writes the similarities of some of them, given by their numbers, into R x G."""
    _refuse_nothing(query, gallery)
    max_rank, size, width = max(max_rank, 20), len(query), len(gallery)
    query, ordered = query.to(like.device), SortedGallery(gallery.to(like.device))
    # Filled in place: small results kept between the large ones that go would leave holes all over the memory.
    scores = QueryScores(
        torch.empty(size, dtype=torch.bool),
        torch.empty(size, max_rank, dtype=torch.bool),
        torch.empty(size, dtype=torch.double),
        torch.empty(size, dtype=torch.double),
    )
    similarities = like.new_full((min(tile, size), padded(width)), -torch.inf)
    # Queries with as many matches stand side by side, for they are counted together.
    for rows in torch.split(ordered.count_same(query).argsort(descending=True, stable=True), tile):
        part = similarities[: len(rows)]
        fill(rows, part[:, :width])
        matches, *others = ordered.related(query[rows])
        for pairs in others:
            part[pairs.rows, pairs.columns] = -torch.inf
        found = score_places(find_places(part, matches), matches, len(rows), max_rank)
        for whole, of_part in zip(scores, found, strict=True):
            whole[rows.cpu()] = of_part.cpu()
    return scores


def score_places(places: Tensor, matches: Pairs, queries: int, max_rank: int) -> QueryScores:
    """Score so many queries given the place, from 1, of each of their matches among what counts for them.

    Args:
        places: P, in the order of the matches; no two of a query are equal.
        matches: the P matches.
        queries: how many there are.
        max_rank: length R of the CMC curve.
    """
    rows, counts = matches.rows, matches.per_row(queries)
    if not len(places):
        nothing = torch.full((queries,), torch.nan, dtype=torch.double, device=places.device)
        return QueryScores(counts > 0, nothing.new_zeros(queries, max_rank, dtype=torch.bool), nothing, nothing)
    # Each query's own places in ascending order, query by query.
    beyond = int(places.max()) + 1
    ascending = (rows * beyond + places).sort().values % beyond
    first = counts.cumsum(0) - counts
    number = torch.arange(1, len(rows) + 1, device=rows.device) - first[rows]
    precision = torch.zeros(queries, dtype=torch.double, device=rows.device)
    precision.index_add_(0, rows, number.double() / ascending)
    matched, total = counts > 0, counts.double()
    nearest = torch.where(matched, ascending[first.clamp_max(len(rows) - 1)], beyond + max_rank)
    furthest = torch.where(matched, ascending[first + counts - 1], 0)
    return _scores(nearest, furthest, precision, total, max_rank)


def _refuse_nothing(query: Labels, gallery: Labels) -> None:
    if not len(query) or not len(gallery):
        raise ValueError("ranking needs at least one query and one gallery picture")


def average(scores: QueryScores, gallery: int) -> Metrics:
    """Average the scores of the queries that have a match; ``gallery`` counts the pictures they were ranked among.

    Raises:
        UndefinedError: if no query has a match.
    """
    matched, hits, precision, penalty = scores
    with_match = int(matched.sum())
    if not with_match:
        raise UndefinedError("no query has a match in the gallery, so that there is nothing to average")
    return Metrics.of(
        cmc=(hits[matched].double().sum(0) / with_match).tolist(),
        mAP=float(precision[matched].sum()) / with_match,
        mINP=float(penalty[matched].sum()) / with_match,
        queries=len(matched),
        queries_without_match=len(matched) - with_match,
        gallery=gallery,
    )


def evaluate_ranking(query_features: Tensor, gallery_features: Tensor, query: Labels, gallery: Labels) -> Metrics:
    """Rank the gallery by cosine similarity for each query and average; arguments as in :func:`score_features`.

    Raises:
        ValueError: if the shapes do not agree, or there is no query or no gallery picture.
        UndefinedError: if no query has a match.
        CdnetError: if features cannot be compared, as :func:`~cdnet.evaluate.comparable.unit_length` says.
    """
    return average(score_features(query_features, gallery_features, query, gallery), len(gallery))

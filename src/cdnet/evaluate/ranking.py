"""Ranking a gallery for every query: CMC, mAP and mINP by the Market-1501 protocol.

Pure functions of tensors. The queries are ranked tile by tile, so that memory stays small; all of a tile are handled at
once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

UNKNOWN = -1
"""Camera of a picture whose camera is not known; such a picture is never excluded by its camera."""


@dataclass(frozen=True)
class Metrics:
    """Figures of merit as fractions in [0, 1], averaged over the queries that have a match.

    ``queries`` counts all queries, ``queries_without_match`` those left out of the averages for want of a match.
    """

    rank1: float
    rank5: float
    rank10: float
    rank20: float
    mAP: float  # noqa: N815
    mINP: float  # noqa: N815
    queries: int
    queries_without_match: int
    gallery: int
    cmc: tuple[float, ...] = ()

    def to_json(self) -> dict[str, float | int]:
        """Return all but the whole CMC curve."""
        return {key: value for key, value in asdict(self).items() if key != "cmc"}

    def as_text(self, how: str = "") -> str:
        """Return the figures in per cent, and the counts, on four lines; ``how`` follows on each line of figures."""
        ranks = ", ".join(f"rank-{r} {100 * getattr(self, f'rank{r}'):.2f}" for r in (1, 5, 10, 20))
        return (
            f"{ranks}{how}\nmAP {100 * self.mAP:.2f}, mINP {100 * self.mINP:.2f}{how}\n"
            f"{self.queries} queries against {self.gallery} gallery pictures\n"
            f"{self.queries_without_match} queries have no match in the gallery and are left out of the averages"
        )


@dataclass(frozen=True)
class Labels:
    """Identity, camera (or UNKNOWN) and picture number of N pictures, integer tensors of length N.

    Two entries with the same picture number are the same picture, which never matches itself.
    """

    identities: Tensor
    cameras: Tensor
    pictures: Tensor

    def __len__(self) -> int:
        return len(self.identities)

    def __getitem__(self, rows: slice) -> Labels:
        return Labels(self.identities[rows], self.cameras[rows], self.pictures[rows])


class QueryScores(NamedTuple):
    """What each of Q queries scored, the i-th row for the i-th query.

    ``matched`` Q, whether a query has any match; ``hits`` Q x R, whether a match is among the first r;
    ``average_precision`` Q and ``inverse_negative_penalty`` Q, both 0 without a match.
    """

    matched: Tensor
    hits: Tensor
    average_precision: Tensor
    inverse_negative_penalty: Tensor


def excluded(query: Labels, gallery: Labels) -> Tensor:
    """Return Q x G: True where the gallery picture does not count for the query.

    That is a picture of the query's identity by the query's own camera, and the query itself.
    """
    same_identity = query.identities[:, None] == gallery.identities
    same_camera = (query.cameras[:, None] == gallery.cameras) & (query.cameras[:, None] != UNKNOWN)
    return (same_identity & same_camera) | (query.pictures[:, None] == gallery.pictures)


def score_tile(order: Tensor, query: Labels, gallery: Labels, max_rank: int) -> QueryScores:
    """Score some queries given the gallery's order for each.

    Args:
        order: Q x G gallery indices, nearest first.
        query: labels of the Q queries.
        gallery: labels of the G gallery pictures.
        max_rank: length R of the CMC curve.
    """
    counts = ~excluded(query, gallery).gather(1, order)
    match = (gallery.identities[order] == query.identities[:, None]) & counts
    rank = counts.cumsum(1)  # of each gallery picture among those that count, from 1
    found = match.cumsum(1)
    total = found[:, -1]
    matched = total > 0
    at_least_one = total.clamp_min(1)
    precision = torch.where(match, found.double() / rank.clamp_min(1), 0.0)
    first = torch.where(match, rank, order.shape[1] + 1).amin(1)
    last = torch.where(match, rank, 0).amax(1).clamp_min(1)
    hits = first[:, None] <= torch.arange(1, max_rank + 1, device=order.device)
    penalty = torch.where(matched, total.double() / last, 0.0)
    return QueryScores(matched, hits, precision.sum(1) / at_least_one, penalty)


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
    """
    if len(query_features) != len(query) or len(gallery_features) != len(gallery):
        raise ValueError("features and labels differ in length")
    query_features, gallery_features = F.normalize(query_features), F.normalize(gallery_features)
    return _score(lambda rows: -(query_features[rows] @ gallery_features.T), query, gallery, max_rank, tile)


def score_distances(
    distances: Tensor, query: Labels, gallery: Labels, max_rank: int = 50, tile: int = 256
) -> QueryScores:
    """Rank the gallery by given distances Q x G for each query; the rest is as in :func:`score_features`."""
    if distances.shape != (len(query), len(gallery)):
        raise ValueError("distances and labels differ in length")
    return _score(lambda rows: distances[rows], query, gallery, max_rank, tile)


def _score(
    distances: Callable[[slice], Tensor], query: Labels, gallery: Labels, max_rank: int, tile: int
) -> QueryScores:
    if not len(query) or not len(gallery):
        raise ValueError("ranking needs at least one query and one gallery picture")
    max_rank, size = max(max_rank, 20), len(query)
    # Filled in place: small results kept between the large ones that go would leave holes all over the memory.
    scores = QueryScores(
        torch.empty(size, dtype=torch.bool),
        torch.empty(size, max_rank, dtype=torch.bool),
        torch.empty(size, dtype=torch.double),
        torch.empty(size, dtype=torch.double),
    )
    for start in range(0, size, tile):
        rows = slice(start, start + tile)
        order = distances(rows).argsort(dim=1, stable=True)
        for whole, part in zip(scores, score_tile(order, query[rows], gallery, max_rank), strict=True):
            whole[rows] = part
    return scores


def average(scores: QueryScores, gallery: int) -> Metrics:
    """Average the scores of the queries that have a match; ``gallery`` counts the pictures they were ranked among."""
    matched, hits, precision, penalty = scores
    with_match = int(matched.sum())
    cmc = (hits[matched].double().sum(0) / max(with_match, 1)).tolist()
    return Metrics(
        rank1=cmc[0],
        rank5=cmc[4],
        rank10=cmc[9],
        rank20=cmc[19],
        mAP=float(precision[matched].sum()) / max(with_match, 1),
        mINP=float(penalty[matched].sum()) / max(with_match, 1),
        queries=len(matched),
        queries_without_match=len(matched) - with_match,
        gallery=gallery,
        cmc=tuple(cmc),
    )


def evaluate_ranking(
    query_features: Tensor,
    gallery_features: Tensor,
    query: Labels,
    gallery: Labels,
    max_rank: int = 50,
    tile: int = 256,
) -> Metrics:
    """Rank the gallery by cosine similarity for each query and average; arguments as in :func:`score_features`.

    Raises:
        ValueError: if the shapes do not agree, or there is no query or no gallery picture.
    """
    scores = score_features(query_features, gallery_features, query, gallery, max_rank, tile)
    return average(scores, len(gallery))

"""Confidence intervals of the figures of merit, by drawing the queries again and again.

A pure function of tensors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from cdnet.data.cache import Progress, silently
from cdnet.errors import UndefinedError
from cdnet.evaluate.ranking import QueryScores

LEAST = 100
"""Fewest samples: below, the ends of an interval rest on one or two of them."""

MOST = 100_000
"""Most samples: more would change the ends of an interval by less than is printed, and take minutes."""

_BLOCK = 128
_DRAWN = 1 << 22
"""Queries drawn at a time, at most."""


@dataclass(frozen=True)
class Intervals:
    """Percentile intervals, as fractions in [0, 1], of rank-1, mAP and mINP.

    They say how much the figures would vary with other queries of the same kind, for these weights and this gallery;
    they know nothing of other runs of the training, nor that the queries of one person are alike.
    """

    rank1: tuple[float, float]
    mAP: tuple[float, float]  # noqa: N815
    mINP: tuple[float, float]  # noqa: N815
    level: float
    samples: int
    seed: int

    def to_json(self) -> dict[str, object]:
        """Return all fields, intervals as lists of two."""
        bounds = {key: list(getattr(self, key)) for key in ("rank1", "mAP", "mINP")}
        return bounds | {"level": self.level, "samples": self.samples, "seed": self.seed}

    def as_text(self, rank1: float, mAP: float, mINP: float, how: str = "") -> str:  # noqa: N803
        """Return a line with figures and their intervals in per cent, such as ``rank-1 87.4 (86.2-88.5)``."""
        figures = {"rank-1": (rank1, self.rank1), "mAP": (mAP, self.mAP), "mINP": (mINP, self.mINP)}
        said = ", ".join(
            f"{name} {100 * value:.1f} ({100 * low:.1f}-{100 * high:.1f})"
            for name, (value, (low, high)) in figures.items()
        )
        return f"{100 * self.level:g} % intervals from {self.samples} bootstrap samples of the queries: {said}{how}"


def bootstrap(
    scores: QueryScores, samples: int = 1000, seed: int = 0, level: float = 0.95, progress: Progress = silently
) -> Intervals:
    """Return percentile intervals over samples of the queries that have a match, drawn with replacement.

    Each sample has as many queries as there are; the same samples serve all three figures. Quantiles are interpolated
    linearly.

    Args:
        scores: of each query.
        samples: how many, ``LEAST`` to ``MOST``.
        seed: of the draws.
        level: share of the samples within an interval, between 0 and 1.
        progress: shows how far it is.

    Raises:
        ValueError: if there are too few or too many samples, or the level is out of range.
        UndefinedError: if fewer than two queries have a match.
    """
    if not LEAST <= samples <= MOST or not 0 < level < 1:
        raise ValueError(f"expected {LEAST} to {MOST} samples and a level between 0 and 1, not {samples} and {level}")
    of_query = [scores.hits[:, 0].double(), scores.average_precision, scores.inverse_negative_penalty]
    figures = torch.stack([figure[scores.matched] for figure in of_query], dim=1).cpu()
    queries = len(figures)
    check_enough(queries)
    generator = torch.Generator().manual_seed(seed)
    means = []
    block = max(1, min(_BLOCK, _DRAWN // queries))
    starts = range(0, samples, block)
    for start in progress(starts, "drawing samples", len(starts)):
        drawn = torch.randint(queries, (min(block, samples - start), queries), generator=generator)
        means.append(torch.stack([figures[row].mean(0) for row in drawn]))
    ends = torch.tensor([(1 - level) / 2, (1 + level) / 2], dtype=torch.double)
    bounds: Sequence[Sequence[float]] = torch.cat(means).quantile(ends, dim=0).T.tolist()
    rank1, precision, penalty = ((low, high) for low, high in bounds)
    return Intervals(rank1, precision, penalty, level, samples, seed)


def check_enough(queries: int) -> None:
    """See that so many queries with a match have intervals.

    Raises:
        UndefinedError: if they are fewer than two: of one, every sample is the same.
    """
    if queries < 2:
        raise UndefinedError(
            f"intervals are over the queries that have a match, and need two of them at least, not {queries}; "
            "leave out --bootstrap, or give more pictures"
        )

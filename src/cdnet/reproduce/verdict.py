"""One rule for every claim: what measured figures say of "this is better than that"."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

Verdict = Literal["supports", "contradicts", "cannot tell", "not run"]

FEWEST = 2
"""Seeds that each side needs."""

MORE = 1.1
"""By how much the better side's share of parameters may exceed the paper's."""

QUANTILES = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228)
"""Student's t for a two-sided 95 % interval, by degrees of freedom from 1; the last serves all above."""

RULE = (
    "A claim is that one side is better than another in a figure. What we measured **supports** it if the 95 % "
    "confidence interval of the difference of their means lies above 0 (below it, where less is better), "
    "**contradicts** it if the interval lies on the other side, and otherwise **cannot tell**. The interval is "
    "Student's: the seeds' pooled standard deviation, and as many degrees of freedom as there are seeds on both sides "
    "less two. With fewer than two seeds on a side it cannot tell, whatever the difference; nor if the side that is "
    "said to be better has, relative to the other, over a tenth more parameters than in the paper. Of times, the "
    "quartiles of their ratio, round by round, take the place of the interval. What is counted is exact. A claim that "
    "compares one with several needs each of them, and is contradicted by any. What no run of ours is about is **not "
    "run**; what no figure decides is not judged, and it says why."
)
"""The rule in words, as it is printed above the claims."""


@dataclass(frozen=True)
class Found:
    """A verdict and the figures that it rests on, in words."""

    verdict: Verdict
    figures: str


def compare_means(better: Sequence[float], other: Sequence[float]) -> tuple[Verdict, float, float]:
    """Judge whether ``better`` is higher than ``other``.

    Args:
        better: the figure of each seed, at least one.
        other: likewise.

    Returns:
        The verdict, the difference of the means, and half the width of its 95 % confidence interval, which is infinite
        where a side has fewer than two seeds.
    """
    difference = statistics.fmean(better) - statistics.fmean(other)
    if min(len(better), len(other)) < FEWEST:
        return "cannot tell", difference, math.inf
    freedom = len(better) + len(other) - 2
    squares = sum((value - statistics.fmean(side)) ** 2 for side in (better, other) for value in side)
    error = math.sqrt(squares / freedom * (1 / len(better) + 1 / len(other)))
    half = QUANTILES[min(freedom, len(QUANTILES)) - 1] * error
    return between(difference - half, difference + half, 0), difference, half


def between(low: float, high: float, least: float) -> Verdict:
    """Judge an interval: supports if all of it is above ``least``, contradicts if all is below."""
    if low > least:
        return "supports"
    return "contradicts" if high < least else "cannot tell"


def more_parameters(ours: tuple[float, float], paper: tuple[str, str]) -> bool:
    """Tell whether the better side has over a tenth more parameters, relative to the other, than in the paper.

    Args:
        ours: of the better side and of the other, above 0.
        paper: likewise, as printed: what they may be rounded from is allowed for.
    """
    most, least = (float(text) + side * _half_unit(text) for text, side in zip(paper, (1, -1), strict=True))
    return ours[0] / ours[1] > MORE * most / least


def _half_unit(printed: str) -> float:
    return 0.5 * 10.0 ** -len(printed.partition(".")[2])


def together(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the verdict of a claim that needs several comparisons, at least one."""
    found = list(verdicts)
    for verdict in ("contradicts", "not run", "cannot tell"):
        if verdict in found:
            return verdict
    return "supports"

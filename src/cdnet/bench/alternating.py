"""Timing two things side by side, in turns, so that a machine's moods meet both alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Comparison:
    """Medians in seconds of ours and the peer's, and the peer's time over ours: median, lowest and highest quartile."""

    ours: float
    peer: float
    ratio: float
    low: float
    high: float


def compare(ours: Callable[[int], object], peer: Callable[[int], object], rounds: int = 9) -> Comparison:
    """Time both in turns, after one round that does not count.

    Args:
        ours: takes the round's number; whatever it starts must be finished when it returns.
        peer: likewise.
        rounds: at least 3. The ratio is taken round by round.
    """
    times: list[tuple[float, float]] = []
    for number in range(rounds + 1):
        pair = []
        for run in (ours, peer):
            started = time.perf_counter()
            run(number)
            pair.append(time.perf_counter() - started)
        times.append((pair[0], pair[1]))
    counted = times[1:]
    ratios = [second / first for first, second in counted]
    low, _, high = statistics.quantiles(ratios, n=4, method="inclusive")
    return Comparison(
        ours=statistics.median(first for first, _ in counted),
        peer=statistics.median(second for _, second in counted),
        ratio=statistics.median(ratios),
        low=low,
        high=high,
    )

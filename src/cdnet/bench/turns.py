"""Timing things side by side, in turns, so that a machine's moods meet all of them alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cdnet.bench.memory import watch_memory

Run = Callable[[int], object]
"""Takes the round's number, 0 for the one that does not count; whatever it starts must be finished when it returns."""


@dataclass(frozen=True)
class Timing:
    """Seconds of each round that counts, and how many bytes the first round added to the process at most.

    ``bytes`` is None where the system does not say it.
    """

    seconds: tuple[float, ...]
    bytes: int | None


def in_turns(runs: Mapping[str, Run], rounds: int, before: Mapping[str, Run] | None = None) -> dict[str, Timing]:
    """Run all in turns, after one round that does not count but for its memory.

    Args:
        runs: by name.
        rounds: at least 1.
        before: what is done before a run's turn and does not count, by the run's name.
    """
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    bytes_of: dict[str, int | None] = {}
    for number in range(rounds + 1):
        for name, run in runs.items():
            if not number:
                with watch_memory() as memory:
                    run(number)
                bytes_of[name] = memory.bytes
                continue
            if before is not None and name in before:
                before[name](number)
            started = time.perf_counter()
            run(number)
            seconds[name].append(time.perf_counter() - started)
    return {name: Timing(tuple(seconds[name]), bytes_of[name]) for name in runs}


@dataclass(frozen=True)
class Comparison:
    """Medians in seconds of ours and the peer's, and the peer's time over ours: median, lowest and highest quartile."""

    ours: float
    peer: float
    ratio: float
    low: float
    high: float


def compare(ours: Run, peer: Run, rounds: int = 9) -> Comparison:
    """Time both in turns, after one round that does not count; the ratio is taken round by round.

    Args:
        ours: to be timed.
        peer: likewise.
        rounds: at least 3.
    """
    found = in_turns({"ours": ours, "peer": peer}, rounds)
    first, second = found["ours"].seconds, found["peer"].seconds
    ratios = [theirs / mine for mine, theirs in zip(first, second, strict=True)]
    low, high = quartiles(ratios)
    return Comparison(statistics.median(first), statistics.median(second), statistics.median(ratios), low, high)


def quartiles(values: list[float] | tuple[float, ...]) -> tuple[float, float]:
    """Return the lower and the upper quartile; of a single value both are it."""
    if len(values) == 1:
        return values[0], values[0]
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, high

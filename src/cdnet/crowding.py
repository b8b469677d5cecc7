"""Whether other processes are on the cores that this one's threads want.

Threads that share a piece of work wait for the slowest of them. Where another process is on one of their cores, all
wait for it at each of thousands of operations, and two threads can be a hundred times slower than one.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from cdnet.progress import notes

log = notes(__name__)

LOOK_EVERY = 20.0
"""Seconds between two looks; what loads a core for less is of no account."""
MUCH = 0.3
"""Cores in use by others, and missing to the threads, from which on it is said."""
_STAT = Path("/proc/stat")
_WAITING = (3, 4)
"""Places of the times without work in a core's line: idle, and waiting for a disk."""


@dataclass(frozen=True)
class Moment:
    """Seconds that were counted up to a moment: of the clock, of this process, and of all work on its cores."""

    clock: float
    own: float
    busy: float


def read_moment(stat: Path = _STAT) -> Moment | None:
    """Return what the system has counted so far, on Linux; None elsewhere."""
    try:
        usable = os.sched_getaffinity(0)
        lines = [line.split() for line in stat.read_text().splitlines() if line.startswith("cpu")]
    except (OSError, AttributeError):
        return None
    ticks = 0
    for name, *times in lines:
        if name[3:].isdigit() and int(name[3:]) in usable:
            # The first eight; a guest's time is a part of its user's.
            ticks += sum(int(each) for place, each in enumerate(times[:8]) if place not in _WAITING)
    return Moment(time.monotonic(), time.process_time(), ticks / os.sysconf("SC_CLK_TCK"))


def used_by_others(before: Moment, after: Moment) -> float:
    """Return how many of this process's cores others used on average between two moments."""
    seconds = after.clock - before.clock
    return max(0.0, (after.busy - before.busy) - (after.own - before.own)) / seconds


def describe_crowding(others: float, threads: int, cores: int) -> str:
    """Say what is wrong if ``others`` cores are in use by others and ``threads`` want ``cores``; empty if nothing is.

    One thread waits for nobody, whoever else is there.
    """
    if threads < 2 or others < MUCH or threads + others < cores + MUCH:
        return ""
    return (
        f"other processes use {others:.1f} of the {cores} core(s) that {threads} threads are at work on; threads wait "
        "for each other at every operation, which can make this many times slower. With OMP_NUM_THREADS=1, or on "
        "cores of its own (taskset), it would be slowed no more than by its share"
    )


class Watch:
    """Says once that it is crowded.

    Args:
        moment: reads what the system has counted.
        tell: is told the sentence.
        clock: seconds by which it is time to look.
    """

    def __init__(
        self,
        moment: Callable[[], Moment | None] = read_moment,
        tell: Callable[[str], object] = log.warning,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._moment, self._tell, self._clock = moment, tell, clock
        self._before: Moment | None = None
        self._told = False

    def look(self) -> None:
        """Look if it is time to, and say it if it is so; costs next to nothing where it is not time."""
        if self._told or (self._before is not None and self._clock() - self._before.clock < LOOK_EVERY):
            return
        after = self._moment()
        if after is None:
            return
        if self._before is not None:
            cores = len(os.sched_getaffinity(0))
            said = describe_crowding(used_by_others(self._before, after), torch.get_num_threads(), cores)
            if said:
                self._told = True
                self._tell(said)
        self._before = after


WATCH = Watch()
"""Of this process: what loops over batches lets it look at each of them."""

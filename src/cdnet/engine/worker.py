"""One of the processes that share a run's work, and its part of every batch."""

from __future__ import annotations

from typing import NamedTuple

import torch


class Worker(NamedTuple):
    """A process: the ``device`` it computes on, its ``rank`` from 0, and how many ``processes`` there are."""

    device: torch.device
    rank: int = 0
    processes: int = 1

    def part_of(self, count: int) -> slice:
        """Return which of a batch's ``count`` rows are this process's; the number of processes divides it."""
        share = count // self.processes
        return slice(self.rank * share, (self.rank + 1) * share)

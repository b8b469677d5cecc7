"""Stopping at the next step or epoch where Ctrl-C or a termination signal asked for it."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

from accelerate import Accelerator

from cdnet.engine.distributed import any_process

NOTE_EVERY = 10
"""Steps between two looks at the losses; each look waits for a GPU to catch up."""


class StopRequest:
    """Whether Ctrl-C or a termination signal has come while :meth:`listening`; a second Ctrl-C stops at once."""

    def __init__(self) -> None:
        self.requested = False

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Take over SIGINT and SIGTERM for the time of the block."""
        before = {number: signal.signal(number, self._request) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _request(self, number: int, _frame: object) -> None:
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True

    def by_any_process(self, accelerator: Accelerator, steps: int = 0) -> bool:
        """Agree with the other processes on whether to stop; they ask each other every few steps only."""
        if accelerator.num_processes == 1:
            return self.requested
        return steps % NOTE_EVERY == 0 and any_process(self.requested, accelerator.device)

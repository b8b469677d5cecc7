"""A termination signal, as a command takes it that has something open."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

STATUS = 128 + signal.SIGTERM


class TerminatedError(SystemExit):
    """The process was asked to end; its status is that of one that a signal ended."""


@contextmanager
def closing_when_terminated() -> Iterator[None]:
    """Let a termination signal end the block as Ctrl-C does, so that what is open is closed before the process ends."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(*_: object) -> None:
        raise TerminatedError(STATUS)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)

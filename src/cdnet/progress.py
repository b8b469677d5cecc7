"""What long work says and shows while it runs: sentences by ``logging``, and bars where a program puts up a display.

Every logger is below ``cdnet``: what is left out, guessed or lost is a warning, how the work goes is info. The library
prints nothing itself. The command line prints both, and draws the bars; from Python there are none.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from cdnet.shown_text import harmless

T = TypeVar("T")

Note = Callable[[int, str], object]
"""Is told how many steps are done, and a few words on them."""


class Display:
    """Shows nothing; a program that shows progress puts up one of a subclass."""

    def through(self, items: Iterable[T], description: str, total: int) -> Iterable[T]:
        """Go through ``items``, of which there are ``total``."""
        return items

    @contextmanager
    def steps(self, description: str, total: int, done: int) -> Iterator[Note]:
        """Yield what is told of each step, of which ``done`` of ``total`` are done."""
        yield lambda done, words: None


_displays = [Display()]


@contextmanager
def displayed_by(display: Display) -> Iterator[None]:
    """Show progress on a display for the time of the block."""
    _displays.append(display)
    try:
        yield
    finally:
        _displays.remove(display)


def shown(items: Iterable[T], description: str, total: int) -> Iterable[T]:
    """Go through ``items``, of which there are ``total``, on the display that is put up."""
    return _displays[-1].through(items, description, total)


@contextmanager
def shown_steps(description: str, total: int, done: int) -> Iterator[Note]:
    """Yield what is told of each step, on the display that is put up."""
    with _displays[-1].steps(description, total, done) as note:
        yield note


def notes(module: str) -> logging.Logger:
    """Return a module's logger, whose sentences are harmless, one line each, whatever the names in them hold."""
    logger = logging.getLogger(module)
    logger.addFilter(_make_harmless)
    return logger


def _make_harmless(record: logging.LogRecord) -> bool:
    record.msg, record.args = harmless(record.getMessage()), ()
    return True

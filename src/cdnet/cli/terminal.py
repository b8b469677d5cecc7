"""The terminal of a command: its notes and bars go to standard error, above one another; results to standard output."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from cdnet.progress import Display, Note, displayed_by
from cdnet.shown_text import harmless

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

T = TypeVar("T")


@cache
def _console() -> Console:
    from rich.console import Console  # not before something is to be shown, so that --help is quick

    return Console(stderr=True, highlight=False, markup=False, soft_wrap=True)


def note(sentence: str) -> None:
    """Print a sentence on standard error, as one harmless line."""
    _console().print(harmless(sentence))


@contextmanager
def at_work() -> Iterator[None]:
    """Print what the library says, and show its progress, for the time of the block."""
    logger, handler = logging.getLogger("cdnet"), _Notes()
    level, propagate = logger.level, logger.propagate
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False  # another package may have set up a handler that would print it again
    try:
        with displayed_by(_Bars()):
            yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
        logger.propagate = propagate


class _Notes(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        note(record.getMessage())
        if record.exc_info:
            for line in logging.Formatter().formatException(record.exc_info).splitlines():
                note(line)


class _Bars(Display):
    """Bars that vanish when done; without a terminal, nothing."""

    def through(self, items: Iterable[T], description: str, total: int) -> Iterable[T]:
        if not _console().is_terminal:
            return items
        from rich.markup import escape
        from rich.progress import track

        return track(items, escape(harmless(description)), total, console=_console(), transient=True)

    @contextmanager
    def steps(self, description: str, total: int, done: int) -> Iterator[Note]:
        from rich.progress import MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

        words = TextColumn("{task.fields[words]}", markup=False)
        left = (TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn())
        with _bar(MofNCompleteColumn(), words, *left) as bar:
            task = bar.add_task(harmless(description), total=total, completed=done, words="")
            yield lambda done, words: bar.update(task, completed=done, words=words)


@contextmanager
def telling() -> Iterator[Callable[[str, float], None]]:
    """Yield what is told what is being done and which share of it is done: a bar that vanishes, or a line for each."""
    from rich.progress import TextColumn, TimeElapsedColumn

    told: set[str] = set()
    with _bar(TextColumn("{task.percentage:>3.0f} %", markup=False), TimeElapsedColumn()) as bar:
        task = bar.add_task("", total=1.0, visible=False)

        def tell(what: str, share: float) -> None:
            if what not in told and not _console().is_terminal:
                note(what)
            told.add(what)
            bar.update(task, description=harmless(what), completed=share, visible=True)

        yield tell


def _bar(*columns: Any) -> Progress:
    from rich.progress import BarColumn, Progress, TextColumn

    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        *columns,
        console=_console(),
        transient=True,
        disable=not _console().is_terminal,
    )

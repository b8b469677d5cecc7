"""What long work shows while it runs: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
    track,
)

from cdnet.shown_text import harmless

T = TypeVar("T")


class _HarmlessConsole(Console):
    def print(self, *objects: Any, **how: Any) -> None:
        """Print as usual, each text as one harmless line; what draws bars is not text."""
        super().print(*(harmless(item) if isinstance(item, str) else item for item in objects), **how)


console = _HarmlessConsole(stderr=True, highlight=False, markup=False, soft_wrap=True)
"""Where progress and notes go; results go to standard output."""


def shown(items: Iterable[T], description: str, total: int) -> Iterable[T]:
    """Go through ``items``, with a bar that vanishes when done; without a terminal, silently."""
    if not console.is_terminal:
        return items
    return track(items, escape(harmless(description)), total, console=console, transient=True)


def training_bar() -> Progress:
    """Return a bar with room for images/s and losses in the field ``note``."""
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn("{task.fields[note]}", markup=False),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


@contextmanager
def telling() -> Iterator[Callable[[str, float], None]]:
    """Yield what is told what is being done and which share of it is done: a bar that vanishes, or a line for each."""
    told: set[str] = set()
    bar = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        TextColumn("{task.percentage:>3.0f} %", markup=False),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    with bar:
        task = bar.add_task("", total=1.0, visible=False)

        def tell(what: str, share: float) -> None:
            if what not in told and not console.is_terminal:
                console.print(what)
            told.add(what)
            bar.update(task, description=harmless(what), completed=share, visible=True)

        yield tell

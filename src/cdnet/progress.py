"""What long work shows while it runs: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
    track,
)

T = TypeVar("T")

console = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
"""Where progress and notes go; results go to standard output."""


def shown(items: Iterable[T], description: str, total: int) -> Iterable[T]:
    """Go through ``items``, with a bar that vanishes when done; without a terminal, silently."""
    if not console.is_terminal:
        return items
    return track(items, description, total, console=console, transient=True)


def training_bar() -> Progress:
    """Return a bar with room for images/s and losses in the field ``note``."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn("{task.fields[note]}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )

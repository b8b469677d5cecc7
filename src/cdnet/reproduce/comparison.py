"""The paper's figures beside ours: rounding, differences, seeds, and what is to be said of a row."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cdnet.reproduce.paper import FIGURES, PaperRow
from cdnet.tables.summary import Spread

NOT_MEASURED = "not measured"
FROM_ELSEWHERE = "another work's"
NOT_TRAINED = "not trained here"


@dataclass(frozen=True)
class Cell:
    """One figure of one row.

    Args:
        figure: one of ``FIGURES``.
        paper: as printed.
        ours: our figure in the paper's unit; None if there is none.
        spread: lowest and highest over the seeds, of a trained figure.
        seeds: how many there are, 0 for a figure that is counted.
        why: why ours is missing.
    """

    figure: str
    paper: str
    ours: float | str | None
    spread: tuple[float, float] | None = None
    seeds: int = 0
    why: str = ""

    @property
    def title(self) -> str:
        """The column's title with its unit."""
        return FIGURES[self.figure].title

    @property
    def digits(self) -> int:
        """Digits after the point, as the paper prints."""
        return len(self.paper.partition(".")[2])

    @property
    def shown(self) -> str:
        """Our figure with as many digits as the paper's, or why there is none."""
        if self.ours is None:
            return self.why
        return self.ours if isinstance(self.ours, str) else f"{self.ours:.{self.digits}f}"

    @property
    def shown_spread(self) -> str:
        """Lowest and highest, if there are several seeds."""
        if self.spread is None or self.seeds < 2:
            return ""
        return f"{self.spread[0]:.{self.digits}f} to {self.spread[1]:.{self.digits}f}"

    @property
    def difference(self) -> str:
        """Ours as shown minus the paper's, with its sign; for a genotype ``same`` or ``other``; or nothing."""
        if self.ours is None:
            return ""
        if isinstance(self.ours, str):
            return "same" if self.ours == self.paper else "other"
        if not re.fullmatch(r"[\d.]+", self.paper):
            return ""
        difference = float(self.shown) - float(self.paper)
        return f"{difference:+.{self.digits}f}" if round(difference, self.digits) else f"{0:.{self.digits}f}"

    @property
    def agrees(self) -> bool:
        """Whether ours, rounded as the paper's, is the same."""
        return self.shown == self.paper


@dataclass(frozen=True)
class Compared:
    """A row: its cells in the order of the table's columns, and what is to be said of it.

    ``from_scratch`` says that it was trained from scratch where the paper's is pre-trained.
    """

    row: PaperRow
    cells: tuple[Cell, ...]
    remarks: tuple[str, ...]
    from_scratch: bool = False

    @property
    def seeds(self) -> int:
        """With how many seeds it was trained."""
        return max((cell.seeds for cell in self.cells), default=0)


def compare_row(
    row: PaperRow,
    figures: Sequence[str],
    counted: Mapping[str, float | str],
    results: Sequence[Mapping[str, Any]],
    marks: Sequence[str],
    why: str,
    full_size: bool = True,
) -> Compared:
    """Put our figures of a row beside the paper's.

    Args:
        row: of the table.
        figures: the table's columns.
        counted: as :func:`cdnet.reproduce.counting.count_row` gives it; empty if the row has no network of ours.
        results: of its seeds, as :func:`cdnet.tables.row.run_rows` gives them.
        marks: what makes its figures other than the paper's.
        why: why results are missing.
        full_size: whether the counted network is the paper's, so that what is known of its counts is to be said.
    """
    cells = tuple(_cell(row, figure, counted, results, why) for figure in figures if figure in row.paper)
    known = [
        f"{cell.title.partition(',')[0]}: {row.known[cell.figure]}"
        for cell in cells
        if full_size and cell.figure in row.known and cell.ours is not None and not cell.agrees
    ]
    return Compared(row, cells, (*marks, *known, *([row.note] if row.note else [])))


def _cell(
    row: PaperRow,
    figure: str,
    counted: Mapping[str, float | str],
    results: Sequence[Mapping[str, Any]],
    why: str,
) -> Cell:
    printed, kind = row.paper[figure], FIGURES[figure].kind
    if figure in counted:
        return Cell(figure, printed, counted[figure])
    if kind == "elsewhere":
        return Cell(figure, printed, None, why=NOT_MEASURED)
    if kind == "trained" and results:
        spread = Spread.of([100 * result[figure] for result in results])
        return Cell(figure, printed, spread.mean, (spread.low, spread.high), len(results))
    if row.run is None:
        why = FROM_ELSEWHERE if row.network is None else NOT_TRAINED
    return Cell(figure, printed, None, why=why)

"""The paper's figures beside ours: rounding, differences, seeds, and what is to be said of a row."""

from __future__ import annotations

import re
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cdnet.reproduce.paper import APART, FIGURES, PaperRow
from cdnet.tables.summary import Spread

NOT_MEASURED = "not measured"
FEWEST_DIGITS = 1
FROM_ELSEWHERE = "another work's"
NOT_TRAINED = "not trained here"


@dataclass(frozen=True)
class TableCell:
    """One figure of one row.

    Args:
        figure: one of ``FIGURES``.
        paper: as printed.
        ours: our figure in the paper's unit; None if there is none.
        spread: lowest and highest over the seeds of a trained figure, or the rounds of a time.
        seeds: how many there are, 0 for a figure that is not trained.
        values: ours of each seed, or round, in the paper's unit; of a count it alone.
        why: why ours is missing.
    """

    figure: str
    paper: str
    ours: float | str | None
    spread: tuple[float, float] | None = None
    seeds: int = 0
    why: str = ""
    values: tuple[float, ...] = ()

    @property
    def title(self) -> str:
        """The column's title with its unit."""
        return FIGURES[self.figure].title

    @property
    def digits(self) -> int:
        """Digits after the point, as the paper prints; of what it does not print, one."""
        return len(self.paper.partition(".")[2]) if self.paper else FEWEST_DIGITS

    @property
    def shown(self) -> str:
        """Our figure with as many digits as the paper's, or why there is none."""
        if self.ours is None:
            return self.why
        return self.ours if isinstance(self.ours, str) else f"{self.ours:.{self.digits}f}"

    @property
    def shown_spread(self) -> str:
        """Lowest and highest, if there are several seeds or rounds."""
        if self.spread is None or len(self.values) < 2:
            return ""
        return f"{self.spread[0]:.{self.digits}f} to {self.spread[1]:.{self.digits}f}"

    @property
    def difference(self) -> str:
        """Ours as shown minus the paper's, with its sign; for a genotype ``same`` or ``other``; or nothing.

        Times of another machine are not subtracted.
        """
        if self.ours is None or FIGURES[self.figure].kind == "timed":
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
    cells: tuple[TableCell, ...]
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
    times: Mapping[str, Sequence[float]] | None = None,
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
        times: timed figures, of every round.
    """
    shown = [part for figure in figures if figure in row.paper for part in (figure, *APART.get(figure, ()))]
    cells = tuple(_cell(row, figure, counted, results, why, times or {}) for figure in shown)
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
    times: Mapping[str, Sequence[float]],
) -> TableCell:
    printed, kind = row.paper.get(figure, ""), FIGURES[figure].kind
    if figure in counted:
        found = counted[figure]
        return TableCell(figure, printed, found, values=() if isinstance(found, str) else (found,))
    if figure in times:
        rounds = tuple(times[figure])
        return TableCell(figure, printed, statistics.median(rounds), (min(rounds), max(rounds)), values=rounds)
    if kind == "timed":
        return TableCell(figure, printed, None, why=NOT_MEASURED)
    if kind == "trained" and results:
        values = tuple(100 * result[figure] for result in results)
        spread = Spread.of(values)
        return TableCell(figure, printed, spread.mean, (spread.low, spread.high), len(results), values=values)
    if row.run is None:
        why = FROM_ELSEWHERE if row.network is None else NOT_TRAINED
    return TableCell(figure, printed, None, why=why)

"""A compared table as text, as CSV, and all tables of a folder as one HTML page."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cdnet.files import write_text
from cdnet.report.page import environment
from cdnet.reproduce.comparison import Compared, TableCell
from cdnet.reproduce.paper import APART, PaperTable
from cdnet.shown_text import csv_cell, harmless

PAGE = "report.html"
COLUMNS = (
    "table", "row", "title", "figure", "paper", "ours", "difference", "low", "high", "seeds", "values", "scale",
    "remarks",
)  # fmt: skip
"""``values`` are ours of each seed or round, and of a count itself, with more digits than the paper's."""


@dataclass(frozen=True)
class ComparedTable:
    """A table with its rows compared; ``mark`` stands on everything that is not at the paper's settings."""

    table: PaperTable
    rows: Sequence[Compared]
    mark: str
    small: bool = False

    @property
    def trained(self) -> list[Compared]:
        """The rows that were trained."""
        return [row for row in self.rows if row.seeds]

    @property
    def extent(self) -> str:
        """How much of it was trained, such as ``2 of its 3 rows trained, with 1 or 2 seeds``."""
        known = {run.name for run in self.table.runs}
        done = {row.row.name for row in self.trained}
        if not done:
            return "counted only, nothing trained"
        seeds = sorted({row.seeds for row in self.trained})
        said = f"{' or '.join(map(str, seeds))} seed{'' if seeds == [1] else 's'}"
        scratch = len({row.row.name for row in self.trained if row.from_scratch})
        parts = [f"{len(done)} of its {len(known)} rows trained, with {said}"]
        parts += [f"{scratch} of them from scratch in place of pre-trained"] if scratch else []
        parts += [] if self.small or not self.mark else ["by changed settings"]
        return ", ".join(parts)

    @property
    def anchor(self) -> str:
        """By what the page's links find it."""
        return f"{self.table.name}{'-small' if self.small else ''}"

    @property
    def heading(self) -> str:
        """Its number and what it shows."""
        small = " (small scale)" if self.small else ""
        return f"{self.table.name.replace('-', ' ').capitalize()}{small}: {self.table.title}"


def as_text(compared: ComparedTable) -> str:
    """Return the table with the paper's column beside ours, figure by figure; small scale stands above and below."""
    figures = {cell.figure: cell.title for row in compared.rows for cell in row.cells}
    order = [part for name in compared.table.figures for part in (name, *APART.get(name, ()))]
    figures = {name: figures[name] for name in order if name in figures}
    ours = "ours, small scale" if compared.small else "ours"
    head = ["row", *(word for title in figures.values() for word in (f"{title}: paper", ours))]
    lines = [head]
    for row in compared.rows:
        cells = {cell.figure: cell for cell in row.cells}
        shown = [(cells[name].paper, _ours(cells[name])) if name in cells else ("", "") for name in figures]
        lines.append([row.row.name, *(word for pair in shown for word in pair)])
    wide = [max(len(line[column]) for line in lines) for column in range(len(head))]
    text = [compared.heading, *([compared.mark] if compared.mark else [])]
    text += ["  ".join(word.ljust(width) for word, width in zip(line, wide, strict=True)).rstrip() for line in lines]
    text += _remarks(compared.rows)
    text += [compared.table.note] if compared.table.note else []
    return "\n".join([*text, *([compared.mark] if compared.mark else [])])


def _remarks(rows: Sequence[Compared]) -> list[str]:
    """Return each remark once, with the rows that it is of."""
    named: dict[str, dict[str, None]] = {}
    for row in rows:
        for remark in row.remarks:
            named.setdefault(remark, {})[row.row.name] = None
    every = {row.row.name for row in rows}
    return [
        f"{'all rows' if len(names) == len(every) > 1 else ', '.join(names)}: {harmless(remark)}"
        for remark, names in named.items()
    ]


def _ours(cell: TableCell) -> str:
    number = f"{cell.seeds} seeds" if cell.seeds else f"{len(cell.values)} rounds"
    spread = f" ({cell.shown_spread}, {number})" if cell.shown_spread else ""
    return f"{cell.shown}{spread}"


def csv_name(compared: ComparedTable) -> str:
    """Return what the table's CSV file is called: ``table-7.csv``, or ``table-7-small.csv`` at small scale."""
    return f"{compared.anchor}.csv"


def write_table(path: Path, compared: ComparedTable) -> None:
    """Write a CSV file with a line a figure, atomically.

    Raises:
        CdnetError: if it cannot be written.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in compared.rows:
        for cell in row.cells:
            low, high = (f"{value:.4f}" for value in cell.spread) if cell.spread else ("", "")
            named = (compared.table.name, row.row.name, row.row.title, cell.figure)
            values = " ".join(f"{value:.6g}" for value in cell.values)
            figures = (cell.paper, cell.shown, cell.difference, low, high, cell.seeds or "", values)
            # Titles such as +BNNeck are the paper's and ours; only a remark may hold somebody's text.
            writer.writerow([*named, *figures, compared.mark, csv_cell("; ".join(row.remarks))])
    write_text(path, text.getvalue())


def write_page(path: Path, known: Sequence[PaperTable], tables: Sequence[ComparedTable]) -> None:
    """Write the HTML page, atomically; it asks nothing of the network.

    Args:
        path: of the page.
        known: all tables, so that it can name those of which nothing was run.
        tables: those to show.

    Raises:
        CdnetError: if it cannot be written.
    """
    marks = list(dict.fromkeys(table.mark for table in tables if table.mark))
    mixed = any(table.table.runs and not table.mark for table in tables)
    small = any(table.small for table in tables)
    shown = [table.table for table in tables]
    absent = [table.name.removeprefix("table-") for table in known if table.runs and table not in shown]
    template = environment().get_template("reproduce.html.j2")
    page = template.render(tables=tables, marks=marks, small=small, mixed=mixed, absent=absent)
    write_text(path, page)

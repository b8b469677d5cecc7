"""A table as spreadsheets and scripts save it: its separator, its header, and its rows with their lines.

Text is UTF-8. What separates the cells, a comma, a semicolon, a tab or an upright line, the header says by having the
wanted columns, or a line ``sep=;`` above it, as a spreadsheet writes it. Capitals and blanks around the header's words
do not matter. Whatever would leave a cell in doubt is refused.
"""

from __future__ import annotations

import csv
import math
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from cdnet.data.formats import HEAD, format_of
from cdnet.errors import CdnetError

MAX_BYTES = 64 * 2**20
"""The most bytes of a table."""
MAX_ROWS = 500_000
"""The most rows of a table: each takes a thousand bytes of memory once it is read."""
SEPARATORS = {",": "a comma", ";": "a semicolon", "\t": "a tab", "|": "an upright line"}
_MARKS = {b"\xff\xfe\0\0": "UTF-32", b"\0\0\xfe\xff": "UTF-32", b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}
_UTF8 = "save it as UTF-8 (spreadsheets offer it as 'CSV UTF-8')"


@dataclass(frozen=True)
class CsvRow:
    """A row's cells, by column, without blanks around them, and the line it ends on."""

    line: int
    cells: dict[str, str]


@dataclass(frozen=True)
class Table:
    """A table: ``columns`` in lower case as the header has them, and the rows, of the wanted columns alone."""

    columns: tuple[str, ...]
    rows: list[CsvRow]


def read_table(path: Path, needed: Sequence[str], optional: Sequence[str]) -> Table:
    """Read the wanted columns of a table.

    A row that ends before a column that is not wanted, or goes on with empty cells, is whole; an empty one is none.

    Raises:
        CdnetError: if the file is no such text, has not the needed columns, has a wanted column twice, a row has fewer
            or more cells than the header, a quote is not closed, or the table is too long.
    """
    with open_table(path, needed, optional, MAX_ROWS, MAX_BYTES) as (columns, rows):
        return Table(tuple(columns), list(rows))


@contextmanager
def open_table(
    path: Path,
    needed: Sequence[str],
    optional: Sequence[str],
    most_rows: float = math.inf,
    most_bytes: float = math.inf,
) -> Iterator[tuple[list[str], Iterator[CsvRow]]]:
    """Open a table and give its columns and its rows, which are read as they are asked for.

    Raises:
        CdnetError: as :func:`read_table` does, once the row in question is read.
    """
    _refuse_other_files(path, most_bytes)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = _Lines(path, file)
            separator, header = _header(path, lines, needed, optional)
            rows = _rows(path, lines, separator, header, (*needed, *optional), most_rows)
            first = next(rows, None)
            if first is None:
                raise CdnetError(f"{path}: no pictures there, for it has a header and no rows")
            yield header, chain([first], rows)
    except UnicodeDecodeError:
        raise CdnetError(f"{path}, line {_undecodable(path)}: not UTF-8 text; {_UTF8}") from None
    except OSError as error:
        raise CdnetError(f"{path} could not be read: {error.strerror or error}") from error


class _Lines:
    """The lines of a file, one after the other; ``number`` is that of the last."""

    def __init__(self, path: Path, file: Iterator[str]) -> None:
        self._path, self._file, self.number = path, file, 0

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = next(self._file)
        self.number += 1
        if "\0" in line:
            raise CdnetError(f"{self._path}, line {self.number}: holds NUL bytes, so it is no UTF-8 text; {_UTF8}")
        return line


def _refuse_other_files(path: Path, most_bytes: float) -> None:
    status = os.stat(path)
    if not stat.S_ISREG(status.st_mode):
        raise CdnetError(f"{path}: no regular file, but a folder, a pipe or a device; save the table as a file")
    if status.st_size > most_bytes:
        raise CdnetError(
            f"{path}: {status.st_size:,} bytes are more than the {most_bytes:,} a table of pictures may have; "
            "is it the table?"
        )
    if not status.st_size:
        raise CdnetError(f"{path}: an empty file")
    with path.open("rb") as file:
        start = file.read(HEAD)
    if start.startswith(b"PK\x03\x04") or start.startswith(b"\xd0\xcf\x11\xe0"):
        raise CdnetError(f"{path}: a spreadsheet's own file or an archive; save the table as 'CSV UTF-8'")
    if format_of(start) is not None:
        raise CdnetError(f"{path}: a picture ({format_of(start)}), not a table of pictures; name the folder it lies in")
    for mark, encoding in _MARKS.items():
        if start.startswith(mark):
            raise CdnetError(f"{path}: {encoding} text; {_UTF8}")


def _undecodable(path: Path) -> int:
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError:
                return number
    return 1


def _header(path: Path, lines: _Lines, needed: Sequence[str], optional: Sequence[str]) -> tuple[str, list[str]]:
    text = next((line for line in lines if line.strip()), "")
    separators: Sequence[str] = tuple(SEPARATORS)
    said = text.strip().strip('"')
    if said.lower().startswith("sep=") and len(said) == 5:
        separators, text = (said[4],), next(lines, "")
    elif text.strip("\r\n").lower() == "sep=\t":
        separators, text = ("\t",), next(lines, "")
    found = {separator: _words(text, separator) for separator in separators}
    for separator, words in found.items():
        if set(needed) <= set(words):
            for column in (*needed, *optional):
                if words.count(column) > 1:
                    raise CdnetError(f"{path}: the column {column!r} stands {words.count(column)} times in the header")
            return separator, words
    likely = max(found.values(), key=len)
    missing = next(column for column in needed if column not in likely)
    raise CdnetError(
        f"{path}: no column {missing!r}; the header needs {' and '.join(needed)}, may have {' and '.join(optional)}, "
        f"and is {_short(text.strip())}"
    )


def _words(text: str, separator: str) -> list[str]:
    try:
        words = next(csv.reader([text], delimiter=separator, skipinitialspace=True, strict=True), [])
    except csv.Error:  # quotes in the wrong places, which another separator may put right
        return []
    return [" ".join(word.split()).lower() for word in words]


def _rows(
    path: Path, lines: _Lines, separator: str, header: Sequence[str], wanted: Sequence[str], most: float
) -> Iterator[CsvRow]:
    places = {column: header.index(column) for column in wanted if column in header}
    reader = csv.reader(lines, delimiter=separator, skipinitialspace=True, strict=True)
    count = 0
    try:
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            surplus = any(cell.strip() for cell in cells[len(header) :])
            if surplus or len(cells) <= max(places.values()):
                name = SEPARATORS.get(separator, repr(separator))
                way_out = f"put a cell with {name} in it into quotes" if surplus else f"end it with {name} a cell"
                raise CdnetError(
                    f"{path}, line {lines.number}: {len(cells)} cells, and the header has {len(header)}; {way_out}"
                )
            row = CsvRow(lines.number, {column: cells[place].strip() for column, place in places.items()})
            if any("\n" in cell or "\r" in cell for cell in row.cells.values()):
                raise CdnetError(f"{path}, line {lines.number}: a cell of several lines; is a quote not closed?")
            count += 1
            if count > most:
                raise CdnetError(f"{path}: more than the {most:,} rows a table of pictures may have")
            yield row
    except csv.Error as error:
        raise CdnetError(
            f"{path}, line {lines.number}: not readable as a row of a table ({error}); is a quote not closed?"
        ) from None


def _short(text: str) -> str:
    return repr(text if len(text) <= 200 else text[:200] + "...")

"""Pictures that are listed in a table, with what is known of each.

Its header has ``path``, relative to the table's folder, and perhaps ``camera``, ``time``, ``person`` (or ``identity``),
``note``, ``source`` and ``box``; an empty cell is what is not known. Times are in ISO 8601, by UTC where they say no
zone; a box is left, top, width and height in pixels with blanks between.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from cdnet.data.csv_file import Finder
from cdnet.data.csv_table import CsvRow, read_table
from cdnet.errors import CdnetError
from cdnet.gallery.adding import Labelled
from cdnet.gallery.entry import Box, check_time

OPTIONAL = ("camera", "time", "person", "identity", "note", "source", "box")
ENDINGS = (".csv", ".tsv")


def is_table(place: Path) -> bool:
    """Tell whether a place is a table, by its ending."""
    return place.suffix.lower() in ENDINGS and place.is_file()


def listed(path: Path) -> tuple[list[Labelled], list[str]]:
    """Return the pictures of a table, in its order, and what is to be said of it.

    Raises:
        CdnetError: if it is no such table, or a cell is not what its column has.
    """
    table = read_table(path, ("path",), OPTIONAL)
    if {"person", "identity"} <= set(table.columns):
        raise CdnetError(f"{path}: has the columns person and identity, which are one thing; leave one out")
    find = Finder(path.parent)
    pictures = [_picture(path, row, find) for row in table.rows]
    unread = [repr(name) for name in dict.fromkeys(table.columns) if name and name not in ("path", *OPTIONAL)]
    return pictures, [f"{path}: columns that are not read: {', '.join(unread)}"] if unread else []


def time_of(text: str) -> datetime:
    """Return a time, by UTC where it says no zone.

    Raises:
        CdnetError: if it is none, or before 1970.
    """
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise CdnetError(f"{text!r} is no time; write it as 2026-03-01T14:00+01:00") from None
    found = found if found.tzinfo is not None else found.replace(tzinfo=UTC)
    check_time(found)
    return found


def _picture(path: Path, row: CsvRow, find: Finder) -> Labelled:
    cells = row.cells
    try:
        if not cells["path"]:
            raise CdnetError("no path")
        return Labelled(
            find(cells["path"]),
            cells.get("camera") or None,
            cells.get("person") or cells.get("identity") or None,
            time_of(cells["time"]) if cells.get("time") else None,
            cells.get("note", ""),
            cells.get("source") or None,
            _box(cells["box"].split()) if cells.get("box") else None,
        )
    except CdnetError as error:
        raise CdnetError(f"{path}, line {row.line}: {error}") from None


def _box(words: Sequence[str]) -> Box:
    try:
        left, top, width, height = map(int, words)
    except ValueError:
        raise CdnetError(f"the box {' '.join(words)!r} is not left, top, width and height in pixels") from None
    return Box(left, top, width, height)

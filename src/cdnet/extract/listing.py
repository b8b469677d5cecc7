"""Which pictures are meant: those below a folder, or those that a table names."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from cdnet.data.csv_file import Finder
from cdnet.data.csv_table import read_table
from cdnet.data.files_below import files_below
from cdnet.errors import CdnetError


@dataclass(frozen=True)
class Listing:
    """Pictures in a fixed order.

    Args:
        names: as the table has them, or below the folder; what the features are found by.
        paths: where they are.
        others: what lies there and is no picture, each with what it is.
    """

    names: list[str]
    paths: list[Path]
    others: list[str]

    @property
    def digest(self) -> str:
        """SHA-256 of the names, by which a resumed extraction knows its pictures."""
        return hashlib.sha256("\0".join(self.names).encode("utf-8", "surrogateescape")).hexdigest()

    def shard(self, number: int, of: int) -> Listing:
        """Return one of ``of`` parts of nearly equal length, whose order together is the whole's.

        Args:
            number: 1 to ``of``.
            of: at least 1.
        """
        first, end = len(self.names) * (number - 1) // of, len(self.names) * number // of
        return Listing(self.names[first:end], self.paths[first:end], self.others if number == 1 else [])


def list_pictures(place: Path) -> Listing:
    """Return the pictures of a folder, and of those below it, or of a CSV table with a column ``path``.

    A table may name a picture more than once.

    Raises:
        CdnetError: if there is no such folder or table, or it names no picture.
    """
    if place.is_dir():
        found = files_below(place)
        names = [os.fspath(path.relative_to(place)) for path in found.pictures]
        others = [f"{path}: {what}" for path, what in found.others]
        listing = Listing(names, found.pictures, others)
    elif place.is_file():
        table, find = read_table(place, ("path",), ()), Finder(place.parent)
        names = [row.cells["path"] for row in table.rows]
        empty = next((row.line for row in table.rows if not row.cells["path"]), None)
        if empty is not None:
            raise CdnetError(f"{place}, line {empty}: names no picture")
        listing = Listing(names, [find(name) for name in names], [])
    else:
        raise CdnetError(f"{place}: no such folder, nor a table of pictures")
    if not listing.names:
        raise CdnetError(f"{place}: no pictures in it")
    return listing

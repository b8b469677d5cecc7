"""Which pictures are to be extracted, in which order: a list on disk, for a million of them should take no memory.

A CSV file is listed row by row. A folder's names are in memory while it is listed, and not after.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO, NamedTuple

from cdnet.data.csv_file import Finder
from cdnet.data.csv_table import open_table
from cdnet.data.files_below import files_below
from cdnet.errors import CdnetError
from cdnet.files import write_atomically

PART = 1024
"""Pictures that are extracted and kept together."""


class Entry(NamedTuple):
    """A picture: ``shown`` is how the source calls it, ``file`` where it lies; identity and camera if they are told."""

    shown: str
    file: str
    identity: str | None = None
    camera: str | None = None


@dataclass(frozen=True)
class Listing:
    """A list that was written to ``path``: how many pictures, its digest, and what is said of what it leaves out."""

    path: Path
    count: int
    digest: str
    columns: tuple[str, ...]
    remarks: tuple[str, ...]
    places: tuple[int, ...]

    def entries(self, start: int, stop: int) -> Iterator[Entry]:
        """Yield the pictures from number ``start`` to before ``stop``."""
        with self.path.open("rb") as file:
            file.seek(self.places[start // PART])
            for line in islice(file, start % PART, start % PART + stop - start):
                yield Entry(*json.loads(line))


def write_listing(source: Path, path: Path) -> Listing:
    """List the pictures of a folder, or those that a CSV file names, in a fixed order.

    Args:
        source: the folder, of which every picture below counts; or a CSV file with the column ``path`` and perhaps
            ``identity`` and ``camera``. It may name a picture twice.
        path: the file to write the list to.

    Raises:
        CdnetError: if there is no picture, or the folder or the file cannot be read.
    """
    if not source.exists():
        raise CdnetError(f"{source}: no such folder or CSV file; name where the pictures are")
    digest = hashlib.sha256()
    places: list[int] = []
    passed: list[str] = []
    columns: list[str] = []
    ours = Path(os.path.abspath(path.parent))  # which may lie among the pictures
    count = 0

    def write(out: BinaryIO) -> None:
        nonlocal count
        found = _of_folder(source, passed, ours) if source.is_dir() else _of_csv(source, columns)
        place = 0
        for entry in found:
            if count % PART == 0:
                places.append(place)
            digest.update(json.dumps([entry.shown, entry.identity, entry.camera]).encode())
            place += out.write(json.dumps(entry).encode() + b"\n")
            count += 1

    write_atomically(path, write)
    if not count:
        path.unlink()
        raise CdnetError(f"{source}: no pictures there")
    return Listing(path, count, digest.hexdigest(), tuple(columns), tuple(_said(source, passed)), tuple(places))


def _of_folder(folder: Path, passed: list[str], ours: Path) -> Iterator[Entry]:
    top = os.path.abspath(folder)
    found = files_below(Path(top))
    passed += (f"{path}: {what}" for path, what in found.others if path.parent != ours)
    for path in found.pictures:
        yield Entry(path.relative_to(top).as_posix(), str(path))


def _of_csv(path: Path, columns: list[str]) -> Iterator[Entry]:
    find = Finder(Path(os.path.abspath(path)).parent)
    with open_table(path, ("path",), ("identity", "camera")) as (header, rows):
        columns += [name for name in ("identity", "camera") if name in header]
        for row in rows:
            shown = row.cells["path"]
            if not shown:
                raise CdnetError(f"{path}, line {row.line}: no path; name the picture, or leave the row out")
            yield Entry(shown, str(find(shown)), row.cells.get("identity") or None, row.cells.get("camera") or None)


def _said(source: Path, passed: list[str]) -> list[str]:
    if not passed:
        return []
    return [f"{source}: {len(passed):,} entries that are no pictures are passed over, first {passed[0]}"]

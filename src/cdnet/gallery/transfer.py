"""A gallery as one file: written from one moment of it, and read into another, on whatever machine.

The file is gzip of lines of JSON: what it is and the network first, then an entry a line with its feature (base64 of
little-endian 32-bit floats), and at last how many there were, so that one that was cut short is known.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import math
import os
import zlib
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from cdnet.data.limits import MAX_BYTES
from cdnet.errors import CdnetError
from cdnet.files import refuse_no_file, saying_what_was_not_read, write_atomically
from cdnet.gallery import listing
from cdnet.gallery.connections import Connection
from cdnet.gallery.embedded import NoGalleryError
from cdnet.gallery.entry import Box, NewEntry, check_time
from cdnet.gallery.gallery import Gallery
from cdnet.gallery.indexing import IndexProgress, silently
from cdnet.gallery.network import GalleryNetwork
from cdnet.gallery.opening import create_gallery, open_gallery
from cdnet.gallery.searching import columns, entry_of
from cdnet.json_file import parse_json

FORMAT = "cdnet gallery"
VERSION = 1
LONGEST_LINE = 2 * MAX_BYTES
BATCH = 500

Line = dict[str, Any]
"""Of a file: whatever JSON it has, until it is looked at."""


def export_gallery(gallery: Gallery, path: Path, progress: IndexProgress = silently) -> int:
    """Write a gallery to a file, which appears when it is whole, and return how many entries it has.

    Raises:
        CdnetError: if it cannot be written.
    """
    written = 0

    def lines(connection: Connection) -> Iterator[Line]:
        nonlocal written
        with connection.transaction(), connection.cursor(name="export") as cursor:
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            row = connection.execute("SELECT count(*) FROM entry").fetchone()
            assert row is not None
            head = {"format": FORMAT, "version": VERSION, "network": gallery.network.to_json(), "entries": row[0]}
            yield head | {"calibration": listing.calibration(connection)}
            cursor.itersize = BATCH
            names = columns().as_string(connection)
            query = (
                f"SELECT {names}, feature, CASE WHEN kept THEN "
                "(SELECT data FROM picture p WHERE p.digest = entry.digest) END FROM entry ORDER BY id"
            )
            for values in cursor.execute(query.encode()):
                yield _to_line(values)
                written += 1
                if not written % BATCH:
                    progress("exporting", written / max(1, row[0]))
            yield {"end": written}

    def write(file: BinaryIO) -> None:
        with gallery.reading() as connection, gzip.GzipFile(fileobj=file, mode="wb", mtime=0, filename="") as packed:
            for line in lines(connection):
                packed.write(json.dumps(line).encode("ascii") + b"\n")

    write_atomically(path, write)
    gallery.log("export", {"entries": written})
    return written


def import_gallery(
    address: str, path: Path, *, who: str | None = None, progress: IndexProgress = silently
) -> tuple[int, int]:
    """Add what a file has to a gallery, which is made if there is none; what is there already stays as it was.

    Returns:
        How many entries were added, and how many were there.

    Raises:
        CdnetError: if it is no such file, cut short, or of another network; what was added until then is kept, and the
            same command goes on.
    """
    lines = _lines(path)
    head = next(lines, {})
    if head.get("format") != FORMAT or type(head.get("entries")) is not int:
        raise CdnetError(f"{path}: no file that `cdnet gallery export` wrote")
    if head.get("version") != VERSION:
        raise CdnetError(
            f"{path}: of version {str(head.get('version'))[:20]!r}, and this cdnet reads {VERSION}; update cdnet"
        )
    network = GalleryNetwork.from_json(head.get("network", {}))
    try:
        gallery = open_gallery(address, who=who)
    except NoGalleryError:
        gallery = create_gallery(address, network, who=who)
    with gallery:
        if (network.digest, network.dimensions) != (gallery.network.digest, gallery.network.dimensions):
            raise CdnetError(f"{path}: features of another network than those of {address}; they cannot be compared")
        counts = _add_lines(gallery, path, lines, head["entries"], gallery.network.dimensions, progress)
        measured = head.get("calibration")
        if isinstance(measured, dict) and gallery.calibration() is None:
            threshold = measured.get("threshold")
            if not (isinstance(threshold, float) and -1 <= threshold <= 1 and isinstance(measured.get("on"), dict)):
                raise CdnetError(f"{path}: its calibration is damaged; the entries are kept, calibrate again")
            gallery.calibrate(measured)
        return counts


def _add_lines(
    gallery: Gallery, path: Path, lines: Iterator[Line], total: int, dimensions: int, progress: IndexProgress
) -> tuple[int, int]:
    batch: list[tuple[NewEntry, datetime, Any]] = []
    seen = added = 0
    ended = None
    try:
        for line in lines:
            if "end" in line:
                ended = line["end"]
                break
            batch.append(_from_line(line, path, seen + 2, dimensions))
            seen += 1
            if len(batch) == BATCH:
                full, batch = batch, []
                added += _add_batch(gallery, full)
                progress("importing", min(1.0, seen / max(1, total)))
    except CdnetError:
        _add_batch(gallery, batch)  # what is before a line that is none is kept, as it is said
        raise
    added += _add_batch(gallery, batch)
    if ended != seen:
        raise CdnetError(f"{path}: cut short after {seen:,} of {total:,} entries, which are kept; give the whole file")
    return added, seen - added


def _add_batch(gallery: Gallery, batch: Sequence[tuple[NewEntry, datetime, Any]]) -> int:
    if not batch:
        return 0
    entries, times, features = zip(*batch, strict=True)
    return sum(found.new for found in gallery.add(entries, np.stack(features), added=times))


def _to_line(values: Sequence[Any]) -> Line:
    *fields, feature, data = values
    entry = entry_of(fields)
    about = {key: value for key, value in entry.to_json().items() if key not in ("id", "kept") and value is not None}
    packed = np.asarray(feature.to_numpy(), "<f4").tobytes()
    about |= {"place": entry.place, "feature": base64.b64encode(packed).decode("ascii")}
    return about if data is None else about | {"data": base64.b64encode(bytes(data)).decode("ascii")}


def _from_line(line: Line, path: Path, number: int, dimensions: int) -> tuple[NewEntry, datetime, Any]:
    try:
        for key in ("camera", "person", "source"):
            if not isinstance(line.get(key), str | None):
                raise ValueError(f"its {key} is no text")
        for key in ("place", "note"):
            if not isinstance(line.get(key, ""), str):
                raise ValueError(f"its {key} is no text")
        time = line.get("time")
        data = line.get("data")
        entry = NewEntry(
            bytes.fromhex(line["digest"]),
            line["place"],
            camera=line.get("camera"),
            time=None if time is None else datetime.fromisoformat(time),
            person=line.get("person"),
            note=line.get("note", ""),
            source=line.get("source"),
            box=None if line.get("box") is None else Box(*map(int, line["box"])),
            data=None if data is None else base64.b64decode(data, validate=True),
        )
        if entry.data is not None and hashlib.sha256(entry.data).digest() != entry.digest:
            raise ValueError("its picture is not that of its digest")
        feature = np.frombuffer(base64.b64decode(line["feature"], validate=True), "<f4")
        length = float(np.linalg.norm(feature.astype(np.float64)))
        if len(feature) != dimensions or not 0 < length < math.inf:
            raise ValueError(f"its feature is not one of {dimensions} finite numbers, some of them not 0")
        added = datetime.fromisoformat(line["added"])
        check_time(added)
        os.fsencode(entry.place)
        return entry, added, feature
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, CdnetError) as error:
        raise CdnetError(f"{path}: line {number} is no entry ({error}); what is before it is kept") from None


def _lines(path: Path) -> Iterator[Line]:
    with saying_what_was_not_read(path):
        refuse_no_file(path)
    with saying_what_was_not_read(path), path.open("rb") as file:
        packed = gzip.GzipFile(fileobj=file)
        number = 0
        while True:
            number += 1
            try:
                text = packed.readline(LONGEST_LINE)
                if not text:
                    return
                if len(text) == LONGEST_LINE:
                    raise CdnetError(f"{path}: line {number} is longer than an entry can be")
                line = parse_json(text)
            except gzip.BadGzipFile:
                raise CdnetError(f"{path}: no file that `cdnet gallery export` wrote, or damaged") from None
            except (EOFError, zlib.error):
                return  # cut short, which the caller sees by the missing end
            except ValueError:
                raise CdnetError(f"{path}: line {number} is damaged; what is before it is kept") from None
            if not isinstance(line, dict):
                raise CdnetError(f"{path}: line {number} is damaged; what is before it is kept")
            yield line

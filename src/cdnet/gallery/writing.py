"""Adding entries: each digest once, all of a batch or nothing of it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from psycopg import errors

from cdnet.errors import CdnetError
from cdnet.gallery.connections import Connection
from cdnet.gallery.entry import NewEntry
from cdnet.gallery.months import make_months
from cdnet.gallery.schema import LOCK

Features = npt.NDArray[np.float32]

AHEAD = timedelta(days=1)
"""How far in the future a picture may have been taken, for a camera's clock that is not quite right."""
_TYPES = {
    "id": "int8",
    "dated": "timestamptz",
    "digest": "bytea",
    "place": "bytea",
    "camera": "text",
    "time": "timestamptz",
    "person": "text",
    "note": "text",
    "source": "text",
    "box": "int4[]",
    "added": "timestamptz",
    "kept": "bool",
    "feature": "vector",
}
"""Columns of an entry as they are written."""


class _RemovedMeanwhileError(Exception):
    """A picture was there, and then it was not."""


class Added(NamedTuple):
    """Which entry a picture has, and whether it was added now; otherwise it was there before, and stays as it was."""

    id: int
    new: bool


def unit_length(features: npt.NDArray[Any], dimensions: int) -> Features:
    """Return features N x D scaled to unit length.

    Raises:
        CdnetError: if they have another length than the gallery's, are not finite, or all zeros.
    """
    values = np.asarray(features, np.float64)
    if values.ndim != 2 or values.shape[1] != dimensions:
        shape = "x".join(map(str, values.shape))
        raise CdnetError(
            f"features of {shape} numbers, and this gallery's have {dimensions}: they are another network's"
        )
    norms = np.linalg.norm(values, axis=1, keepdims=True)
    if not np.isfinite(norms).all() or not norms.all():
        raise CdnetError("a feature is all zeros or not finite, and cannot be compared; the network is broken")
    unit: Features = (values / norms).astype(np.float32)
    return unit


def known(connection: Connection, digests: Sequence[bytes]) -> dict[bytes, int]:
    """Return the numbers of those entries that are there already, by digest."""
    rows = connection.execute("SELECT digest, id FROM picture WHERE digest = ANY(%s)", (list(digests),)).fetchall()
    return {bytes(digest): number for digest, number in rows}


def add(
    connection: Connection, entries: Sequence[NewEntry], features: Features, added: Sequence[datetime] | None = None
) -> list[Added]:
    """Add entries with their features N x D of unit length, in one transaction.

    ``added`` says when each was first added, if not now.

    Raises:
        CdnetError: if a picture was taken in the future.
    """
    try:
        return _add(connection, entries, features, added)
    except (errors.CheckViolation, _RemovedMeanwhileError):
        # A month, or what was there of these pictures, was removed by another between two statements. Who removes
        # holds this lock, too: now nobody does until this is done.
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
        return _add(connection, entries, features, added)


def _add(
    connection: Connection, entries: Sequence[NewEntry], features: Features, since: Sequence[datetime] | None
) -> list[Added]:
    now = _now(connection)
    added_at = [now] * len(entries) if since is None else since
    for entry, other in zip(entries, added_at, strict=True):
        if max(entry.time or now, other) > now + AHEAD:
            what, time = entry.place or entry.digest.hex(), max(entry.time or now, other).isoformat()
            says = f"the database's clock says {now.isoformat(timespec='seconds')}"
            raise CdnetError(f"{what}: of {time}, and {says}; put the time or the clock right")
    dated = [entry.time or other for entry, other in zip(entries, added_at, strict=True)]
    make_months(connection, dated)
    # In one order everywhere, so that two who add the same pictures wait for each other, and not both for ever.
    order = sorted({entry.digest: number for number, entry in reversed(list(enumerate(entries)))}.items())
    with connection.transaction():
        connection.execute("SET LOCAL synchronous_commit = on")
        numbers = _numbers(connection, len(entries))
        rows = connection.execute(
            "INSERT INTO picture (digest, id, dated, data) "
            "SELECT * FROM unnest(%s::bytea[], %s::bigint[], %s::timestamptz[], %s::bytea[]) "
            "ON CONFLICT (digest) DO NOTHING RETURNING digest, id",
            (
                [digest for digest, _ in order],
                [numbers[number] for _, number in order],
                [dated[number] for _, number in order],
                [entries[number].data for _, number in order],
            ),
        ).fetchall()
        new = {bytes(digest): number for digest, number in rows}
        _copy(connection, [(new[d], entries[n], dated[n], added_at[n], features[n]) for d, n in order if d in new])
        old = known(connection, [digest for digest, _ in order if digest not in new])
        if len(new) + len(old) < len(order):
            raise _RemovedMeanwhileError
    added, told = [], set()
    for entry in entries:
        first = entry.digest in new and entry.digest not in told
        told.add(entry.digest)
        added.append(Added(new[entry.digest] if entry.digest in new else old[entry.digest], first))
    return added


def added_between(found: Sequence[Added], first: int, last: int) -> list[Added]:
    """Return entries that are there as a try before, whose answer was lost, has added those of some numbers."""
    told: set[int] = set()
    added = []
    for number, _ in found:
        added.append(Added(number, first <= number <= last and number not in told))
        told.add(number)
    return added


def _copy(connection: Connection, rows: list[tuple[int, NewEntry, datetime, datetime, Any]]) -> None:
    from pgvector import Vector

    with connection.cursor().copy(f"COPY entry ({', '.join(_TYPES)}) FROM STDIN (FORMAT BINARY)".encode()) as copy:
        copy.set_types(list(_TYPES.values()))
        for number, entry, dated, added, feature in rows:
            place, box = os.fsencode(entry.place), None if entry.box is None else list(entry.box)
            about = (entry.camera, entry.time, entry.person, entry.note, entry.source, box)
            kept = entry.data is not None
            copy.write_row((number, dated, entry.digest, place, *about, added, kept, Vector(feature)))


def _numbers(connection: Connection, count: int) -> list[int]:
    # Drawn before, so that entries are numbered in the order in which they come.
    drawn = "SELECT nextval(pg_get_serial_sequence('picture', 'id')) FROM generate_series(1, %s)"
    return [number for (number,) in connection.execute(drawn, (count,)).fetchall()]


def _now(connection: Connection) -> datetime:
    row = connection.execute("SELECT clock_timestamp()").fetchone()
    assert row is not None
    found: datetime = row[0]
    return found

"""Reading a gallery's entries by their numbers, and what it keeps about itself."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypedDict, cast

import numpy as np
from psycopg import sql

from cdnet.errors import CdnetError
from cdnet.gallery.connections import Connection
from cdnet.gallery.entry import Entry
from cdnet.gallery.searching import Filters, columns, entry_of

MOST_LISTED = 10_000


def entries(connection: Connection, filters: Filters, after: int, limit: int) -> list[Entry]:
    """Return the entries that pass, of greater numbers than ``after``, in order.

    Raises:
        CdnetError: if more are asked for than are read at once.
    """
    if not 1 <= limit <= MOST_LISTED:
        raise CdnetError(f"from 1 to {MOST_LISTED:,} entries can be listed at once, not {limit:,}")
    where, values = filters.sql()
    query = sql.SQL("SELECT {} FROM entry WHERE {} AND id > %s ORDER BY id LIMIT %s").format(columns(), where)
    return [entry_of(row) for row in connection.execute(query, (*values, after, limit)).fetchall()]


def untimed(connection: Connection, filters: Filters) -> int:
    """Return how many entries only the filter by time leaves out because their time is not known."""
    where, values = replace(filters, since=None, until=None).sql()
    query = sql.SQL("SELECT count(*) FROM entry WHERE {} AND time IS NULL").format(where)
    row = connection.execute(query, values).fetchone()
    assert row is not None
    return int(row[0])


def entry(connection: Connection, number: int) -> Entry | None:
    """Return an entry by its number, or None."""
    query = sql.SQL("SELECT {} FROM entry WHERE id = %s").format(columns())
    row = connection.execute(query, (number,)).fetchone()
    return None if row is None else entry_of(row)


def picture(connection: Connection, digest: bytes) -> bytes | None:
    """Return the bytes that are kept of a picture, or None."""
    row = connection.execute("SELECT data FROM picture WHERE digest = %s", (digest,)).fetchone()
    return None if row is None or row[0] is None else bytes(row[0])


def calibrated(connection: Connection) -> float | None:
    """Return the similarity that was calibrated last, or None."""
    row = connection.execute("SELECT threshold FROM calibration ORDER BY id DESC LIMIT 1").fetchone()
    return None if row is None else float(row[0])


class Calibrated(TypedDict):
    """A measured threshold as a gallery keeps it: :class:`~cdnet.evaluate.threshold.Threshold`'s fields, ``on``, which
    pictures it was measured on, and ``made``, when that was."""

    made: str
    on: Mapping[str, object]
    wanted: float
    threshold: float
    false_match_rate: float
    true_match_rate: float
    impostor_pairs: int
    genuine_pairs: int


def calibration(connection: Connection) -> Calibrated | None:
    """Return what was measured when the similarity was calibrated last, or None."""
    row = connection.execute("SELECT made, measured FROM calibration ORDER BY id DESC LIMIT 1").fetchone()
    return None if row is None else cast("Calibrated", {"made": row[0].isoformat(), **row[1]})


def keep_calibration(connection: Connection, measured: Mapping[str, Any]) -> None:
    """Keep what was measured; above its ``threshold`` are matches from now on."""
    # Those above a similarity are those that are at least the next one.
    least = float(np.nextafter(np.float32(measured["threshold"]), np.float32(2)))
    connection.execute("INSERT INTO calibration (threshold, measured) VALUES (%s, %s)", (least, json.dumps(measured)))

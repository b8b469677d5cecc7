"""Searching a gallery: the entries that are nearest to a feature, among those that pass the filters.

Exact by default: each entry that passes is compared. Where there is an index and many entries pass, it is asked for
candidates, which are then compared in full precision.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypedDict

import numpy as np
from psycopg import sql

from cdnet.errors import CdnetError
from cdnet.gallery.connections import Connection
from cdnet.gallery.entry import Box, Entry, Match, check_text, check_time
from cdnet.gallery.writing import Features

EXACT_UP_TO = 20_000
"""Entries that are compared one by one even where there is an index."""
MOST_BY_INDEX = 500
"""The most entries that the index is asked for; it keeps twice as many in view, and 1,000 at the most."""
MOST_FOUND = 100_000
"""The most entries that one search returns."""
_COLUMNS = sql.SQL("id, digest, place, camera, time, person, note, source, box, added, kept")


class FilterWords(TypedDict, total=False):
    """:class:`Filters`, as whoever asks says them."""

    cameras: Sequence[str] | None
    since: datetime | None
    until: datetime | None
    persons: Sequence[str] | None


@dataclass(frozen=True)
class Filters:
    """Which entries are looked at; what is None is not looked at.

    Args:
        cameras: any of these.
        since: taken at this time or later; an entry whose time is not known does not pass.
        until: taken before this time; likewise.
        persons: any of these.

    Raises:
        CdnetError: if a time does not say its zone, or nothing can lie between the two.
    """

    cameras: Sequence[str] | None = None
    since: datetime | None = None
    until: datetime | None = None
    persons: Sequence[str] | None = None

    def __post_init__(self) -> None:
        for name, texts in (("camera", self.cameras), ("person", self.persons)):
            for text in texts or ():
                check_text(name, text)
        for time in (self.since, self.until):
            if time is not None:
                check_time(time)
        if self.since is not None and self.until is not None and self.since >= self.until:
            raise CdnetError(f"nothing lies since {self.since.isoformat()} and before {self.until.isoformat()}")

    def sql(self) -> tuple[sql.Composable, list[Any]]:
        """Return the condition, and its parameters."""
        parts: list[sql.Composable] = [sql.SQL("true")]
        values: list[Any] = []
        for column, wanted in (("camera", self.cameras), ("person", self.persons)):
            if wanted is not None:
                parts.append(sql.SQL("{} = ANY(%s)").format(sql.Identifier(column)))
                values.append(list(wanted))
        # Where the time is known it is what the months go by, too: those outside are not even looked into.
        for sign, time in ((">=", self.since), ("<", self.until)):
            if time is not None:
                parts.append(sql.SQL(f"time {sign} %s AND dated {sign} %s"))
                values += [time, time]
        return sql.SQL(" AND ").join(parts), values

    def __bool__(self) -> bool:
        return self != Filters()


@dataclass(frozen=True)
class IndexUse:
    """How an index is asked.

    Args:
        ef: candidates that a search of it keeps in view.
        dimensions: numbers of a feature.
    """

    ef: int
    dimensions: int


def search(
    connection: Connection,
    feature: Features,
    filters: Filters,
    k: int | None,
    at_least: float | None = None,
    index: IndexUse | None = None,
) -> tuple[tuple[Match, ...], bool]:
    """Return the best entries, and whether each that passes was compared.

    Args:
        connection: to search by.
        feature: D numbers, of unit length.
        filters: which entries are looked at.
        k: how many at most; None for all of at least a similarity.
        at_least: similarity that a match must have.
        index: how to ask the index; None to compare all.
    """
    rows: list[tuple[Any, ...]] = []
    exact = index is None or k is None or k > MOST_BY_INDEX or (bool(filters) and _few(connection, filters))
    if not exact:
        assert index is not None
        assert k is not None
        rows = _indexed(connection, feature, filters, k, index)
        exact = len(rows) < k  # it gave up before it had found enough
    if exact:
        rows = _exact(connection, feature, filters, MOST_FOUND + 1 if k is None else k, at_least)
        if len(rows) > MOST_FOUND:
            raise CdnetError(f"more than {MOST_FOUND:,} entries are that similar; ask for a greater similarity")
    matches = (Match(entry_of(row[:-1]), min(1.0, max(-1.0, float(row[-1])))) for row in rows)
    return tuple(match for match in matches if at_least is None or match.similarity >= at_least), exact


def _few(connection: Connection, filters: Filters) -> bool:
    where, values = filters.sql()
    counted = sql.SQL("SELECT count(*) FROM (SELECT 1 FROM entry WHERE {} LIMIT %s) AS part").format(where)
    row = connection.execute(counted, (*values, EXACT_UP_TO + 1)).fetchone()
    assert row is not None
    return int(row[0]) <= EXACT_UP_TO


def _exact(
    connection: Connection, feature: Features, filters: Filters, limit: int, at_least: float | None
) -> list[tuple[Any, ...]]:
    where, values = filters.sql()
    near = sql.SQL("")
    if at_least is not None:
        near = sql.SQL(" AND feature <#> %s <= %s")
        values += [feature, -at_least]
    # The index is of features in half precision: this order does not use it.
    query = sql.SQL(
        "SELECT {columns}, -(feature <#> %s) FROM entry WHERE {where}{near} ORDER BY feature <#> %s, id LIMIT %s"
    ).format(columns=_COLUMNS, where=where, near=near)
    return connection.execute(query, (feature, *values, feature, limit)).fetchall()


def _indexed(
    connection: Connection, feature: Features, filters: Filters, k: int, index: IndexUse
) -> list[tuple[Any, ...]]:
    where, values = filters.sql()
    half = sql.SQL("halfvec({})").format(sql.Literal(index.dimensions))
    query = sql.SQL(
        "SELECT {columns}, -(feature <#> %s) FROM (SELECT {columns}, feature FROM entry WHERE {where} "
        "ORDER BY feature::{half} <#> %s::{half} LIMIT %s) AS near ORDER BY feature <#> %s, id LIMIT %s"
    ).format(columns=_COLUMNS, where=where, half=half)
    with connection.transaction():
        settings = {
            "hnsw.ef_search": str(min(1000, max(index.ef, 2 * k))),
            "hnsw.iterative_scan": "strict_order",
            "hnsw.max_scan_tuples": "1000000",
            "hnsw.scan_mem_multiplier": "4",
        }
        calls = ", ".join(["set_config(%s, %s, true)"] * len(settings))
        connection.execute(f"SELECT {calls}".encode(), [word for setting in settings.items() for word in setting])
        return connection.execute(query, (feature, *values, feature, 2 * k, feature, k)).fetchall()


def entry_of(row: Sequence[Any]) -> Entry:
    """Return the entry of a row with the columns of :func:`columns`."""
    number, digest, place, camera, time, person, note, source, box, added, kept = row
    return Entry(
        number,
        bytes(digest),
        os.fsdecode(bytes(place)),
        camera,
        time,
        person,
        note,
        source,
        None if box is None else Box(*box),
        added,
        kept,
    )


def columns() -> sql.Composable:
    """Return the columns of an entry."""
    return _COLUMNS


def features_of(connection: Connection, ids: Sequence[int]) -> dict[int, Features]:
    """Return the features of unit length of some entries, by their numbers."""
    rows = connection.execute("SELECT id, feature FROM entry WHERE id = ANY(%s)", (list(ids),)).fetchall()
    return {
        number: np.asarray(getattr(vector, "to_numpy", lambda v=vector: v)(), np.float32) for number, vector in rows
    }

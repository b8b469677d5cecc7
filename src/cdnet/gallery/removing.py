"""Removing entries for good: whole months at once, others one by one, and what becomes of their space."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg import errors, sql

from cdnet.errors import CdnetError
from cdnet.gallery.auditing import write_record
from cdnet.gallery.connections import SCHEMA, Connection
from cdnet.gallery.months import Month, months
from cdnet.gallery.schema import LOCK
from cdnet.gallery.searching import Filters

EVERYTHING = Filters()
MOST_LOGGED = 10_000
"""Digests of removed entries that are in the audit log; of more, their number alone."""
BACKWARDS = timedelta(minutes=1)


@dataclass(frozen=True)
class Removed:
    """What was removed.

    Args:
        entries: how many.
        months: tables of whole months that went, and with them their space.
        bytes_before: of the gallery on the disk.
        bytes_after: likewise.
    """

    entries: int
    months: int
    bytes_before: int
    bytes_after: int

    def to_json(self) -> dict[str, int]:
        """Return all fields."""
        return asdict(self)


@dataclass(frozen=True)
class Which:
    """Which entries are removed: those to which all that is given applies.

    Args:
        ids: of these numbers.
        digests: with these pictures.
        filters: which pass.
        older_than: taken, or where that is not known added, so long ago or longer.

    Raises:
        CdnetError: if nothing is given, or the age is not above zero.
    """

    ids: Sequence[int] | None = None
    digests: Sequence[bytes] | None = None
    filters: Filters = EVERYTHING
    older_than: timedelta | None = None

    def __post_init__(self) -> None:
        if self.ids is None and self.digests is None and self.older_than is None and not self.filters:
            raise CdnetError("say which entries are to be removed")
        if self.older_than is not None and self.older_than <= timedelta(0):
            raise CdnetError("entries are removed that are older than a time above zero, such as 30d")

    def sql(self, cutoff: datetime | None) -> tuple[sql.Composable, list[Any]]:
        """Return the condition, and its parameters."""
        where, values = self.filters.sql()
        parts = [where]
        for text, value in (("id = ANY(%s)", self.ids), ("digest = ANY(%s)", self.digests), ("dated < %s", cutoff)):
            if value is not None:
                parts.append(sql.SQL(text))
                values.append(list(value) if isinstance(value, Sequence) else value)
        return sql.SQL(" AND ").join(parts), values

    @property
    def by_age_alone(self) -> bool:
        """Tell whether whole months may go."""
        return self.older_than is not None and self == Which(older_than=self.older_than)


def count(connection: Connection, which: Which) -> int:
    """Return how many entries would be removed now."""
    where, values = which.sql(_cutoff(connection, which))
    row = connection.execute(sql.SQL("SELECT count(*) FROM entry WHERE {}").format(where), values).fetchone()
    assert row is not None
    return int(row[0])


def remove(connection: Connection, which: Which, who: str, event: uuid.UUID, clock_is_right: bool) -> Removed:
    """Remove entries with all that is kept of them, in one transaction, and write it into the audit log.

    Raises:
        CdnetError: if ages are asked for, and the clock is not to be trusted.
    """
    before = size_of(connection)
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))  # see `writing.add`
        cutoff = _cutoff(connection, which)
        if cutoff is not None and which.older_than is not None and not clock_is_right:
            _refuse_jumped_clock(connection, which.older_than)
        whole = [month for month in months(connection) if which.by_age_alone and cutoff and month.end <= cutoff]
        touched = [month for month in months(connection) if month not in whole]
        where, values = which.sql(cutoff)
        # Nobody adds to a month that goes: an entry without its table would leave its picture behind.
        for month in whole:
            connection.execute(sql.SQL("LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE").format(sql.Identifier(month.table)))
        gone: list[tuple[int, bytes]] = []
        if whole:
            end = max(month.end for month in whole)
            gone = connection.execute("SELECT id, digest FROM entry WHERE dated < %s", (end,)).fetchall()
            where, values = sql.SQL("{} AND dated >= %s").format(where), [*values, end]
        rest = sql.SQL("DELETE FROM entry WHERE {} RETURNING id, digest").format(where)
        gone += connection.execute(rest, values).fetchall()
        digests = [bytes(digest) for _, digest in sorted(gone)]
        connection.execute("DELETE FROM picture WHERE digest = ANY(%s)", (digests,))
        asked = {
            "older_than_seconds": which.older_than and which.older_than.total_seconds(),
            "before": cutoff and cutoff.isoformat(),
            "cameras": which.filters.cameras,
            "persons": which.filters.persons,
            "since": which.filters.since and which.filters.since.isoformat(),
            "until": which.filters.until and which.filters.until.isoformat(),
            "ids": which.ids,
        }
        detail = {
            "asked": {
                key: value if not isinstance(value, tuple) else list(value) for key, value in asked.items() if value
            },
            "entries": len(gone),
            "months": len(whole),
            "digests": [digest.hex() for digest in digests[:MOST_LOGGED]],
        }
        write_record(connection, event, who, "remove", None, detail)
        for month in whole:  # last, for until the transaction ends nobody else gets at the table
            connection.execute(sql.SQL("DROP TABLE {}").format(sql.Identifier(month.table)))
    _vacuum(connection, touched if gone else [], full=False)
    return Removed(len(gone), len(whole), before, size_of(connection))


def compact(connection: Connection) -> int:
    """Give the space of removed entries back to the disk; each month cannot be searched while it is written anew.

    Returns:
        How many bytes are free that were not.
    """
    before = size_of(connection)
    _vacuum(connection, months(connection), full=True)
    return before - size_of(connection)


def size_of(connection: Connection) -> int:
    """Return the bytes of the gallery's tables and indexes on the disk."""
    row = connection.execute(
        "SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0) FROM pg_class c "
        "JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = %s AND relkind = 'r'",
        (SCHEMA,),
    ).fetchone()
    assert row is not None
    return int(row[0])


def _vacuum(connection: Connection, tables: Sequence[Month], full: bool) -> None:
    how = sql.SQL("(FULL, ANALYZE)" if full else "(ANALYZE)")
    for table in [*(month.table for month in tables), *(["picture"] if tables else [])]:
        with suppress(errors.UndefinedTable):  # another removed that month meanwhile
            connection.execute(sql.SQL("VACUUM {} {}").format(how, sql.Identifier(table)))


def _cutoff(connection: Connection, which: Which) -> datetime | None:
    if which.older_than is None:
        return None
    row = connection.execute("SELECT now() - %s", (which.older_than,)).fetchone()
    assert row is not None
    found: datetime = row[0]
    return found


def _refuse_jumped_clock(connection: Connection, age: timedelta) -> None:
    # A clock that has jumped would make everything old. The audit log says when the gallery was last used.
    row = connection.execute("SELECT now(), max(at) FROM audit").fetchone()
    assert row is not None
    now, last = row
    says = f"the database's clock says {now.isoformat(timespec='seconds')}"
    way_out = "put the clock right, or add --clock-is-right if it is"
    if last is not None and now < last - BACKWARDS:
        raise CdnetError(f"{says}, and the gallery was used at {last.isoformat(timespec='seconds')} already; {way_out}")
    if last is not None and now - last > age:
        raise CdnetError(
            f"{says}, and the gallery was last used at {last.isoformat(timespec='seconds')}: all that was added until "
            f"then would be removed; {way_out}"
        )

"""The parts of the entries' table: one for each month, made when its first entry comes."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import NamedTuple

from psycopg import sql

from cdnet.gallery.connections import Connection
from cdnet.gallery.schema import LOCK


class Month(NamedTuple):
    """A month by UTC."""

    year: int
    month: int

    @classmethod
    def of(cls, time: datetime) -> Month:
        """Return the month of a time."""
        time = time.astimezone(UTC)
        return cls(time.year, time.month)

    @property
    def table(self) -> str:
        """Return the name of its table."""
        return f"entry_{self.year:04}_{self.month:02}"

    @property
    def start(self) -> datetime:
        """Return its first moment."""
        return datetime(self.year, self.month, 1, tzinfo=UTC)

    @property
    def end(self) -> datetime:
        """Return the next month's first moment."""
        return datetime(self.year + self.month // 12, self.month % 12 + 1, 1, tzinfo=UTC)


def months(connection: Connection) -> list[Month]:
    """Return the months that have a table, in order."""
    rows = connection.execute(
        "SELECT relname FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid "
        "WHERE inhparent = 'entry'::regclass ORDER BY relname"
    ).fetchall()
    return [Month(*map(int, name.removeprefix("entry_").split("_"))) for (name,) in rows]


def make_months(connection: Connection, times: Iterable[datetime]) -> None:
    """Make the tables of the months of some times that have none yet; queries go on meanwhile."""
    wanted = {Month.of(time) for time in times}
    if not wanted - set(months(connection)):
        return
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
        for month in sorted(wanted - set(months(connection))):
            table = sql.Identifier(month.table)
            # Made first and attached then, which unlike `PARTITION OF` does not wait for queries to end.
            connection.execute(
                sql.SQL("CREATE TABLE {} (LIKE entry INCLUDING DEFAULTS INCLUDING STORAGE)").format(table)
            )
            connection.execute(
                sql.SQL("ALTER TABLE entry ATTACH PARTITION {} FOR VALUES FROM ({}) TO ({})").format(
                    table, sql.Literal(month.start.isoformat()), sql.Literal(month.end.isoformat())
                )
            )

"""Reading a gallery's entries by their numbers, and what it keeps about itself."""

from __future__ import annotations

from psycopg import sql

from cdnet.errors import CdnetError
from cdnet.gallery.connections import Connection
from cdnet.gallery.entry import Entry
from cdnet.gallery.searching import Filters, IndexUse, columns, entry_of

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


def entry(connection: Connection, number: int) -> Entry | None:
    """Return an entry by its number, or None."""
    query = sql.SQL("SELECT {} FROM entry WHERE id = %s").format(columns())
    row = connection.execute(query, (number,)).fetchone()
    return None if row is None else entry_of(row)


def picture(connection: Connection, digest: bytes) -> bytes | None:
    """Return the bytes that are kept of a picture, or None."""
    row = connection.execute("SELECT data FROM picture WHERE digest = %s", (digest,)).fetchone()
    return None if row is None or row[0] is None else bytes(row[0])


def index_use(connection: Connection, dimensions: int) -> IndexUse | None:
    """Return how the index is asked, or None where there is none."""
    row = connection.execute("SELECT value FROM setting WHERE name = 'index'").fetchone()
    return None if row is None else IndexUse(int(row[0]["ef"]), dimensions)


def calibrated(connection: Connection) -> float | None:
    """Return the similarity that was calibrated last, or None."""
    row = connection.execute("SELECT threshold FROM calibration ORDER BY id DESC LIMIT 1").fetchone()
    return None if row is None else float(row[0])

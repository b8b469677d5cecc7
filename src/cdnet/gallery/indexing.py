"""The index of a large gallery: HNSW over the features in half precision, one for each month.

It gives candidates, which are then compared in full precision, so that half precision costs no recall. How many it has
to look at for the recall that is wanted is measured on the gallery's own entries; where it does not reach it, queries
stay exact.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from functools import partial

import psycopg
from psycopg import errors, sql

from cdnet.errors import CdnetError
from cdnet.gallery.connections import Connection, Connections
from cdnet.gallery.months import Month, months
from cdnet.gallery.recall import recall_of, take_sample
from cdnet.gallery.searching import EXACT_UP_TO, IndexUse

INDEX_FROM = 2_000
"""Entries of a month that has an index of its own; fewer are compared one by one."""
MOST_DIMENSIONS = 4_000
"""Of a feature in half precision that the index takes."""
RECALL = 0.99
GROWN = 2
"""How many times as many entries there are when the recall is measured anew."""
EFS = (20, 40, 60, 100, 160, 250, 400, 640, 1000)
LOCK = 0x6364_6E65_7402
"""Number of the lock under which an index is made."""
_MEMORY = 2**31 - 2**20
"""The most bytes that the server is asked to make an index in."""

IndexProgress = Callable[[str, float], None]
"""Told what is being done and which share of it is done; what it raises stops the work."""


def silently(_what: str, _share: float) -> None:
    """Say nothing."""


@dataclass(frozen=True)
class IndexState:
    """How the index is used.

    Args:
        used: whether queries ask it.
        ef: candidates that it keeps in view.
        recall: share of the ten nearest that it finds, as measured; None if there is no index.
        wanted: the recall that was wanted.
        samples: entries that it was measured on.
        entries: how many the gallery had then.
    """

    used: bool = False
    ef: int = 0
    recall: float | None = None
    wanted: float = RECALL
    samples: int = 0
    entries: int = 0


def read_state(connection: Connection) -> IndexState:
    """Return how the index is used."""
    row = connection.execute("SELECT value FROM setting WHERE name = 'index'").fetchone()
    return IndexState() if row is None else IndexState(**row[0])


def index_use(connection: Connection, dimensions: int) -> IndexUse | None:
    """Return how the index is asked, or None where queries are exact."""
    state = read_state(connection)
    return IndexUse(state.ef, dimensions) if state.used else None


def count_entries(connection: Connection) -> int:
    """Return how many entries there are."""
    row = connection.execute("SELECT count(*) FROM entry").fetchone()
    assert row is not None
    return int(row[0])


def due(connection: Connection, dimensions: int, everything: bool = False) -> list[Month]:
    """Return the months that need an index and have none; with ``everything`` all that have none."""
    if dimensions > MOST_DIMENSIONS or (not everything and count_entries(connection) <= EXACT_UP_TO):
        return []
    needed = 1 if everything else INDEX_FROM
    found = []
    for month in months(connection):
        table = sql.Identifier(month.table)
        some = sql.SQL("SELECT count(*) FROM (SELECT 1 FROM {} LIMIT %s) AS part").format(table)
        row = connection.execute(some, (needed,)).fetchone()
        if row is not None and row[0] >= needed and not _is_indexed(connection, month):
            found.append(month)
    return found


def drop(connection: Connection) -> None:
    """Remove all indexes; until they are made anew, queries are exact, and adding is quicker."""
    with connection.transaction():
        connection.execute("DELETE FROM setting WHERE name = 'index'")
        for month in months(connection):
            connection.execute(sql.SQL("DROP INDEX IF EXISTS {}").format(sql.Identifier(f"{month.table}_feature")))


def build(
    connections: Connections, dimensions: int, wanted: float, progress: IndexProgress, everything: bool = False
) -> IndexState:
    """Make the indexes that are due, and measure how to ask them.

    Raises:
        CdnetError: if the recall is not between 0 and 1, or another process makes them now.
    """
    if not 0 < wanted <= 1:
        raise CdnetError(f"a recall is a share between 0 and 1, such as {RECALL}, not {wanted:g}")
    with connections.connection() as connection:
        row = connection.execute("SELECT pg_try_advisory_lock(%s)", (LOCK,)).fetchone()
        if row is None or not row[0]:
            raise CdnetError("another process makes this gallery's index now; queries go on meanwhile")
        try:
            lacking = due(connection, dimensions, everything)
            for number, month in enumerate(lacking):
                what = f"index {number + 1} of {len(lacking)}, {month.year}-{month.month:02}"
                progress(what, 0.0)
                _build_month(connections, connection, month, dimensions, partial(progress, what))
            state = read_state(connection)
            indexed = any(_is_indexed(connection, month) for month in months(connection))
            grown = indexed and count_entries(connection) >= GROWN * state.entries
            if indexed and (lacking or grown or state.wanted != wanted):
                progress("measuring the recall", 0.0)
                state = _tune(connection, dimensions, wanted, partial(progress, "measuring the recall"))
                value = json.dumps(asdict(state))
                connection.execute(
                    "INSERT INTO setting VALUES ('index', %s) ON CONFLICT (name) DO UPDATE SET value = EXCLUDED.value",
                    (value,),
                )
            return state
        finally:
            _unlock(connection)


def _unlock(connection: Connection) -> None:
    try:
        connection.execute("SELECT pg_advisory_unlock(%s)", (LOCK,))
    except (
        psycopg.Error
    ):  # a late cancellation of what came before, or the server has gone: with the connection goes the lock
        connection.close()


def measure(connection: Connection, dimensions: int, ef: int) -> tuple[float, int]:
    """Return the recall of the index at an ef, on a sample of the gallery's entries, and how many these are.

    Raises:
        CdnetError: if there are no entries.
    """
    sample = take_sample(connection, dimensions, count_entries(connection))
    return recall_of(connection, sample, IndexUse(ef, dimensions)), len(sample)


def _is_indexed(connection: Connection, month: Month) -> bool:
    row = connection.execute(
        "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s)", (f"{month.table}_feature",)
    ).fetchone()
    return row is not None and bool(row[0])


def _build_month(
    connections: Connections, connection: Connection, month: Month, dimensions: int, progress: Callable[[float], None]
) -> None:
    name, table = sql.Identifier(f"{month.table}_feature"), sql.Identifier(month.table)
    row = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(table)).fetchone()
    assert row is not None
    needed = int(row[0]) * (2 * dimensions + 500) * 5 // 4
    memory = max(64, min(needed, _MEMORY) // 1024 // 1024)
    make = sql.SQL(
        "CREATE INDEX CONCURRENTLY {} ON {} USING hnsw ((feature::halfvec({})) halfvec_ip_ops) "
        "WITH (m = 16, ef_construction = 128)"
    ).format(name, table, sql.Literal(dimensions))
    with _watched(connections, connection.info.backend_pid, progress):
        connection.execute("SELECT set_config('maintenance_work_mem', %s, false)", (f"{memory}MB",))
        for workers in (2, 0):
            # One that was stopped half way is there and not valid.
            connection.execute(sql.SQL("DROP INDEX CONCURRENTLY IF EXISTS {}").format(name))
            connection.execute("SELECT set_config('max_parallel_maintenance_workers', %s, false)", (str(workers),))
            try:
                connection.execute(make)
                break
            except (errors.DiskFull, errors.OutOfMemory):
                # Workers share memory, of which a container may have little; one alone needs none of that.
                if not workers:
                    connection.execute(sql.SQL("DROP INDEX CONCURRENTLY IF EXISTS {}").format(name))
                    raise
        connection.execute(sql.SQL("ANALYZE {}").format(table))


class _watched:  # noqa: N801
    """Tells how far the making of an index is, by another connection, which also ends it if that is to be."""

    def __init__(self, connections: Connections, process: int, progress: Callable[[float], None]) -> None:
        self._connections, self._process, self._progress = connections, process, progress
        self._stop = threading.Event()
        self._stopped_by: BaseException | None = None
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_error: object) -> None:
        self._stop.set()
        self._thread.join()
        if self._stopped_by is not None:
            raise self._stopped_by

    def _watch(self) -> None:
        query = (
            "SELECT greatest(tuples_done::float / nullif(tuples_total, 0), "
            "blocks_done::float / nullif(blocks_total, 0)) FROM pg_stat_progress_create_index WHERE pid = %s"
        )
        share = 0.0
        while not self._stop.wait(0.5):
            try:
                with self._connections.connection() as connection:
                    row = connection.execute(query, (self._process,)).fetchone()
            except CdnetError:
                continue  # the work itself will say so
            if row is not None:
                share = min(1.0, float(row[0] or 0))
            try:
                self._progress(share)  # also where an index of before is removed, of which the database tells nothing
            except BaseException as error:
                self._stopped_by = error
                with suppress(CdnetError), self._connections.connection() as connection:
                    connection.execute("SELECT pg_cancel_backend(%s)", (self._process,))
                return


def _tune(connection: Connection, dimensions: int, wanted: float, progress: Callable[[float], None]) -> IndexState:
    entries = count_entries(connection)
    sample = take_sample(connection, dimensions, entries, progress)
    state = IndexState(wanted=wanted, samples=len(sample), entries=entries)
    for ef in EFS:
        progress(1.0)
        state = replace(state, ef=ef, recall=recall_of(connection, sample, IndexUse(ef, dimensions)))
        if state.recall is not None and state.recall >= wanted:
            return replace(state, used=True)
    return state

"""Connections to a gallery's database that threads share, and going on where the server was away for a while."""

from __future__ import annotations

import selectors
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from cdnet.errors import CdnetError, DiskFullError
from cdnet.gallery.embedded import Database
from cdnet.gallery.problems import RefusedError, UnreachableError, said

T = TypeVar("T")
Connection = psycopg.Connection[tuple[Any, ...]]

SCHEMA = "cdnet_gallery"
"""Where all that is ours is in a database."""
PATIENCE = 30.0
"""Seconds that work waits for a server that has gone away."""
NETWORK = {
    "connect_timeout": 10,
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
"""How soon a host that does not answer any more is given up, which by the system's own settings takes minutes to hours;
an address may say otherwise."""


class Connections:
    """A few connections that any number of threads take turns with.

    Args:
        database: where to connect to.
        patience: seconds that work waits for a server that has gone away.
        most: connections at once; who wants another one waits.
    """

    def __init__(self, database: Database, patience: float = PATIENCE, most: int = 8) -> None:
        self.database = database
        self._patience = patience
        self._room = threading.BoundedSemaphore(most)
        self._idle: list[Connection] = []
        self._lock = threading.Lock()
        self._closed = False
        self._away = False

    def run(self, work: Callable[[Connection], T], patience: float | None = None) -> T:
        """Return what ``work`` returns; if the server goes away meanwhile, do it anew with another connection.

        Once it was waited for in vain, nobody waits until it is back: each tries once.

        Args:
            work: does its writing in transactions, and does no harm when it is done twice.
            patience: seconds to wait for a server that is away; None for the usual ones.

        Raises:
            UnreachableError: if it stays away.
            CdnetError: if the database refuses, in a sentence.
        """
        patience = self._patience if patience is None else patience
        ends = time.monotonic() + (0.0 if self._away else patience)
        pause = 0.05
        while True:
            try:
                with self.connection() as connection:
                    found = work(connection)
                self._away = False
                return found
            except UnreachableError:
                if time.monotonic() + pause > ends:
                    self._away = self._away or patience > 0
                    raise
            time.sleep(pause)
            pause = min(2 * pause, 2.0)

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """Lend a connection; it commits each statement outside of a transaction.

        Raises:
            CdnetError: whatever the database says against it or against the block's work, in a sentence.
        """
        with self._room:
            connection = None
            try:
                connection = self._idle_one() or self._connect()
                yield connection
            except psycopg.Error as error:
                if connection is not None and connection.broken:
                    raise UnreachableError(f"{said(error, self.database.address)}") from error
                raise said(error, self.database.address) from error
            finally:
                if connection is not None:
                    self._give_back(connection)

    def close(self) -> None:
        """Close what is idle, and what is lent when it comes back."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _idle_one(self) -> Connection | None:
        with self._lock:
            while self._idle:
                connection = self._idle.pop()
                if not _has_ended(connection):
                    return connection
                connection.close()
        return None

    def _give_back(self, connection: Connection) -> None:
        if connection.closed or connection.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
            connection.close()
            return
        with self._lock:
            if not self._closed:
                self._idle.append(connection)
                return
        connection.close()

    def _connect(self) -> Connection:
        try:
            place: dict[str, Any] = conninfo_to_dict(self.database.conninfo())
        except (UnreachableError, DiskFullError):
            raise
        except CdnetError as error:  # of a server in a folder that cannot be started
            raise RefusedError(str(error)) from error
        ours = {"application_name": "cdnet", "client_encoding": "UTF8"}
        made = psycopg.connect(make_conninfo(**{**NETWORK, **place, **ours}), autocommit=True)
        try:
            prepare(made)
        except BaseException:
            made.close()
            raise
        return made


def _has_ended(connection: Connection) -> bool:
    """Tell whether an idle connection is of no use any more: a server speaks unasked only when it ends one."""
    if connection.closed:
        return True
    with selectors.DefaultSelector() as selector:
        selector.register(connection.fileno(), selectors.EVENT_READ)
        return bool(selector.select(0))


def prepare(connection: Connection) -> None:
    """Make a connection find the gallery's tables and pgvector's types, if they are there.

    Raises:
        psycopg.Error: if the database refuses.
    """
    found = connection.execute(
        "SELECT nspname FROM pg_extension JOIN pg_namespace n ON n.oid = extnamespace WHERE extname = 'vector'"
    ).fetchone()
    schemas = [SCHEMA, "public", *([found[0]] if found is not None and found[0] != "public" else [])]
    connection.execute(sql.SQL("SET search_path TO {}").format(sql.SQL(", ").join(map(sql.Identifier, schemas))))
    # A plan for any value would not know that a limit is small, and would leave the index.
    connection.execute("SET plan_cache_mode = force_custom_plan; SET timezone = 'UTC'; SET jit = off")
    if found is not None:
        from pgvector.psycopg import register_vector

        register_vector(connection)

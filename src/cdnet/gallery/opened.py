"""What an open gallery is whatever is done with it: its connections, whose features it holds, and its audit log."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from contextlib import AbstractContextManager
from datetime import datetime
from types import TracebackType
from typing import Any, Self

from cdnet.gallery import auditing, schema
from cdnet.gallery.auditing import AuditRecord
from cdnet.gallery.connections import PATIENCE, Connection, Connections
from cdnet.gallery.embedded import Database
from cdnet.gallery.network import GalleryNetwork


class OpenGallery:
    """Connections to a gallery, by any number of threads, until it is closed.

    Args:
        database: that is written to, and read from if nothing else is named.
        read_from: another server that has the same.
        who: for the audit log; None for this user.
        patience: seconds that a server that stays away is waited for.
    """

    def __init__(
        self, database: Database, read_from: Database | None = None, who: str | None = None, patience: float = PATIENCE
    ) -> None:
        self.address = database.address
        self._who = who or auditing.this_user()
        self._databases = [database] if read_from is None else [database, read_from]
        self._writing = Connections(database, patience)
        self._reading = self._writing if read_from is None else Connections(read_from, patience)
        self.network: GalleryNetwork = self._reading.run(schema.read_network, patience=0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections; of a folder, the server stops if nobody else uses it."""
        for connections in (self._writing, self._reading):
            connections.close()
        for database in self._databases:
            database.close()

    def reading(self) -> AbstractContextManager[Connection]:
        """Lend a connection to read by."""
        return self._reading.connection()

    def log(self, action: str, detail: Mapping[str, Any], digest: bytes | None = None, who: str | None = None) -> None:
        """Write a line of the audit log."""
        event = uuid.uuid4()
        self._writing.run(lambda c: auditing.write_record(c, event, who or self._who, action, digest, detail))

    def audit(
        self, since: datetime | None = None, until: datetime | None = None, last: int | None = None
    ) -> list[AuditRecord]:
        """Return lines of the audit log, oldest first: all, or the last ones."""
        return self._reading.run(lambda connection: auditing.read_records(connection, since, until, last))

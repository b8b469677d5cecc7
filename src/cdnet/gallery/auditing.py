"""The log of who did what with a gallery; the database lets nobody change or remove a line of it."""

from __future__ import annotations

import getpass
import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from cdnet.gallery.connections import Connection
from cdnet.gallery.entry import check_text


@dataclass(frozen=True)
class AuditRecord:
    """One line of the audit log.

    Args:
        id: its number; a number that is missing was given to a transaction that failed.
        at: when, by the database's clock.
        who: who did it, as whoever opened the gallery says.
        action: such as query, add, remove, export, calibrate, create, import.
        digest: SHA-256 of the picture that was searched for, if one was.
        detail: what was asked for and returned.
    """

    id: int
    at: datetime
    who: str
    action: str
    digest: bytes | None
    detail: Mapping[str, object]

    def to_json(self) -> dict[str, object]:
        """Return it as plain values."""
        digest = None if self.digest is None else self.digest.hex()
        return {
            "id": self.id,
            "at": self.at.isoformat(),
            "who": self.who,
            "action": self.action,
            "digest": digest,
            "detail": self.detail,
        }


def this_user() -> str:
    """Return who works on this machine, such as ``anna@desk``."""
    try:
        return f"{getpass.getuser()}@{platform.node()}"
    except (KeyError, OSError):
        return f"unknown@{platform.node()}"


def write_record(
    connection: Connection, event: UUID, who: str, action: str, digest: bytes | None, detail: Mapping[str, object]
) -> None:
    """Write a line; the same event is written once, however often it is tried.

    Raises:
        CdnetError: if the name of who did it is none.
    """
    check_text("name of who does it", who)
    connection.execute(
        "INSERT INTO audit (event, who, action, digest, detail) VALUES (%s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
        (event, who, action, digest, json.dumps(detail)),
    )


def detail_of(connection: Connection, event: UUID) -> dict[str, int] | None:
    """Return what was written of an event, by a try whose answer was lost; None if nothing was."""
    row = connection.execute("SELECT detail FROM audit WHERE event = %s", (event,)).fetchone()
    return None if row is None else dict(row[0])


def read_records(
    connection: Connection, since: datetime | None, until: datetime | None, last: int | None
) -> list[AuditRecord]:
    """Return the lines of a time, the last ``last`` of them, oldest first."""
    rows = connection.execute(
        "SELECT id, at, who, action, digest, detail FROM audit "
        "WHERE (%s::timestamptz IS NULL OR at >= %s) AND (%s::timestamptz IS NULL OR at < %s) "
        "ORDER BY id DESC LIMIT %s",
        (since, since, until, until, last),
    ).fetchall()
    return [AuditRecord(i, at, who, action, None if d is None else bytes(d), e) for i, at, who, action, d, e in rows][
        ::-1
    ]

"""Opening a gallery that is there, and making one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from cdnet.gallery import schema
from cdnet.gallery.connections import PATIENCE, Connection, Connections
from cdnet.gallery.embedded import Database, open_database
from cdnet.gallery.gallery import Gallery
from cdnet.gallery.network import GalleryNetwork


def open_gallery(
    address: Path | str, *, read_from: str | None = None, who: str | None = None, patience: float = PATIENCE
) -> Gallery:
    """Open a gallery.

    Args:
        address: its folder, or ``postgresql://...``.
        read_from: another address, of a replica that queries go to.
        who: who works with it, for the audit log; None for this machine's user.
        patience: seconds that work waits for a server that has gone away.

    Raises:
        CdnetError: if there is none, it is of a newer version, or it cannot be reached.
    """
    opened: list[Database] = []
    try:
        opened.append(open_database(str(address)))
        _once(opened[0], lambda connection: schema.migrate(connection, str(address)))
        if read_from is not None:
            opened.append(open_database(read_from))
        return Gallery(opened[0], opened[1] if read_from is not None else None, who, patience)
    except BaseException:
        for database in opened:
            database.close()
        raise


def create_gallery(address: Path | str, network: GalleryNetwork, *, who: str | None = None) -> Gallery:
    """Make a gallery for the features of one network, and open it.

    Args:
        address: a folder that is not there yet, or a server's database, ``postgresql://...``.
        network: whose features it will hold.
        who: who works with it, for the audit log.

    Raises:
        CdnetError: if there is one already, or it cannot be made.
    """
    database = open_database(str(address), make=True)
    try:
        _once(database, lambda connection: schema.create(connection, network, str(address)))
        gallery = Gallery(database, who=who)
        gallery.log("create", network.to_json())
        return gallery
    except BaseException:
        database.close()
        raise


def _once(database: Database, work: Callable[[Connection], None]) -> None:
    connections = Connections(database)
    try:
        connections.run(work, patience=0)
    finally:
        connections.close()

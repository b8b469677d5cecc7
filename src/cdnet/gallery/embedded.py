"""The one place that knows a gallery's folder from a server's address: both become a database to connect to."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from cdnet.errors import CdnetError
from cdnet.files import make_folder, saying_what_failed
from cdnet.gallery.folder import SUPERUSER, GalleryFolder
from cdnet.gallery.locks import Lock

SCHEMES = ("postgresql://", "postgres://")


def is_server(address: str) -> bool:
    """Tell whether an address is that of a server, and not of a folder."""
    return address.startswith(SCHEMES)


class NoGalleryError(CdnetError):
    """There is no gallery at an address."""


class Database:
    """A database that can be connected to: somebody's server, which is left as it is."""

    def __init__(self, address: str) -> None:
        self.address = address

    def conninfo(self) -> str:
        """Return where to connect to; called anew for each connection, for a server may have moved."""
        return self.address

    def close(self) -> None:
        """Let go of it."""


class EmbeddedDatabase(Database):
    """PostgreSQL in a folder, started by its first user and stopped after the last one, also if that was killed.

    Args:
        path: the folder.
        make: make it, if there is none.

    Raises:
        CdnetError: if there is none, it cannot be made, or its server does not start.
    """

    def __init__(self, path: Path, *, make: bool = False) -> None:
        super().__init__(str(path))
        self.folder = GalleryFolder(path)
        if make:
            self._refuse_other_content()
            with saying_what_failed(self.folder.path):
                make_folder(self.folder.path)
        elif not self.folder.is_made():
            raise NoGalleryError(f"{path}: no gallery; `cdnet gallery create --gallery {path} --weights ...` makes one")
        self._user: Lock | None = self.folder.lock("users", shared=True)
        try:
            others = self.folder.socket_folder() is not None
            self.conninfo()
            if others and self.folder.has_no_keeper():  # theirs was killed
                self._keep()
        except BaseException:
            self.close()
            raise

    def conninfo(self) -> str:
        """Return where to connect to, after starting the server if it does not run.

        Raises:
            CdnetError: if it does not start, or this was closed.
        """
        if self._user is None:
            raise CdnetError(f"{self.folder.path}: the gallery was closed")
        sockets = self.folder.socket_folder()
        if sockets is None:
            with self.folder.lock("starting"):
                if not self.folder.is_made():
                    self.folder.make()
                sockets = self.folder.start_server()
            self._keep()
        quoted = sockets.replace("\\", "\\\\").replace("'", "\\'")
        return f"host='{quoted}' user={SUPERUSER} dbname=postgres"

    def close(self) -> None:
        """Let go of it, and return once the server is stopped if nobody else uses it."""
        if self._user is None:
            return
        user, self._user = self._user, None
        try:
            with self.folder.lock("closing"):  # of two at once one would take the other's look for a user
                user.release()
                alone = self.folder.lock_now("users")
                if alone is not None:
                    with alone:
                        self._stop_server()
                else:
                    # Others hold it together and use the server, or the keeper alone, which was quicker to stop it.
                    self.folder.lock("users", shared=True).release()
        finally:
            user.release()

    def _stop_server(self) -> None:
        try:
            self.folder.stop_server()
        except (KeyboardInterrupt, SystemExit):
            self.folder.stop_server()  # it is stopping already; who is still impatient asks a second time
            raise

    def _keep(self) -> None:
        # Without one, too, the server stops with its last user, unless that one is killed.
        with suppress(OSError):
            subprocess.Popen(
                [sys.executable, "-m", "cdnet.gallery.keeper", str(self.folder.path)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                cwd="/",
                env={**os.environ, "PYTHONPATH": os.pathsep.join(os.path.abspath(place) for place in sys.path)},
            )

    def _refuse_other_content(self) -> None:
        path = self.folder.path
        if path.exists() and not path.is_dir():
            raise CdnetError(f"{path} is a file; name a folder for the gallery")
        known = {"data", "data.half", "users", "starting", "closing", "keeper", "server.log"}
        others = sorted(entry.name for entry in path.iterdir() if entry.name not in known) if path.is_dir() else []
        if others:
            raise CdnetError(f"{path} holds {others[0]}, which is not a gallery's; name a folder that is not there yet")


def open_database(address: str, *, make: bool = False) -> Database:
    """Return the database of an address; of a folder, its server runs when this returns.

    Raises:
        CdnetError: if there is none, or its server does not start.
    """
    if is_server(address):
        return Database(address)
    if "://" in address:
        raise CdnetError(f"{address.split('://')[0]}://: a gallery is a folder, or a server at postgresql://...")
    return EmbeddedDatabase(Path(address), make=make)

"""Locks on files of a gallery's folder, which the system gives back when a process ends in whatever way."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import IO

from cdnet.errors import CdnetError
from cdnet.files import saying_what_failed

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]


@dataclass
class Lock:
    """A lock that is held until it is released, the block that it is used for ends, or the process does."""

    file: IO[bytes]

    def write(self, text: str) -> None:
        """Say in its file who holds it."""
        self.file.truncate(0)
        self.file.write(text.encode("utf-8"))
        self.file.flush()

    def release(self) -> None:
        """Give it back, if that was not done yet."""
        if not self.file.closed:
            # A process that is just being started may have the file open, too; closing ours would not be enough.
            fcntl.flock(self.file, fcntl.LOCK_UN)
            self.file.close()

    def __enter__(self) -> Lock:
        return self

    def __exit__(self, *_error: object) -> None:
        self.release()


def wait_for(path: Path, *, shared: bool = False) -> Lock:
    """Take a lock, alone or shared, once those who hold it otherwise have given it back.

    Raises:
        CdnetError: if its file cannot be made.
    """
    file = _open(path)
    with saying_what_failed(path):
        fcntl.flock(file, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
    return Lock(file)


def take(path: Path) -> Lock | None:
    """Take a lock alone, or return None where another holds it now.

    Raises:
        CdnetError: if its file cannot be made.
    """
    file = _open(path)
    with saying_what_failed(path):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return None
    return Lock(file)


def _open(path: Path) -> IO[bytes]:
    if fcntl is None:
        raise CdnetError("a gallery in a folder needs Linux or macOS; give a server's address, postgresql://...")
    with saying_what_failed(path):
        try:
            return path.open("ab")
        except PermissionError:
            raise CdnetError(
                f"{path.parent}: this user may not write into that folder; use the gallery as the user who made it"
            ) from None

"""A hidden folder beside a file's place, in which it is made and tried before it is there."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from cdnet.errors import CdnetError
from cdnet.files import make_folder, saying_what_failed

LOCK = "lock"


@contextmanager
def draft_folder(out: Path) -> Iterator[Path]:
    """Make a folder ``.NAME.draft`` beside a file's place, kept from other processes; it goes whatever happens.

    Only a process that is killed leaves it, and the next one that makes the same file clears it.

    Args:
        out: the file; the folder that it lies in is made if need be.

    Yields:
        the folder, with nothing in it but its lock.

    Raises:
        CdnetError: if another process makes the same file, or something else lies there; or of an ``OSError`` of the
            block.
    """
    folder = out.parent / f".{out.name}.draft"
    with saying_what_failed(out):
        make_folder(out.parent)
        with suppress(FileExistsError):
            folder.mkdir()
        if folder.is_symlink() or not folder.is_dir() or (any(folder.iterdir()) and not (folder / LOCK).is_file()):
            raise CdnetError(f"{out.name} is made in {folder}, and something else is there; move that away")
        lock = FileLock(folder / LOCK, timeout=0)
        try:
            lock.acquire()
        except Timeout:
            raise CdnetError(f"another process is making {out}; wait for it, or name another file") from None
        try:
            _clear(folder)
            yield folder
        finally:
            # While the lock is held, for then the folder is nobody else's; Windows keeps a file that is open.
            shutil.rmtree(folder, ignore_errors=True)
            kept = folder.exists()
            lock.release()
            if kept:
                shutil.rmtree(folder, ignore_errors=True)


def _clear(folder: Path) -> None:
    for path in folder.iterdir():
        if path.name != LOCK:
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()

"""Writing files so that a reader sees the old one or the new one, never a half."""

from __future__ import annotations

import errno
import os
import re
import secrets
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from cdnet.errors import CdnetError, DiskFullError
from cdnet.half_written import TOKEN, half_written, sweep_dead


def _said(error: OSError, path: Path) -> CdnetError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFullError(f"the disk is full: {path} could not be written and is as it was; free some space")
    return CdnetError(f"{path} could not be written: {error.strerror or error}")


@contextmanager
def saying_what_failed(path: Path) -> Iterator[None]:
    """Turn an ``OSError`` of the block into a :class:`CdnetError` that names ``path``."""
    try:
        yield
    except OSError as error:
        raise _said(error, path) from error


@contextmanager
def saying_what_was_not_read(path: Path) -> Iterator[None]:
    """Turn an ``OSError`` of the block into a :class:`CdnetError` that names ``path`` and has the system's words."""
    try:
        yield
    except OSError as error:
        raise CdnetError(f"{path} could not be read: {error.strerror or error}") from error


def refuse_no_file(path: Path) -> None:
    """See that a path is a file before it is opened: who opens a pipe waits for ever, and a device has no end.

    Raises:
        OSError: if the system does not tell.
        CdnetError: if it is a folder, a pipe or a device.
    """
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise CdnetError(f"{path}: no file, but a folder, a pipe or a device; put the file in its place")


def make_folder(path: Path) -> None:
    """Make a folder with all that it lies in, however deep; one that is there is fine.

    Raises:
        OSError: if it cannot be made, for instance because a file is in its place.
    """
    lacking: list[Path] = []
    while not path.is_dir() and path != path.parent:
        lacking.append(path)
        path = path.parent
    for folder in reversed(lacking):  # Path.mkdir calls itself for each parent, which Python bounds at about a thousand
        folder.mkdir(exist_ok=True)


def _target(path: Path) -> Path:
    # Renaming would put a file in the place of a link, of a pipe, or of /dev/null.
    found = Path(os.path.realpath(path)) if path.is_symlink() else path
    if found.is_symlink():
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
    if found.is_dir():
        raise CdnetError(f"{path} is a folder; name a file")
    if found.exists() and not found.is_file():
        raise CdnetError(f"{path} is a pipe or a device, and only a file can be written; name one")
    return found


def write_atomically(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Let ``write`` fill a temporary file beside ``path``, flush it to the disk, and rename it to ``path``.

    A link stays, and what it leads to is written. Permissions follow the umask. Whatever ``write`` raises passes
    through, and the temporary file goes; only an ``OSError`` becomes a :class:`CdnetError`.

    Raises:
        CdnetError: if the folder cannot be made or written, the disk is full, or ``path`` is no file, but a folder, a
            pipe or a device; it is then as it was.
    """
    with saying_what_failed(path):
        path = _target(Path(path))
        make_folder(path.parent)
        # Made here rather than by tempfile, which would make it unreadable for others whatever the umask says.
        with half_written(path, lambda half: half.open("xb")) as (temporary, file):
            with file:
                write(file)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)


def sweep(folder: Path, names: Iterable[str]) -> None:
    """Remove what processes that were killed while they wrote these files left in a folder: temporary files of theirs.

    Only while no other process may write these files there: the caller holds the folder's lock.
    """
    half = re.compile(rf"\.(?:{'|'.join(map(re.escape, names))})\.[0-9a-f]{{{2 * TOKEN}}}")
    with os.scandir(folder) as entries:
        left = [entry.path for entry in entries if half.fullmatch(entry.name) and entry.is_file(follow_symlinks=False)]
    for path in left:
        Path(path).unlink(missing_ok=True)


def refuse_unwritable(path: Path) -> None:
    """See that a file can be written there, before the work that is to fill it.

    Its folder is made, and what a process that was killed while it wrote the file has left is removed.

    Raises:
        CdnetError: if it cannot.
    """
    with saying_what_failed(path):
        path = _target(path)
        probe = path.parent / f".{path.name}.{secrets.token_hex(TOKEN)}"
        make_folder(path.parent)
        probe.touch(exist_ok=False)
        probe.unlink(missing_ok=True)  # another process may have swept it
        sweep_dead(path)


def refuse_input(out: Path, read: Iterable[Path]) -> None:
    """See that a file that is to be written is none of those that are read, nor lies in a folder that is.

    Raises:
        CdnetError: if it is one.
    """
    if not out.exists():
        return
    place = Path(os.path.realpath(out))
    for path in read:
        if path.exists() and (path.samefile(out) or (path.is_dir() and place.is_relative_to(os.path.realpath(path)))):
            raise CdnetError(f"{out} is what is read, or a part of it, and would be lost; name another file to write")


def write_text(path: Path, text: str) -> None:
    """Write ``text`` as UTF-8, atomically."""
    write_atomically(path, lambda file: file.write(text.encode("utf-8")))

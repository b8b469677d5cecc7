"""Temporary files and folders that become what they are named after by renaming.

Each is held by a lock for as long as its process is at work on it, and the system lets go of it when the process dies,
however it does: so those that a killed process left are known from those that another one is writing, and swept.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

try:
    import fcntl
except ImportError:  # where there is none, what a killed process left stays
    fcntl = None  # type: ignore[assignment]

TOKEN = 8
"""Bytes of chance in the name of a temporary file."""

Made = TypeVar("Made")


@contextmanager
def half_written(path: Path, make: Callable[[Path], Made]) -> Iterator[tuple[Path, Made]]:
    """Make a temporary file or folder beside ``path``, hold it, and remove it in the end, if it was not renamed.

    Args:
        path: what it is to become.
        make: makes it, as a file or a folder that was not there; what it returns is given back.

    Raises:
        OSError: if it cannot be made.
    """
    while True:
        half = path.parent / f".{path.name}.{secrets.token_hex(TOKEN)}"
        made = make(half)
        held = _open_and_lock(half, wait=True)
        if half.exists():
            break
        _close(held)  # another process has swept it before it was held
    try:
        yield half, made
    finally:
        _remove(half)
        _close(held)


def sweep_dead(path: Path) -> None:
    """Remove what processes that are gone have left half written of ``path``; what is held stays, and so does what the
    system does not let us see or remove."""
    if fcntl is None:
        return
    half = re.compile(rf"\.{re.escape(path.name)}\.[0-9a-f]{{{2 * TOKEN}}}")
    with suppress(OSError), os.scandir(path.parent) as entries:
        for entry in entries:
            plain = entry.is_file(follow_symlinks=False) or entry.is_dir(follow_symlinks=False)
            if half.fullmatch(entry.name) and plain:
                held = _open_and_lock(Path(entry.path), wait=False)
                if held is not None:
                    _remove(Path(entry.path))
                    _close(held)


def _open_and_lock(path: Path, wait: bool) -> int | None:
    # The descriptor of what is locked, or None if it is not.
    if fcntl is None:
        return None
    try:
        held = os.open(path, os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(held, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # held by another, or a file system without locks
        os.close(held)
        return None
    return held


def _close(held: int | None) -> None:
    if held is not None:
        os.close(held)


def _remove(half: Path) -> None:
    if half.is_dir():
        shutil.rmtree(half, ignore_errors=True)
    else:
        half.unlink(missing_ok=True)

"""Writing files so that a reader sees the old one or the new one, never a half."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from cdnet.errors import CdnetError


def _said(error: OSError, path: Path) -> CdnetError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return CdnetError(f"the disk is full: {path} could not be written and is as it was; free some space")
    return CdnetError(f"{path} could not be written: {error.strerror or error}")


@contextmanager
def saying_what_failed(path: Path) -> Iterator[None]:
    """Turn an ``OSError`` of the block into a :class:`CdnetError` that names ``path``."""
    try:
        yield
    except OSError as error:
        raise _said(error, path) from error


def write_atomically(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Let ``write`` fill a temporary file beside ``path``, flush it to the disk, and rename it to ``path``.

    Raises:
        CdnetError: if the folder cannot be made or written, or the disk is full; ``path`` is then as it was.
    """
    path = Path(path)
    temporary: str | None = None
    with saying_what_failed(path):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
            with os.fdopen(handle, "wb") as file:
                write(file)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(temporary, 0o666 & ~_umask())
            os.replace(temporary, path)
            temporary = None
        finally:
            if temporary is not None:
                Path(temporary).unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write ``text`` as UTF-8, atomically."""
    write_atomically(path, lambda file: file.write(text.encode("utf-8")))


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask

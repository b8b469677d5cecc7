"""Pixels of a file mapped into memory, which a file that is cut short meanwhile cannot make the process's death."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from cdnet.errors import CdnetError


class MappedPixels(np.memmap[Any, np.dtype[np.uint8]]):
    """Bytes of a file, mapped and read-only; made by :func:`map_pixels`.

    The system ends a process that touches a mapped page whose file has become too short for it, so that each time
    something is taken out, the file's length is looked at first.
    """

    _source: tuple[BinaryIO, Path, int] | None = None

    def __array_finalize__(self, other: Any) -> None:
        """Let a part be looked after as the whole is."""
        super().__array_finalize__(other)
        self._source = getattr(other, "_source", None)

    def __getitem__(self, index: Any) -> Any:
        """Return what an array does.

        Raises:
            CdnetError: if the file has been cut short.
        """
        if self._source is not None:
            file, path, length = self._source
            if os.fstat(file.fileno()).st_size < length:
                raise CdnetError(
                    f"{path} was cut short while it was in use; the pictures are decoded anew the next time, with "
                    "--resume where a run was at work"
                )
        return super().__getitem__(index)


def map_pixels(path: Path, shape: tuple[int, int, int, int]) -> MappedPixels:
    """Map a file of bytes N x H x W x 3, at least one.

    Raises:
        OSError: if it cannot be opened.
        ValueError: if it is too short.
    """
    file = path.open("rb")
    pixels = MappedPixels(file, np.uint8, mode="r", shape=shape)
    pixels._source = file, path, pixels.nbytes
    return pixels

"""Large blocks of memory kept by the process and used again, step after step.

glibc asks the system for every block of 32 MiB or more, and gives it back as soon as it is free; the system fills each
page with zeros when it is touched first. A step of training on pictures of 256x128 has hundreds of such blocks, and a
third of its time goes into pages. Kept, they are used again; the process then holds its peak, and somewhat more, until
the work is done.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _MMAP_MAX = -1, -3, -4  # glibc's malloc.h
_MOST = 2**31 - 1
_USUAL = 32 * 2**20
"""From which size on a block is the system's, once a program has freed one of nearly that size."""


@contextmanager
def large_blocks_kept(then_given_back: bool = True) -> Iterator[bool]:
    """Keep large blocks while this lasts; the value tells whether they are, which only glibc allows.

    Args:
        then_given_back: give the system at the end what is free. Otherwise it is kept for the next time, while blocks
            of other work are the system's again.
    """
    found = _library()
    if found is None:
        yield False
        return
    mallopt, trim = found
    mallopt(_TRIM_THRESHOLD, _MOST)
    mallopt(_MMAP_MAX, 0)
    try:
        yield True
    finally:
        mallopt(_MMAP_MAX, 65536)
        mallopt(_MMAP_THRESHOLD, _USUAL)
        if then_given_back:
            mallopt(_TRIM_THRESHOLD, 2 * _USUAL)
            trim(0)


def _library() -> tuple[Callable[[int, int], int], Callable[[int], int]] | None:
    if not sys.platform.startswith("linux"):
        return None
    library = ctypes.CDLL(None)
    try:
        return library.mallopt, library.malloc_trim
    except AttributeError:  # musl
        return None

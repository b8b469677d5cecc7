"""Large blocks of memory kept by the process and used again, step after step, while there is room.

glibc asks the system for every block of 32 MiB or more, and gives it back as soon as it is free; the system fills each
page with zeros when it is touched first. A step of training on pictures of 256x128 has hundreds of such blocks, and a
third of its time goes into pages. Kept, they are used again, but do not fit into one another as well: the process holds
up to half as much again as it otherwise would at its peak. So they are kept where as much memory is left as the process
has needed so far, and given back when it becomes scarce.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from cdnet.machine_memory import all_memory, memory_left

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _MMAP_MAX = -1, -3, -4  # glibc's malloc.h
_MOST = 2**31 - 1
_USUAL = 32 * 2**20
"""From which size on a block is the system's, once a program has freed one of nearly that size."""
FIRST_LOOK, EVERY = 2, 20
"""Steps after which the peak is known, and between two looks at what is left."""
SCARCE = 0.1
"""Share of all memory: where less is left, nothing is kept."""


class LargeBlocks:
    """Whether this process keeps large blocks; there is one, for the allocator is the process's."""

    def __init__(self) -> None:
        self._wanted = self._kept = self._refused = False
        self._steps = 0

    @contextmanager
    def wanted(self) -> Iterator[None]:
        """Keep large blocks while this lasts, as soon as :meth:`look` finds room; at the end they are given back."""
        self._wanted, self._refused, self._steps = _library() is not None, False, 0
        try:
            yield
        finally:
            self._wanted = False
            if self._kept:
                self.give_back()

    def look(self) -> None:
        """To be called after each step: see whether there is room."""
        if not self._wanted or self._refused:
            return
        import resource  # which Windows does not have

        self._steps += 1
        if self._steps == FIRST_LOOK or self._steps % EVERY == 0:
            left, every = memory_left(), all_memory()
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
            if left < SCARCE * every or (not self._kept and left < peak):
                self._refused = True  # once and for all: who comes and goes is not waited for
                if self._kept:
                    self.give_back()
            elif not self._kept:
                self.keep()

    def keep(self) -> None:
        """Keep from now on what is free."""
        if (found := _library()) is not None:
            mallopt, _ = found
            mallopt(_TRIM_THRESHOLD, _MOST)
            mallopt(_MMAP_MAX, 0)
            self._kept = True

    def give_back(self) -> None:
        """Take large blocks from the system again, and give it what is free."""
        if (found := _library()) is not None:
            mallopt, trim = found
            mallopt(_MMAP_MAX, 65536)
            mallopt(_MMAP_THRESHOLD, _USUAL)
            mallopt(_TRIM_THRESHOLD, 2 * _USUAL)
            trim(0)
        self._kept = False


LARGE_BLOCKS = LargeBlocks()


def _library() -> tuple[Callable[[int, int], int], Callable[[int], int]] | None:
    if not sys.platform.startswith("linux"):
        return None
    library = ctypes.CDLL(None)
    try:
        return library.mallopt, library.malloc_trim
    except AttributeError:  # musl
        return None

"""Working through many pictures with all processor cores, in order, and stopping at once when told to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

CHUNK = 256
"""Items handed to the threads at a time, so that neither results nor work pile up."""

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_threads(function: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
    """Yield ``function(item)`` for every item, in their order, computed in threads that release Python's lock.

    Whoever stops asking, for instance because of Ctrl-C, waits for no more than the items that are in work.
    """
    pool = ThreadPoolExecutor()
    try:
        for start in range(0, len(items), CHUNK):
            yield from pool.map(function, items[start : start + CHUNK])
    finally:
        pool.shutdown(cancel_futures=True)

"""Working through many pictures with all processor cores, in order, and stopping at once when told to."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

CHUNK = 256
"""Items that are at work or done before they are asked for, so that neither results nor work pile up."""

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_threads(function: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
    """Yield ``function(item)`` for every item, in their order, computed in threads that release Python's lock.

    Whoever stops asking, for instance because of Ctrl-C, waits for no more than the items that are in work.
    """
    pool = ThreadPoolExecutor()
    try:
        ahead: deque[Future[Result]] = deque()
        for item in items:
            ahead.append(pool.submit(function, item))
            if len(ahead) == CHUNK:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)

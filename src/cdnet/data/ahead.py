"""Pictures read in threads, a few batches ahead of the one that is asked for, so that training does not wait."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import numpy as np

from cdnet.data.decode import Pixels

AHEAD = 4
"""Batches that are in work or ready beside the one handed out."""

Item = TypeVar("Item")


def read_ahead(
    read: Callable[[Item], Pixels], batches: Iterable[Sequence[Item]], ahead: int = AHEAD
) -> Iterator[Pixels]:
    """Yield each batch's pictures N x H x W x 3, in order, read in threads that release Python's lock.

    Args:
        read: returns one picture H x W x 3; what it raises comes out with the picture's batch.
        batches: of what ``read`` takes; drawn from only as far as the threads are ahead.
        ahead: batches to read in advance.
    """
    pool = ThreadPoolExecutor()
    waiting: deque[list[Future[Pixels]]] = deque()
    try:
        for batch in batches:
            waiting.append([pool.submit(read, item) for item in batch])
            if len(waiting) > ahead:
                yield np.stack([future.result() for future in waiting.popleft()])
        while waiting:
            yield np.stack([future.result() for future in waiting.popleft()])
    finally:
        pool.shutdown(cancel_futures=True)

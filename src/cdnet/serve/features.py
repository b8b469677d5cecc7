"""Features of uploaded pictures: computed one after the other, with a queue that has an end."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

from cdnet.gallery.adding import describe
from cdnet.gallery.writing import Features
from cdnet.runtime.network import Network


class BusyError(Exception):
    """As many pictures wait as may."""


class FeaturePool:
    """A network behind a queue: a burst waits its turn, and what comes after the queue is full is refused at once.

    One picture at a time has all cores, which is quicker than several that share them.

    Args:
        network: the gallery's.
        waiting: pictures that may be in the queue or at work.
    """

    def __init__(self, network: Network, waiting: int) -> None:
        self._network, self._most = network, waiting
        self._pool: ThreadPoolExecutor | None = None
        self._lock = threading.Lock()
        self.waiting = 0

    async def describe(self, data: bytes) -> tuple[bytes, Features]:
        """Return digest and feature of a picture file's bytes.

        Raises:
            BusyError: if the queue is full.
            CdnetError: if it is no picture that can be read.
        """
        with self._lock:
            if self.waiting >= self._most:
                raise BusyError
            self.waiting += 1
        # Shielded: the work goes on when the client leaves, and the queue is counted down when it is done.
        self._pool = self._pool or ThreadPoolExecutor(1, "features")
        return await asyncio.shield(asyncio.wrap_future(self._pool.submit(self._work, data)))

    def _work(self, data: bytes) -> tuple[bytes, Features]:
        try:
            return describe(data, self._network, "the picture")
        finally:
            with self._lock:
                self.waiting -= 1

    def close(self) -> None:
        """Let what is at work end, and drop what waits; what comes after that begins anew."""
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(cancel_futures=True)
            self.waiting = 0

"""Makes the index of a gallery that has grown, beside the requests, once additions have paused for a moment."""

from __future__ import annotations

import logging
import threading

from cdnet.errors import CdnetError
from cdnet.gallery import Gallery

PAUSE = 10.0
"""Seconds without an addition after which it is seen whether an index is due."""
log = logging.getLogger(__name__)


class _Stopped(Exception):  # noqa: N818
    """The server ends."""


class IndexKeeper:
    """A thread that makes the index where the gallery's size wants one: at the start, and after additions.

    Whether one is due is found out by counting, which is not done at each picture. Searches go on meanwhile, exactly
    and so more slowly, until it is made.

    Args:
        gallery: whose index.
        pause: seconds without an addition that are waited for.
    """

    def __init__(self, gallery: Gallery, pause: float = PAUSE) -> None:
        self._gallery, self._pause = gallery, pause
        self._grown, self._stop = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin; what was added before the start may want an index, too."""
        self._stop.clear()
        self._grown.set()
        self._thread = threading.Thread(target=self._work, name="index", daemon=True)
        self._thread.start()

    def added(self) -> None:
        """Take note that something was added."""
        self._grown.set()

    def close(self) -> None:
        """Stop, also an index that is half made: it is not used, and is made anew next time."""
        self._stop.set()
        self._grown.set()
        if self._thread is not None:
            self._thread.join()

    def _work(self) -> None:
        while not self._stop.is_set():
            self._grown.wait()
            while self._grown.is_set() and not self._stop.is_set():
                self._grown.clear()
                self._stop.wait(self._pause)
            if self._stop.is_set():
                return
            try:
                before = self._gallery.index_state()
                after = self._gallery.build_index(before.wanted, self._go_on)
                if after != before:
                    log.warning("the index was made; recall %s at ef %d", after.recall, after.ef)
            except _Stopped:
                return
            except CdnetError as error:
                log.warning("no index was made: %s", error)

    def _go_on(self, _what: str, _share: float) -> None:
        if self._stop.is_set():
            raise _Stopped

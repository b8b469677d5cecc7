"""Makes the index of a gallery that has grown, beside the requests, once additions have paused for a moment."""

from __future__ import annotations

import logging
import threading

from cdnet.errors import CdnetError
from cdnet.gallery import Gallery

PAUSE = 10.0
"""Seconds without an addition after which it is seen whether an index is due."""
AGAIN = 60.0
"""Seconds after which what failed is tried again: the database was away, or another process was at it."""
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
        again: seconds until what failed is tried again, whether something was added meanwhile or not.
    """

    def __init__(self, gallery: Gallery, pause: float = PAUSE, again: float = AGAIN) -> None:
        self._gallery, self._pause, self._again = gallery, pause, again
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
        wait: float | None = None
        while True:
            self._grown.wait(wait)
            while self._grown.is_set() and not self._stop.is_set():
                self._grown.clear()
                self._stop.wait(self._pause)
            if self._stop.is_set():
                return
            wait = None if self._is_made() else self._again

    def _is_made(self) -> bool:
        """Make the index if it is due, and tell whether that went well."""
        try:
            before = self._gallery.index_state()
            after = self._gallery.build_index(before.wanted, self._go_on)
        except _Stopped:
            return True
        except CdnetError as error:
            log.warning("no index was made, which is tried again in %g s: %s", self._again, error)
            return False
        except Exception:  # whatever it is, searches go on, and the next ones are not to stay slow because of it
            log.exception("no index was made, which is tried again in %g s", self._again)
            return False
        if after != before:
            how = "asked" if after.used else f"not asked, for it misses {after.wanted:g}"
            log.warning("the index was made and is %s; recall %s at ef %d", how, after.recall, after.ef)
        return True

    def _go_on(self, _what: str, _share: float) -> None:
        if self._stop.is_set():
            raise _Stopped

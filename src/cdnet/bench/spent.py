"""Seconds that parts of a measurement took, kept in a file, so that one that goes on after a stop knows them all."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cdnet.files import write_text
from cdnet.gallery.indexing import IndexProgress


class Spent:
    """What is measured of work that is not finished; a part that is stopped half way does not count.

    Args:
        path: the file; one of another work is begun anew.
        what: which work it is.
    """

    def __init__(self, path: Path, what: Mapping[str, object]) -> None:
        self._path = path
        self.kept: dict[str, Any] = dict(what)
        """What is known: the work, what a caller adds, and seconds by their names."""
        self._begun: dict[str, float] = {}
        found = json.loads(path.read_text("utf-8")) if path.is_file() else {}
        if what.items() <= found.items():
            self.kept = found

    def begin(self, name: str) -> None:
        """Begin a part."""
        self._begun[name] = time.perf_counter()

    def done(self, name: str) -> None:
        """Count the part that was begun, keep that, and begin the next one."""
        now = time.perf_counter()
        self.kept[name] = self.kept.get(name, 0.0) + now - self._begun[name]
        self._begun[name] = now
        write_text(self._path, json.dumps(self.kept) + "\n")

    def by_parts(self, name: str, progress: IndexProgress) -> IndexProgress:
        """Return what counts a part whenever another one is told of, and then tells ``progress``."""
        before: list[str] = []

        def told(what: str, share: float) -> None:
            if before and before[-1] != what:
                self.done(name)
            before[:] = [what]
            progress(what, share)

        return told

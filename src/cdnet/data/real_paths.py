"""Which file a path leads to, asked for many files of few folders."""

from __future__ import annotations

import os
from pathlib import Path


class RealPaths:
    """Returns real paths, each folder's being found out once: the system looks at every folder above, every time."""

    def __init__(self) -> None:
        self._folders: dict[str, str] = {}

    def __call__(self, path: str | Path) -> str:
        """Return the path without links, and without the likes of ``..``; of what is not there, as far as it is."""
        parent, name = os.path.split(path)
        if name in ("", os.curdir, os.pardir):
            return os.path.realpath(path)
        if parent not in self._folders:
            self._folders[parent] = os.path.realpath(parent)
        found = os.path.join(self._folders[parent], name)
        return os.path.realpath(found) if os.path.islink(found) else found

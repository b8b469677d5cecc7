"""A small process that stops an embedded server when its last user is gone, also where that one was killed.

``python -m cdnet.gallery.keeper FOLDER``. Every user of a gallery's folder holds a shared lock on its file ``users``,
which the system gives back when a process ends in whatever way. The keeper waits until it has that lock alone.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from cdnet.gallery.folder import GalleryFolder, this_place

PATIENCE = 1
"""Seconds after which another one that holds the lock is taken for a keeper."""


def main(words: list[str]) -> int:
    """Wait for the last user of the folder to go, and stop its server."""
    folder = GalleryFolder(Path(words[0]))
    only = folder.lock_now("keeper")
    for _ in range(PATIENCE * 10):  # somebody may just look whether there is one
        if only is None:
            time.sleep(0.1)
            only = folder.lock_now("keeper")
    if only is None:
        return 0
    only.write(this_place())
    with folder.lock("users"):
        folder.stop_server()
        only.release()  # before the users': whoever waits for those starts a keeper, which needs this one
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

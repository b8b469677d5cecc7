"""The memory of this machine, or of the container that limits it."""

from __future__ import annotations

from pathlib import Path


def all_memory() -> int:
    """Return the bytes of memory that there are."""
    import psutil

    total, limit = int(psutil.virtual_memory().total), _of_container("max")
    return total if limit is None else min(total, limit)


def memory_left() -> int:
    """Return the bytes of memory that are left."""
    import psutil

    left, limit, used = int(psutil.virtual_memory().available), _of_container("max"), _of_container("current")
    return left if limit is None or used is None else min(left, limit - used)


def _of_container(what: str) -> int | None:
    try:
        return int(Path(f"/sys/fs/cgroup/memory.{what}").read_text())
    except (OSError, ValueError):  # without a limit it is no number
        return None

"""How much memory something takes at its peak, as the system counts it for this process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_PROCESS = Path("/proc/self")


@dataclass
class Peak:
    """Bytes that the process grew by at most while it was watched; None until then, and where nothing tells it."""

    bytes: int | None = None


@contextmanager
def watch_memory() -> Iterator[Peak]:
    """Watch the process's resident memory, on Linux; elsewhere the peak stays None."""
    found = Peak()
    before = None
    try:
        (_PROCESS / "clear_refs").write_text("5")  # sets the peak so far to what there is now
        before = _resident("VmRSS")
    except OSError:
        pass
    yield found
    if before is not None:
        found.bytes = max(0, _resident("VmHWM") - before)


def resident() -> int:
    """Return how many bytes of memory the process holds now.

    Raises:
        OSError: if nothing tells it, which is so elsewhere than on Linux.
    """
    return _resident("VmRSS")


def _resident(key: str) -> int:
    for line in (_PROCESS / "status").read_text().splitlines():
        if line.startswith(f"{key}:"):
            return 1024 * int(line.split()[1])
    raise OSError(f"no {key}")


def available() -> int | None:
    """Return how many bytes are free for new work, on Linux; None elsewhere."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return None
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable:")), None)

"""Large blocks are used again while they are kept, and are the system's otherwise, and where there is no room."""

from __future__ import annotations

import subprocess
import sys

import pytest

from cdnet.engine import large_blocks
from cdnet.engine.large_blocks import FIRST_LOOK, LargeBlocks
from cdnet.machine_memory import all_memory, memory_left

PROGRAM = """
import resource
import torch
from cdnet.engine.large_blocks import LARGE_BLOCKS

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(10):
        torch.ones(2**24)  # 64 MiB
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

torch.set_num_threads(1)
before = faults()
with LARGE_BLOCKS.wanted():
    LARGE_BLOCKS.keep()
    during = min(faults() for _ in range(5))  # a few are needed until they fit into one another
print(before, during, faults())
"""


@pytest.mark.skipif(large_blocks._library() is None, reason="of glibc alone")
def test_no_page_is_asked_for_twice() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    before, during, after = map(int, done.stdout.split())
    assert during < 0.2 * before
    assert during < 0.2 * after


class Told(LargeBlocks):
    """Writes down what it would tell the allocator."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[str] = []

    def keep(self) -> None:
        self.told.append("keep")
        self._kept = True

    def give_back(self) -> None:
        self.told.append("give back")
        self._kept = False


@pytest.mark.skipif(large_blocks._library() is None, reason="of glibc alone")
@pytest.mark.parametrize(
    ("left", "told"),
    [
        ([1.0] * 9, ["keep", "give back"]),
        ([1.0, 0.05, 1.0, 1.0], ["keep", "give back"]),
        ([0.0] * 9, []),
        ([0.2] * 9, []),  # enough for others, and less than this process has
    ],
)
def test_they_are_kept_while_there_is_room(monkeypatch: pytest.MonkeyPatch, left: list[float], told: list[str]) -> None:
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    looks = iter(left)
    monkeypatch.setattr(large_blocks, "memory_left", lambda: int(2 * peak * next(looks)))
    monkeypatch.setattr(large_blocks, "all_memory", lambda: 2 * peak)
    blocks = Told()
    blocks.look()
    assert blocks.told == []  # nobody wants it
    with blocks.wanted():
        for _ in range(FIRST_LOOK + 3 * large_blocks.EVERY):
            blocks.look()
    assert blocks.told == told


def test_what_is_left_is_a_part_of_all() -> None:
    assert 0 < memory_left() < all_memory()

"""Large blocks are used again while they are kept, and are the system's before and afterwards."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import resource
import torch
from cdnet.engine.large_blocks import large_blocks_kept

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(10):
        torch.ones(2**24)  # 64 MiB
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

torch.set_num_threads(1)
before = faults()
with large_blocks_kept() as kept:
    during = min(faults() for _ in range(5))  # a few are needed until they fit into one another
print(kept, before, during, faults())
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="of glibc alone")
def test_no_page_is_asked_for_twice() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    kept, *faults = done.stdout.split()
    if kept != "True":
        pytest.skip("not glibc")
    before, during, after = map(int, faults)
    assert during < 0.2 * before
    assert during < 0.2 * after

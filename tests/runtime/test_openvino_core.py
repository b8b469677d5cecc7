"""Networks that OpenVINO runs come and go without harm to the process in which they are."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

# A thread, too, may be the first or the last that has to do with a network.
COMING_AND_GOING = """
import signal, sys, threading
from pathlib import Path
from cdnet.runtime.openvino_network import OpenVinoFile

def prepared():
    network = OpenVinoFile(Path(sys.argv[1]))
    network.prepare()
    networks.append(network)

def in_thread(do):
    thread = threading.Thread(target=do)
    thread.start()
    thread.join()

networks, taken = [], []
signal.signal(signal.SIGINT, lambda *_: taken.append(1))
for make, drop in (("here", "here"), ("here", "there"), ("there", "here")):
    for _ in range(3):
        (in_thread if make == "there" else lambda do: do())(prepared)
    while networks:
        (in_thread if drop == "there" else lambda do: do())(lambda: networks.pop(0))
        signal.raise_signal(signal.SIGINT)
print(len(taken))
"""


def test_a_signal_is_taken_after_networks_have_gone_in_any_order(tmp_path: Path, write_ir: Callable[..., Path]) -> None:
    pytest.importorskip("openvino")
    words = [sys.executable, "-c", COMING_AND_GOING, str(write_ir(tmp_path / "one.xml"))]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "9\n"), done.stderr

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cdnet.draft_folder import draft_folder
from cdnet.errors import CdnetError

HELD = """
import os, signal, sys
from pathlib import Path
from cdnet.draft_folder import draft_folder

with draft_folder(Path(sys.argv[1])) as draft:
    (draft / "net.xml").write_text("half")
    (draft / "more").mkdir()
    print("there", flush=True)
    sys.stdin.read()
"""


def test_what_a_killed_process_left_goes_and_what_a_living_one_makes_stays(tmp_path: Path) -> None:
    out = tmp_path / "new" / "net.xml"
    with subprocess.Popen(
        [sys.executable, "-c", HELD, str(out)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "there\n"
        with pytest.raises(CdnetError, match=r"another process is making .*net\.xml; wait for it"), draft_folder(out):
            pass
        with draft_folder(out.with_name("other.xml")):  # another file's is another folder
            pass
        assert sorted(path.name for path in (out.parent / ".net.xml.draft").iterdir()) == ["lock", "more", "net.xml"]
        other.send_signal(signal.SIGKILL)
        other.wait()
    with draft_folder(out) as draft:
        assert [path.name for path in draft.iterdir()] == ["lock"]
        (draft / "net.xml").write_text("whole")
    assert list(out.parent.iterdir()) == []


def test_it_goes_whatever_happens(tmp_path: Path) -> None:
    def fail(problem: BaseException) -> None:
        with draft_folder(tmp_path / "net.onnx") as draft:
            (draft / "net.onnx").write_text("half")
            raise problem

    for problem in (KeyboardInterrupt(), CdnetError("no")):
        with pytest.raises(type(problem)):
            fail(problem)
    with pytest.raises(CdnetError, match=r"net\.onnx could not be written: Input/output error"):
        fail(OSError(5, "Input/output error"))
    assert list(tmp_path.iterdir()) == []


def test_nothing_of_somebody_else_s_is_touched(tmp_path: Path) -> None:
    place = tmp_path / ".net.onnx.draft"
    place.mkdir()
    (place / "mine.txt").write_text("mine")
    with pytest.raises(CdnetError, match="something else is there; move"), draft_folder(tmp_path / "net.onnx"):
        pass
    assert (place / "mine.txt").read_text() == "mine"
    (place / "mine.txt").rename(tmp_path / "mine.txt")
    place.rmdir()
    place.symlink_to(tmp_path)
    with pytest.raises(CdnetError, match="something else is there"), draft_folder(tmp_path / "net.onnx"):
        pass
    assert (tmp_path / "mine.txt").read_text() == "mine"

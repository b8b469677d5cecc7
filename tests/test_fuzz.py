"""A few cases of every kind that `make fuzz` tries, and that its judge would see what is wrong."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("fcntl")  # processes are forked

from tools.fuzz import judge
from tools.fuzz.judge import judge_call
from tools.fuzz.kinds import KINDS, Kind
from tools.fuzz.kinds.kind import nothing
from tools.fuzz.trial import prepare


def complain(said: str = "cdnet: no", status: int = 1) -> int:
    print(said, file=sys.stderr)
    return status


def fill() -> int:
    kept = bytearray(2**28)
    for place in range(0, len(kept), 4096):
        kept[place] = 1
    return complain()


def write(name: str) -> Callable[[], int]:
    def change() -> int:
        Path(name).write_text("other")
        return complain()

    return change


WRONG: dict[str, tuple[Callable[[], int], str]] = {
    "traceback": (lambda: int("x"), "a traceback: ValueError"),
    "no sentence": (lambda: 1, "status 1 and no sentence"),
    "two sentences": (lambda: complain("cdnet: no\ncdnet: never"), "status 1 and no sentence"),
    "another status": (lambda: complain(status=3), "status 3"),
    "escape": (lambda: complain("cdnet: \x1b[31m"), "raw"),
    "warning": (lambda: complain("x.py:1: UserWarning: odd\ncdnet: no"), "a warning"),
    "killed": (lambda: os.kill(os.getpid(), signal.SIGUSR1) or 0, "died of SIGUSR1"),
    "waiting": (lambda: time.sleep(60) or 0, "waited for"),
    "working": (lambda: sum(1 for _ in iter(int, 1)), "worked for"),
    "memory": (fill, "took "),
    "lost": (lambda: os.remove("kept") or complain(), "lost 'kept'"),
    "changed": (write("kept"), "changed 'kept'"),
    "left": (write(".kept.0123456789abcdef"), "left '.kept"),
}


@pytest.mark.parametrize("case", WRONG)
def test_the_judge_sees_what_is_wrong(tmp_path: Path, case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    call, said = WRONG[case]
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "kept").write_text("kept")
    if case in ("waiting", "working"):
        monkeypatch.setattr(judge, "SILENT", 0.2)
    if case == "memory":
        idle = judge_call(lambda: 0, tmp_path / "work").memory
        monkeypatch.setattr(judge, "MEMORY", idle + 2**27)
    assert said in judge_call(call, tmp_path / "work").wrong


def test_the_judge_lets_pass_what_is_right(tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    (work / "kept").write_text("kept")
    for status, call in enumerate((lambda: 0, complain, lambda: complain(status=2))):
        found = judge_call(call, work)
        assert (found.status, found.wrong) == (status, "")
    assert judge_call(lambda: 0 * Path("kept").write_text("more"), work, ("kept",)).wrong == ""


SLOW = ("files of results", "results of rows", "logs of searches", "checkpoints of searches", "exports of galleries")
"""Kinds of which one case, or the whole inputs, take seconds; so do all that put something else in a file's place."""


@pytest.mark.parametrize("slow", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_few_cases_of_every_kind(tmp_path: Path, slow: bool) -> None:
    kinds = [name for name in KINDS if (name in SLOW or name.endswith("that are no files")) == slow]
    # In a process of its own: one with threads, as that of the tests may have, cannot be forked safely.
    call = [sys.executable, "-m", "tools.fuzz", "--seed", "7", "--cases", "2", "--minutes", "0", "--out", str(tmp_path)]
    root = Path(__file__).parents[1]
    ended = subprocess.run(
        [*call, "--only", *kinds], cwd=root, capture_output=True, text=True, check=False, timeout=600
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert f"{2 * len(kinds)} cases by seed 7, 0 things wrong" in ended.stdout


def _two_files(folder: Path) -> None:
    for name in "ab":
        (folder / name).touch()


def test_what_two_kinds_prepare_alike_is_made_once_and_read_by_each(tmp_path: Path) -> None:
    read = Kind("read", _two_files, lambda draw, folder: [], whole=("--help",))
    unread = Kind("unread", _two_files, lambda draw, folder: [], whole=("nothing",))
    made = prepare(read, tmp_path)
    os.remove(made / "b")  # where it is made again, it comes back
    for _ in range(2):
        with pytest.raises(RuntimeError, match="unread: nothing"):
            prepare(unread, tmp_path)
    assert prepare(read, tmp_path) == made
    assert [path.name for path in made.iterdir()] == ["a"]


def test_a_kind_whose_whole_inputs_are_not_read_is_refused(tmp_path: Path) -> None:
    words = ("info", "nothing.json")
    for says in ("", "stages"):
        kind = Kind("unread", nothing, lambda draw, folder: [*words], whole=words, says=says)
        with pytest.raises(RuntimeError, match=r"unread: info nothing\.json ended with 1"):
            prepare(kind, tmp_path / f"it{says}")

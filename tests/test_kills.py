"""`make kills` sees what a kill loses, and commands lose nothing."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

pytest.importorskip("fcntl")  # processes are forked

from tools.fuzz.kills import Job, try_job


def work() -> None:
    ends = time.process_time() + 0.03
    while time.process_time() < ends:
        pass


def careful(_: Sequence[str]) -> int:
    for number in range(4):
        work()
        half = Path("half")
        half.write_text(str(number))
        half.replace("made.txt")
    return 0


def careless(_: Sequence[str]) -> int:
    made = Path("made.txt")
    known = made.read_text().count("\n") if made.exists() else 0
    for number in range(4):
        with made.open("a") as file:
            file.write(f"{number + known}")
            file.flush()
            work()
            file.write("\n")
    return 0


def littering(words: Sequence[str]) -> int:
    Path(f".made.txt.{time.monotonic_ns():016x}").touch()
    careful(words)
    for left in Path().glob(".made.txt.*"):
        left.unlink()
        break
    return 0


def refusing(_: Sequence[str]) -> int:
    started = Path("started").exists()
    Path("started").touch()
    work()
    Path("made.txt").write_text("made")
    return int(started)


@pytest.mark.parametrize(
    ("call", "said"),
    [(careful, ""), (careless, "made.txt is another"), (littering, "left .made.txt."), (refusing, "ended with 1")],
)
def test_what_a_kill_loses_is_seen(tmp_path: Path, call: object, said: str) -> None:
    job = Job(lambda folder: None, lambda folder: [], ("made.txt",), call)  # type: ignore[arg-type]
    found = try_job(job, tmp_path / "job", 12, random.Random(0))
    if said:
        assert found.wrong
        assert all(one.startswith(said) for one in found.wrong)
    else:
        assert (found.wrong, found.kills) == ([], 12)
        assert found.ends >= 1


@pytest.mark.slow
def test_commands_lose_nothing(tmp_path: Path) -> None:
    call = [sys.executable, "-m", "tools.fuzz.kills", "--count", "12", "--out", str(tmp_path / "kills")]
    ended = subprocess.run(call, cwd=Path(__file__).parents[1], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "12 kills by seed 0, 0 things lost" in ended.stdout

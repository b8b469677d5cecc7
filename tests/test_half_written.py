"""What a killed process left half written is swept, and what another one is writing stays."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("fcntl")

from cdnet.files import refuse_unwritable, write_atomically
from cdnet.half_written import TOKEN, half_written, sweep_dead

OTHER = """
import sys, time
from pathlib import Path
from cdnet.files import write_atomically

def write(file):
    file.write(b"half")
    file.flush()
    print("writing", flush=True)
    time.sleep(600)

write_atomically(Path(sys.argv[1]), write)
"""


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_what_another_process_writes_stays_until_it_is_killed(tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    other = subprocess.Popen([sys.executable, "-c", OTHER, str(out)], stdout=subprocess.PIPE, text=True)
    try:
        assert other.stdout is not None
        assert other.stdout.readline() == "writing\n"
        (half,) = names(tmp_path)
        refuse_unwritable(out)
        assert names(tmp_path) == [half]
    finally:
        other.send_signal(signal.SIGKILL)
        other.communicate()
    assert names(tmp_path) == [half]
    refuse_unwritable(out)
    assert names(tmp_path) == []


def test_only_ones_own_is_swept(tmp_path: Path) -> None:
    token = "0" * 2 * TOKEN
    (tmp_path / f".out.{token}").mkdir()
    (tmp_path / f".out.{token}" / "draft.onnx").write_text("half")
    (tmp_path / f".out.{token[:-1]}1").write_text("half")
    stay = [f".out.{token}0", f".out.{token[1:]}", f".other.{token}", f"out.{token}", f".out.{token[:-1]}g"]
    for name in stay:
        (tmp_path / name).write_text("somebody's")
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "mine").write_text("mine")
    (tmp_path / f".out.{token[:-1]}2").symlink_to(tmp_path / "kept")
    sweep_dead(tmp_path / "out")
    assert names(tmp_path) == sorted([*stay, "kept", f".out.{token[:-1]}2"])
    assert (tmp_path / "kept" / "mine").read_text() == "mine"
    sweep_dead(tmp_path / "nowhere" / "out")


def test_what_is_held_stays_and_goes_in_the_end(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(ValueError, match="stopped"), half_written(out, Path.mkdir) as (half, _):  # noqa: PT012
        (half / "part").write_text("half")
        sweep_dead(out)
        assert (half / "part").exists()
        raise ValueError("stopped")
    assert names(tmp_path) == []
    with half_written(out, lambda half: half.write_text("whole")) as (half, made):
        assert made == 5
        half.rename(out)
    assert out.read_text() == "whole"


def test_what_was_swept_before_it_was_held_is_made_anew(tmp_path: Path) -> None:
    made: list[Path] = []

    def make(half: Path) -> None:
        made.append(half)
        half.touch()
        if len(made) == 1:
            sweep_dead(tmp_path / "out")

    with half_written(tmp_path / "out", make) as (half, _):
        assert made == [made[0], half]
        assert names(tmp_path) == [half.name]


def test_a_file_appears_whole_beside_what_is_left(tmp_path: Path) -> None:
    (tmp_path / f".out.{'0' * 2 * TOKEN}").write_text("half")
    write_atomically(tmp_path / "out", lambda file: file.write(b"whole"))
    assert (tmp_path / "out").read_bytes() == b"whole"

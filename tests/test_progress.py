"""The library says what it does by logging, and shows nothing; the command line prints it, and draws bars."""

from __future__ import annotations

import io
import logging
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console
from tests import recipes

import cdnet
from cdnet.cli import main, terminal
from cdnet.engine.recipe import OptimRecipe, ScheduleRecipe
from cdnet.progress import notes, shown, shown_steps
from cdnet.train.recipe import BatchRecipe, TrainRecipe
from cdnet.train.run import train

FROM_PYTHON = """
import logging, sys
from pathlib import Path
import cdnet
from cdnet.evaluate.evaluation import read_test_pictures
from cdnet.data.layout import read_data
from cdnet.search.recipe import SearchRecipe
from cdnet.search.run import search
from cdnet.settings.recipes import read_recipe
from cdnet.train.recipe import TrainRecipe
from cdnet.train.run import train

logging.getLogger("cdnet").setLevel(logging.CRITICAL)
pictures, out = map(Path, sys.argv[1:])
small = {"width": 0.1, "size": "64x32", "data.root": pictures, "data.cache": out / "cache", "batch.identities": 4}
small |= {"batch.pictures": 3, "device": "cpu", "seed": 1}
schedule = {"schedule.kind": "step", "schedule.milestones": [5], "schedule.epochs": 1}
recipe = read_recipe(TrainRecipe, "demo", {**small, **schedule, "evaluate_every": 1}, "train")
train(recipe, out / "train")
costs = {"cost.kind": "none", "cost.budget": None}
search(read_recipe(SearchRecipe, "demo-search", {**small, **costs, "epochs": 1}, "search"), out / "search")
print("no longer silenced", flush=True)
logging.getLogger("cdnet").setLevel(logging.NOTSET)
train(recipe, out / "train", resume=True)
"""


def on_a_terminal(words: list[str]) -> str:
    """Return what a program prints, on standard output and error, where both are a terminal."""
    ours, theirs = os.openpty()
    environment = {**os.environ, "PYTHONPATH": str(Path(cdnet.__file__).parents[1])}
    with subprocess.Popen([sys.executable, *words], stdout=theirs, stderr=theirs, env=environment) as program:
        os.close(theirs)
        said = bytearray()
        try:
            while piece := os.read(ours, 4096):
                said += piece
        except OSError:  # so Linux says that nobody is at the other end any more
            pass
        os.close(ours)
    assert program.returncode == 0, said.decode()
    return said.decode().replace("\r\n", "\n")


def test_python_silences_the_library(market: Path, tmp_path: Path) -> None:
    said = on_a_terminal(["-c", FROM_PYTHON, str(market), str(tmp_path)]).splitlines()
    assert said[0] == "no longer silenced"
    assert said[1:] == ["of 1 epochs none reaches the milestone(s) 5: the learning rate does not fall there"]


def small(pictures: Path) -> TrainRecipe:
    schedule = ScheduleRecipe(epochs=2, kind="step", milestones=[5])
    batch = BatchRecipe(identities=4, pictures=3)
    return replace(recipes.training(pictures), optim=OptimRecipe(), batch=batch, schedule=schedule, evaluate_every=2)


def as_words(pictures: Path, out: Path) -> list[str]:
    batch = ["--batch.identities", "4", "--batch.pictures", "3"]
    schedule = ["--schedule.epochs", "2", "--schedule.kind", "step", "--schedule.milestones", "[5]"]
    where = ["--data.root", str(pictures), "--device", "cpu", "--out", str(out)]
    return [
        "train",
        "--genotype",
        "cnet-top3",
        "--width",
        "0.1",
        "--size",
        "64x32",
        *batch,
        *schedule,
        *where,
        "--evaluate-every",
        "2",
    ]


def without_times(lines: list[str]) -> list[str]:
    return [re.sub(r"\d+(?= images/s)|\d:\d\d:\d\d(?= left)", "T", line) for line in lines]


def test_the_command_line_prints_what_the_library_says(
    market: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "cdnet"):
        train(small(market), tmp_path / "python")
    assert capsys.readouterr() == ("", "")
    said = without_times(caplog.messages)
    assert main(as_words(market, tmp_path / "words")) == 0
    printed = without_times(capsys.readouterr().err.splitlines())
    assert printed == said
    assert [line.partition(",")[0] for line in printed[-2:]] == ["epoch 1/2", "epoch 2/2"]
    assert all(re.search(r", loss \d.*, T images/s, T left", line) for line in printed[-2:])
    assert printed[-1].count("rank-1") == 1
    assert any("none reaches the milestone(s) 5" in line for line in printed)
    levels = {record.getMessage(): record.levelname for record in caplog.records}
    assert [levels[line] for line in levels if "milestone" in line or line.startswith("epoch 1/2")] == [
        "WARNING",
        "INFO",
    ]
    # The command has left nothing behind that prints.
    logging.getLogger("cdnet").warning("one more")
    assert capsys.readouterr().err == ""


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_bars_are_drawn_on_a_terminal_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def work() -> None:
        log = notes("cdnet.tests")
        assert list(shown(iter("ab"), "reading [red]\x1b[2J", 2)) == ["a", "b"]
        with shown_steps("epoch 1/1", 4, 0) as note:
            note(3, "loss [b]1.00")
            log.warning("a\nb")

    monkeypatch.setenv("TERM", "xterm")
    for kind in (io.StringIO, Terminal):
        file = kind()
        console = Console(file=file, force_terminal=kind is Terminal, width=120, highlight=False, markup=False)
        monkeypatch.setattr(terminal, "_console", lambda console=console: console)
        work()
        assert file.getvalue() == ""
        with terminal.at_work():
            work()
        if kind is io.StringIO:
            assert file.getvalue() == "a\\nb\n"
        else:
            assert "reading [red]\\x1b[2J" in file.getvalue()
            assert re.search(r"epoch 1/1.*3/4.*loss \[b\]1\.00", file.getvalue())
            assert "a\\nb\n" in file.getvalue()

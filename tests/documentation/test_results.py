"""The commands that results were made by are still there: their words are taken, and what they name is known."""

from __future__ import annotations

import csv
import re
import shlex

import pytest
from tests.documentation.pages import ROOT
from tests.documentation.test_words import WordsTakenError, take

from cdnet.cli import main
from cdnet.settings.files import shipped_recipes

RESULTS = ROOT / "results"
LEAD = re.compile(r"(?:taskset -c \d+ )?(?:env )?(?:OMP_NUM_THREADS=\d+ )?cdnet (?=[a-z])")
STANDING = {
    "OPTIONS": "--gate sampled",
    "ROWS": "cdnet-x0.25-64x32",
    "TABLE": "table-6",
    "NETWORK": "cdnet-x0.25-market1501",
}
"""Words that stand for others, and one of what they stand for."""


def commands() -> dict[str, str]:
    """Every command of the results once, without what stands before ``cdnet``, and the file that has it first."""
    prose = (RESULTS / "README.md").read_text("utf-8")
    found = [("README.md", " ".join(span.split())) for span in re.findall(r"`([^`]+)`", prose)]
    for path in sorted(RESULTS.rglob("*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            found += [(path.name, row["command"]) for row in csv.DictReader(file) if row.get("command")]
    found += [
        ("check.txt", line[2:]) for line in (RESULTS / "check.txt").read_text("utf-8").splitlines() if line[:2] == "$ "
    ]
    first: dict[str, str] = {}
    for name, text in found:
        if LEAD.match(text) and " -" in text:
            for word, meant in STANDING.items():
                text = re.sub(rf"\b{word}\b", meant, text)
            first.setdefault(LEAD.sub("", text, count=1), name)
    return first


COMMANDS = commands()


def test_there_are_commands_of_each_file() -> None:
    assert {"README.md", "market1501.csv", "elsewhere.csv", "figures-7-8.csv", "check.txt"} <= set(COMMANDS.values())


@pytest.mark.parametrize("line", sorted(COMMANDS))
def test_a_commands_words_are_taken(
    line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    if re.match(r"reproduce table-\d+ ", line):  # its rows and keys are looked up
        assert main([*shlex.split(line), "--print-commands"]) == 0, capsys.readouterr().err
        for recipe in re.findall(r"--config (\S+)", capsys.readouterr().out):
            assert recipe in shipped_recipes()
        return
    with pytest.raises(WordsTakenError):
        take(line, monkeypatch)

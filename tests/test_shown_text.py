"""Names are text: nothing in them is obeyed where they are shown."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import cdnet
from cdnet.cli import main
from cdnet.cli.terminal import note
from cdnet.progress import notes
from cdnet.shown_text import csv_cell, harmless, say, shell_command

OBEYED = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")
"""What terminals, XML or the order of letters follow, written down apart from the code."""


@given(st.text(st.characters(exclude_categories=())))
def test_nothing_is_left_that_is_obeyed(text: str) -> None:
    assert not OBEYED.search(harmless(text))


@pytest.mark.parametrize("name", ["Zoë", "张伟", "نگین‌دخت", "a  b", "[red]$x$<b>{{7*7}}", "आभा", "\u00a0"])
def test_names_in_any_script_stay_as_they_are(name: str) -> None:
    assert harmless(name) == name


@pytest.mark.parametrize(
    ("name", "shown"),
    [("\x1b[31mred", "\\x1b[31mred"), ("a\nb\tc", "a\\nb\\tc"), ("\udcff", "\\xff"), ("\u202egpj", "\\u202egpj")],
)
def test_what_is_obeyed_becomes_an_escape(name: str, shown: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert harmless(name) == shown
    say(f"figure: {name}", "next")
    assert capsys.readouterr().out == f"figure: {shown}\nnext\n"


def test_notes_show_names_as_text(capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> None:
    note("[red]\x1b[2J\nrow 2")
    assert capsys.readouterr().err == "[red]\\x1b[2J\\nrow 2\n"
    notes("cdnet.tests").warning("%s: [red]%%s", "\x1b[2J\nrow 2")
    assert caplog.messages == ["\\x1b[2J\\nrow 2: [red]%s"]


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1), min_size=1))
def test_a_command_to_be_copied_is_read_by_a_shell_as_it_was_meant(words: list[str]) -> None:
    if all(harmless(word) == word for word in words):
        assert shlex.split(shell_command(words)) == words


@pytest.mark.parametrize("word", ["it's", "a\nb", "\x1b]0;x\x07", "\udcffé", "\\n'\t", "\u202e"])
def test_bash_takes_an_escaped_word_back(word: str) -> None:
    command = f"printf %s {shell_command([word])}"
    assert not OBEYED.search(command)
    done = subprocess.run(["bash", "-c", command], capture_output=True, check=True, env={"LC_ALL": "C.UTF-8"})
    assert done.stdout == word.encode("utf-8", "surrogateescape")


def test_a_spreadsheet_computes_no_name() -> None:
    assert [csv_cell(value) for value in ("=1+1", "@x", "+a", "-a")] == ["'=1+1", "'@x", "'+a", "'-a"]
    assert [csv_cell(value) for value in ("-0.5", "+1.2 %", "anna", -3, "")] == ["-0.5", "+1.2 %", "anna", -3, ""]


def test_a_complaint_shows_the_name_on_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "check", "no\x1b[2J\nsuch  one"]) == 1
    assert "cdnet: no\\x1b[2J\\nsuch  one: no such folder" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["Zoë", "张\x1b[2J", b"\xff\xfe".decode("utf-8", "surrogateescape")])
def test_names_are_shown_where_the_output_is_ascii(name: str, market: Path, tmp_path: Path) -> None:
    root = tmp_path / name
    root.symlink_to(market)
    done = subprocess.run(
        [sys.executable, "-m", "cdnet", "data", "check", str(root), "--batch.identities", "4"],
        capture_output=True,
        check=False,
        env={"PYTHONPATH": str(Path(cdnet.__file__).parents[1]), "LANG": "C", "PYTHONIOENCODING": "ascii", "PATH": ""},
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"read as market1501" in done.stdout
    assert not OBEYED.search(done.stdout.decode("ascii").replace("\n", ""))


def test_nothing_prints_but_what_shows_text_harmlessly() -> None:
    package = Path(cdnet.__file__).parent
    bare = re.compile(r"(?<![\w.])(?<!def )print\(")
    found = {path.relative_to(package).as_posix() for path in package.rglob("*.py") if bare.search(path.read_text())}
    assert found == {"shown_text.py", "cli/__init__.py"}

"""The commands and the Python that README and site show are such as the project takes."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from cdnet.cli import main
from cdnet.settings.parser import Parser

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "docs/figures/README.md"]


class WordsTakenError(Exception):
    """A command's parser has taken its words."""


def commands() -> list[str]:
    found: dict[str, None] = {}
    for page in PAGES:
        for block in re.findall(r"^```\w*\n(.*?)^```", page.read_text("utf-8"), re.DOTALL | re.MULTILINE):
            for line in block.replace("\\\n", " ").splitlines():
                match = re.match(r"(?:torchrun .* -m )?cdnet (.*)", line)
                if match:
                    found[" ".join(match[1].split())] = None
    return list(found)


def take(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    read = Parser.read

    def stop(self: Parser, words: list[str]) -> Any:
        read(self, words)
        raise WordsTakenError

    monkeypatch.setattr(Parser, "read", stop)
    main(shlex.split(line, comments=True))


@pytest.mark.parametrize("line", commands())
def test_a_command_that_is_shown_has_these_options(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    with pytest.raises(WordsTakenError):
        take(line, monkeypatch)


def test_an_option_that_is_not_there_is_noticed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    take("export runs/cdnet --no-such-option --out cdnet.onnx", monkeypatch)
    assert "no-such-option" in capsys.readouterr().err


def test_the_pages_show_many_commands() -> None:
    assert len(commands()) >= 30

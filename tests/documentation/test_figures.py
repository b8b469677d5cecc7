"""What docs/figures shows: small files that open, made by commands that exist, and Python that runs."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from xml.etree import ElementTree

import pytest
from PIL import Image

FOLDER = Path(__file__).parents[2] / "docs" / "figures"
PAGE = (FOLDER / "README.md").read_text("utf-8")
SHOWN = re.findall(r"!\[[^\]]+\]\(([\w.-]+)\)", PAGE)


@pytest.mark.parametrize("name", SHOWN)
def test_a_figure_is_small_and_opens(name: str) -> None:
    path = FOLDER / name
    assert path.stat().st_size < 300_000
    if path.suffix == ".png":
        with Image.open(path) as image:
            image.load()
    else:
        ElementTree.parse(path)


def test_each_figure_has_its_command_and_each_command_its_figure() -> None:
    made = [line.split()[-1] for line in PAGE.splitlines() if line.startswith("cdnet figure")]
    assert made == [f"docs/figures/{name}" for name in SHOWN]
    assert {path.name for path in FOLDER.iterdir()} == {*SHOWN, "README.md"}


def test_the_options_of_the_commands_exist(capsys: pytest.CaptureFixture[str]) -> None:
    from cdnet.cli import main

    known: dict[str, str] = {}
    for line in re.findall(r"^cdnet (figure .*)$", PAGE, re.MULTILINE):
        _, figure, *words = shlex.split(line)
        if figure not in known:
            with pytest.raises(SystemExit):
                main(["figure", figure, "--help"])
            known[figure] = capsys.readouterr().out
        assert all(word in known[figure] for word in words if word.startswith("--"))
    assert len(known) == 4


def test_the_python_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    exec(compile(code, "README.md", "exec"), {})
    assert ElementTree.parse("cmc.svg").getroot().tag.endswith("svg")

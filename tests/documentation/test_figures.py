"""The figures of the site: small files that open, each with its command, and those of the concepts as the code is."""

from __future__ import annotations

import re
from pathlib import Path
from runpy import run_path
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


def test_the_figures_of_the_concepts_are_as_the_code_draws_them() -> None:
    folder = FOLDER.parent / "concepts"
    drawn = run_path(str(folder / "draw.py"))["FIGURES"]
    assert {path.name for path in folder.glob("*.svg")} == set(drawn)
    assert re.findall(r"\(concepts/([\w.-]+)\)", (FOLDER.parent / "concepts.md").read_text("utf-8")) == [
        "network.svg",
        "cblock.svg",
        "cdblock.svg",
        "spaces.svg",
        "top-k.svg",
        "fblneck.svg",
    ]
    for name, figure in drawn.items():
        text = figure().svg()
        assert (folder / name).read_text("utf-8") == text, f"python docs/concepts/draw.py draws {name} anew"
        root = ElementTree.fromstring(text)
        assert all(root.findtext(f"{{http://www.w3.org/2000/svg}}{tag}") for tag in ("title", "desc"))

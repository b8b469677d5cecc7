"""Files of figures: readable, the same each time, and understood without colours."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from PIL import Image

from cdnet.errors import CdnetError
from cdnet.figures import style
from cdnet.figures.style import Drawn, new_figure, paper_style, picture_panel, save


def drawn() -> Drawn:
    with paper_style():
        figure = new_figure(2, 1)
        figure.subplots().plot([1, 2, 3], [2, 1, 3], label="a < b")
    return Drawn(figure, "A & B", "One line: 2, 1, 3.")


@pytest.mark.parametrize("ending", ["png", "svg", "pdf"])
def test_the_same_figure_is_the_same_file_without_a_date(ending: str, tmp_path: Path) -> None:
    for name in ("one", "two"):
        save(tmp_path / f"{name}.{ending}", drawn())
    content = (tmp_path / f"one.{ending}").read_bytes()
    assert content == (tmp_path / f"two.{ending}").read_bytes()
    assert not any(word in content for word in (b"dc:date", b"CreationDate", b"Matplotlib v", b"matplotlib version"))


def test_files_are_what_their_endings_say_and_carry_the_words(tmp_path: Path) -> None:
    for name in ("f.PNG", "f.svg", "f.pdf"):
        save(tmp_path / name, drawn(), dpi=100)
    with Image.open(tmp_path / "f.PNG") as image:
        assert (image.format, image.size) == ("PNG", (200, 100))
        assert (image.text["Title"], image.text["Description"]) == ("A & B", "One line: 2, 1, 3.")  # type: ignore[attr-defined]
    root = ElementTree.parse(tmp_path / "f.svg").getroot()
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert {"A & B", "One line: 2, 1, 3."} <= {element.text for element in root.iter()}
    assert not list(root.iter("{http://www.w3.org/2000/svg}text"))  # letters are shapes: no font is missing anywhere
    assert (tmp_path / "f.pdf").read_bytes().startswith(b"%PDF-")


@pytest.mark.parametrize("name", ["f.gif", "f", ".png", "f.png.txt"])
def test_an_unknown_ending_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(CdnetError, match=r"use \.png, \.svg, \.pdf"):
        save(tmp_path / name, drawn())
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("dpi", [0, 49, 1201])
def test_senseless_dots_are_refused(dpi: int, tmp_path: Path) -> None:
    with pytest.raises(CdnetError, match="from 50 to 1200"):
        save(tmp_path / "f.png", drawn(), dpi)


def luminance(colour: str) -> float:
    """Relative luminance as WCAG 2 defines it."""
    channels = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
    return float(np.dot(channels, [0.2126, 0.7152, 0.0722]))


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("colour", [*style.LINE_COLOURS, style.RIGHT, style.WRONG, style.INK])
def test_lines_and_letters_stand_out_from_white(colour: str) -> None:
    assert contrast(colour, "white") >= 3


def test_nothing_is_told_by_colour_alone() -> None:
    assert len(style.LINE_COLOURS) == len(style.LINE_STYLES) == len(style.LINE_MARKERS)
    assert all(one != other for one, other in combinations(style.LINE_STYLES, 2))
    assert len(set(style.LINE_MARKERS)) == len(style.LINE_MARKERS)
    assert len(style.POINT_COLOURS) == len(style.POINT_MARKERS) == len(set(style.POINT_MARKERS))


def deuteranope(colour: str) -> np.ndarray:
    """What is left of a linear colour for someone without green cones (Vienot, Brettel and Mollon 1999)."""
    linear = np.array([c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)])
    seen = np.array([[0.29275, 0.70725, 0], [0.29275, 0.70725, 0], [-0.02234, 0.02234, 1]]) @ linear
    return np.cbrt(np.clip(seen, 0, 1))


def test_who_sees_no_green_still_tells_the_colours_apart() -> None:
    for colours in (style.POINT_COLOURS, (style.RIGHT, style.WRONG)):
        for one, other in combinations(colours, 2):
            assert np.abs(deuteranope(one) - deuteranope(other)).max() > 0.08, (one, other)


def test_a_panel_lies_where_it_is_put_and_shows_the_picture() -> None:
    picture = np.zeros((20, 10, 3), np.uint8)
    picture[:, 5:] = 200
    with paper_style():
        figure = new_figure(3, 2, arranged=False)
        picture_panel(figure, picture, left=0.5, top=0.25, width=0.5)
        figure.dpi = 100
        figure.canvas.draw()
        shown = np.asarray(figure.canvas.buffer_rgba())[:, :, :3]  # type: ignore[attr-defined]
    assert (shown[25:125, 50:75] == 0).all()
    assert (shown[25:125, 75:100] == 200).all()
    assert (shown[:, :49] == 255).all()
    assert (shown[126:] == 255).all()

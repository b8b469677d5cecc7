"""Names in figures are text, and drawn in letters of fonts that are there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from matplotlib.font_manager import fontManager
from PIL import Image

from cdnet.data.pictures import Picture
from cdnet.figures import lettering
from cdnet.figures.cmc import Curve, draw_cmc
from cdnet.figures.lettering import MOST, families, labels, missing
from cdnet.figures.style import Drawn, save
from cdnet.figures.tsne import Sight, draw_tsne

HOSTILE = ["$\\frac{1}{0}$", "_anna", "\x1b[31m<b>&", "{{7*7}}", "\\alpha^2_x $", "\udcff"]


def curves(*names: str) -> list[Curve]:
    return [Curve(name, {1: 0.5, 5: 0.8}, 0.4) for name in names]


def scatter(names: list[str]) -> Drawn:
    generator = np.random.default_rng(0)
    people = {name: [Picture(Path(f"{n}.jpg"), name) for n in range(4)] for name in names}
    places = [generator.normal(size=(4 * len(names), 2)) for _ in range(2)]
    return draw_tsne([Sight(names[2], *places, (0.1, 0.2), 0.3)], people)  # type: ignore[arg-type]


@pytest.mark.parametrize("drawn", [draw_cmc(curves(*HOSTILE)), scatter(HOSTILE)])
@pytest.mark.parametrize("ending", ["png", "svg", "pdf"])
def test_hostile_names_are_drawn_as_they_are(drawn: Drawn, ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"f.{ending}"
    save(path, drawn, 60)
    if ending == "svg":
        words = "".join(ElementTree.parse(path).getroot().itertext())
        assert "\\x1b[31m<b>&" in words or "identities" in words
    legend = drawn.figure.legends[0] if drawn.figure.legends else drawn.figure.axes[0].get_legend()
    shown = " ".join(text.get_text() for text in legend.get_texts())
    assert all(
        name in shown for name in ("$\\frac{1}{0}$", "_anna", "\\x1b[31m<b>&", "{{7*7}}", "\\alpha^2_x $", "\\xff")
    )


def test_long_names_are_shortened_and_stay_different() -> None:
    one, other = labels(["a" * 200 + "1", "a" * 200 + "2"])
    assert one.endswith("a1")
    assert other.endswith("a2")
    assert len(one) == len(other) == MOST
    middle = ["a" * 100 + letter + "a" * 100 for letter in "xy"]
    assert labels(middle) == middle
    assert labels(["Zoe\u0308"]) == ["Zo\u00eb"]


@pytest.fixture
def font_with(tmp_path: Path) -> Iterator[str]:
    """A font that has but one letter, a black square as U+5F20, installed for matplotlib."""
    pen = TTGlyphPen(None)
    pen.moveTo((0, 0))
    for corner in ((0, 800), (800, 800), (800, 0)):
        pen.lineTo(corner)
    pen.closePath()
    builder = FontBuilder(1000)
    builder.setupGlyphOrder([".notdef", "zhang"])
    builder.setupCharacterMap({0x5F20: "zhang"})
    builder.setupGlyf({".notdef": TTGlyphPen(None).glyph(), "zhang": pen.glyph()})
    builder.setupHorizontalMetrics({".notdef": (1000, 0), "zhang": (1000, 0)})
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": "Zhang Test", "styleName": "Regular"})
    builder.setupOS2(usWeightClass=400)
    builder.setupPost()
    builder.save(tmp_path / "zhang.ttf")
    before = list(fontManager.ttflist)
    fontManager.addfont(tmp_path / "zhang.ttf")
    lettering._installed.cache_clear()
    yield "Zhang Test"
    fontManager.ttflist[:] = before
    lettering._installed.cache_clear()


def dark(path: Path) -> int:
    with Image.open(path) as image:
        return int((np.asarray(image.convert("L")) < 100).sum())


def test_a_script_that_a_font_has_is_drawn_in_it(
    font_with: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert families(["anna", "Анна"]) == ["DejaVu Sans"]
    assert families(["anna 张"]) == ["DejaVu Sans", font_with]
    assert missing(["张"]) == ""
    save(tmp_path / "with.png", draw_cmc(curves("张" * 10)), 100)
    save(tmp_path / "without.png", draw_cmc(curves("i" * 10)), 100)
    assert "font" not in caplog.text
    # Ten squares of the letters' size are far more ink than ten strokes.
    assert dark(tmp_path / "with.png") > dark(tmp_path / "without.png") + 300


def test_letters_that_no_font_has_are_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    unknown = next(chr(code) for code in range(0x13000, 0x14000) if missing([chr(code)]))
    save(tmp_path / "f.png", draw_cmc(curves(f"a{unknown}")), 60)
    err = caplog.text
    assert err.count("no installed font has") == 1
    assert unknown in err

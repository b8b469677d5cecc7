"""The search's page: whole, self-contained, and showing the numbers that it was given."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from cdnet.report.search import COLUMNS, probability_map, write_search_report
from cdnet.search.space import CDS


def made_log(epochs: int) -> list[dict[str, object]]:
    rng = np.random.default_rng(0)
    lines: list[dict[str, object]] = []
    for epoch in range(1, epochs + 1):
        alpha = rng.normal(size=(6, 12)) * epoch / epochs
        lines.append(
            {
                "epoch": epoch,
                "alpha": alpha.tolist(),
                "entropy": [2.4] * 6,
                "chosen": alpha.argmax(1).tolist(),
                "computed": rng.integers(0, 50, (6, 12)).tolist(),
                "loss": 9.0 / epoch,
                "validation_loss": 9.5 / epoch,
                "milliseconds_per_image": 3.25,
                "seconds": 10.0,
            }
        )
    return lines


def test_page_is_whole_and_tells_what_was_found(tmp_path: Path) -> None:
    log = made_log(7)
    chosen = log[-1]["chosen"]
    genotype = CDS.genotype(chosen, "found")  # type: ignore[arg-type]
    costs = {"width": 1.0, "size": (256, 128)}
    write_search_report(tmp_path / "r.html", "searched <somehow>", CDS, log, genotype, costs)
    page = (tmp_path / "r.html").read_text("utf-8")
    HTMLParser().feed(page)
    assert page.count("<svg") == 6
    words = " ".join(page.split())
    assert "The search took 7 epochs" in words
    assert "3.25 ms an image of either side" in words
    assert "by the pictures that update w alone, 6.50 ms" in words
    assert "http" not in page
    assert "Searched &lt;somehow&gt;" in page
    rows = re.findall(r'<th scope="row">(.*?)</th><td>([^<]+)</td><td>', page)
    assert [choice for name, choice in rows if name.isdigit()] == [str(c) for stage in genotype.stages for c in stage]
    assert ("CDNet (paper)", "9") in rows
    assert "1\u202f796\u202f600" in page


@pytest.mark.parametrize("epochs", [1, 5, 500])
def test_map_has_a_cell_for_each_epoch_shown(epochs: int) -> None:
    probabilities = np.full((epochs, 12), 1 / 12)
    probabilities[-1] = np.linspace(0.01, 0.12, 12)
    svg = probability_map(CDS, probabilities, np.arange(12), 3, [{"epoch": e + 1} for e in range(epochs)])
    assert svg.count("fill-opacity") == 12 * min(epochs, COLUMNS)
    assert svg.count("font-weight") == 1
    assert f"epoch {epochs}: 12.00 %" in svg
    assert "computed in 11 steps" in svg

from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from cdnet.data.cache import CachedPictures
from cdnet.data.decode import decode
from cdnet.data.pictures import Picture
from cdnet.evaluate.evaluation import TestPictures
from cdnet.evaluate.ranking import Metrics
from cdnet.nn.counts import count_network
from cdnet.report.page import DemoReport, Searched, data_uri, duration, render, thousands, write_report
from cdnet.report.ranked import rank_queries
from cdnet.report.search import compare_networks, describe_mblocks
from cdnet.search.recipe import CostRecipe, SearchRecipe
from cdnet.search.space import CDS

VOID = {"meta", "img", "br", "link", "input", "hr"}
METHODS = {"trained": 0.9, "untrained": 0.2, "histograms <b>": 0.4, "chance": 0.05}


class Page(HTMLParser):
    """Collects elements with their attributes, and minds that each is closed in its turn."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def split(identities: list[str], cameras: list[str], seed: int) -> CachedPictures:
    pixels = np.random.default_rng(seed).integers(0, 256, (len(identities), 32, 16, 3), np.uint8)
    pairs = enumerate(zip(identities, cameras, strict=True))
    return CachedPictures(tuple(Picture(Path(f"{seed}-{n}.jpg"), *pair) for n, pair in pairs), pixels)


def metrics(rank1: float) -> Metrics:
    return Metrics(rank1, 0.95, 0.96, 0.97, 0.5, 0.25, 4, 0, 8, tuple([rank1] + [0.98] * 19))


def searched(given_up: list[int]) -> Searched:
    alpha = np.eye(12)[[3, 1, 4, 1, 5, 9]]
    line = {
        "epoch": 1,
        "alpha": alpha.tolist(),
        "chosen": alpha.argmax(1).tolist(),
        "entropy": [2.0] * 6,
        "computed": [[1] * 12] * 6,
    }
    return Searched(
        recipe=SearchRecipe(epochs=2, size="64x32", cost=CostRecipe("macs", budget=20e6, width=0.25, size="128x64")),
        space=CDS,
        steps=1234,
        blocks=describe_mblocks(CDS, [line, {**line, "epoch": 2}]),
        networks=compare_networks(CDS.genotype(line["chosen"], "found"), 0.25, (128, 64)),  # type: ignore[arg-type]
        given_up=given_up,
    )


@pytest.fixture(scope="module")
def report() -> DemoReport:
    pictures = TestPictures(
        split(["0001", "0003", "0005", "0007"], ["1"] * 4, 1),
        split(
            ["0001", "0001", "0003", "0005", "0007", "0000", "0003", "0007"],
            ["1", "2", "2", "2", "2", "2", "1", "3"],
            2,
        ),
    )
    generator = torch.Generator().manual_seed(3)
    features = torch.randn(4, 6, generator=generator), torch.randn(8, 6, generator=generator)
    epoch: dict[str, Any] = {
        "epoch": 1,
        "loss": 3.0,
        "softmax": [1.0, 1.0],
        "triplet": [0.5, 0.5],
        "rank1": 0.9,
        "mAP": 0.5,
    }
    return DemoReport(
        searched=searched([]),
        methods={name: metrics(rank1) for name, rank1 in METHODS.items()},
        log=[epoch, {**epoch, "epoch": 2}],
        lists=rank_queries(*features, *pictures.labels()),
        pictures=pictures,
        samples=pictures.gallery.pixels[:3],
        network=count_network("cdnet", 0.25, "128x64"),
        splits={name: {"pictures": 1234, "identities": 5, "cameras": 2} for name in ("train", "query", "gallery")},
        extras={"distractors": 1, "junk": 2},
        facts={"Seed": "7"},
        seconds={"drawing": 8.0, "training": 125.0},
    )


@pytest.fixture(scope="module")
def page(report: DemoReport) -> Page:
    return Page(render(report))


def test_the_page_asks_nothing_of_the_network(report: DemoReport, page: Page) -> None:
    html = render(report)
    assert "http" not in html.replace("http-equiv", "")
    assert "@import" not in html
    assert not page.all("script")
    assert not page.all("link")
    for picture in page.all("img"):
        assert (picture["src"] or "").startswith("data:image/jpeg;base64,")
        assert picture["alt"]
    for use in page.all("use"):
        assert (use["href"] or "").startswith("#")
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_the_table_has_the_four_methods_with_their_figures(report: DemoReport) -> None:
    html = render(report)
    table = html[html.index('class="methods"') : html.index("</table>")]
    rows = table.split("<tr")[2:]
    assert len(rows) == 4
    for row, shown in zip(rows, ("trained", "untrained", "histograms &lt;b&gt;", "chance"), strict=True):
        assert f">{shown}</th>" in row
    assert [row.split("<td>")[1].split("<")[0] for row in rows] == ["90.0", "20.0", "40.0", "5.0"]
    assert "<strong>50.0</strong> points ahead of histograms &lt;b&gt;" in html


def test_frames_marks_and_alternative_texts_agree_with_the_lists(report: DemoReport) -> None:
    html = render(report)
    articles = [article.split("<li ")[1:] for article in html.split('<article class="list">')[1:]]
    found = [
        [(item.startswith('class="right"'), "✓" in item, item.split('alt="')[1].split(":")[0]) for item in article]
        for article in articles
    ]
    ordered = sorted(report.lists, key=lambda entry: not entry.solved)
    expected = [
        [
            (place.right, place.right, f"Rank {rank}, {'right' if place.right else 'wrong'}")
            for rank, place in enumerate(entry.places, start=1)
        ]
        for entry in ordered
    ]
    assert found == expected
    assert {right for entry in found for right, _, _ in entry} == {True, False}


def test_the_search_is_told_with_what_was_chosen_and_what_it_costs(report: DemoReport) -> None:
    html = render(report)
    section = html[
        html.index('<section aria-labelledby="search">') : html.index('<section aria-labelledby="training">')
    ]
    text = " ".join(Page(section).text.split())
    assert "12 candidates (k1,k2,r) in each of 6 MBlocks, 2 985 984 networks" in text
    assert "each of 1 234 steps computed only the 2 likeliest candidates" in text
    # By hand: the likeliest of twelve, whose alpha is 1 and the others' 0, has e / (e + 11).
    assert text.count(", 19.8 %") == 6
    assert "MBlock 1: (5,7,1), 19.8 %" in text
    assert section.count("<svg") == 6
    assert "All began at 8.3 %" in text
    assert "likeliest network of at most 20 million MACs, counted at width 0.25 and 128x64. This is" in text
    assert "CDNet (paper)9134 36619 878 336" in text
    assert "not that it finds a better network" in text
    given_up = render(DemoReport(**{**vars(report), "searched": searched([2, 5])}))
    assert "the likeliest candidate was given up in MBlock 2, 5. This is" in " ".join(given_up.split())


def test_a_run_without_a_log_still_gives_a_page(report: DemoReport) -> None:
    assert "has no log" in Page(render(DemoReport(**{**vars(report), "log": []}))).text


def test_headings_go_down_one_step_at_a_time(page: Page) -> None:
    levels = [int(tag[1]) for tag, _ in page.elements if tag in ("h1", "h2", "h3", "h4")]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_a_data_uri_holds_the_picture() -> None:
    import base64

    picture = np.zeros((32, 16, 3), np.uint8) + np.array([200, 30, 60], np.uint8)
    decoded = decode(base64.b64decode(data_uri(picture).partition(",")[2]))
    assert np.abs(decoded.astype(int) - picture).max() < 8


def test_numbers_and_times_as_they_are_shown() -> None:
    assert thousands(1234567) == "1\u202f234\u202f567"
    assert [duration(seconds) for seconds in (8.04, 59.99, 125.4)] == ["8.0 s", "1 min 00 s", "2 min 05 s"]


def test_the_page_is_written(report: DemoReport, tmp_path: Path) -> None:
    write_report(tmp_path / "new" / "report.html", report)
    assert (tmp_path / "new" / "report.html").read_text("utf-8") == render(report)

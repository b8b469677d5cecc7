"""What the pages and the model cards say of other pictures, and of parts of Market-1501's, is what was measured."""

from __future__ import annotations

import csv
import hashlib
import json
import re

import pytest
from tests.documentation.pages import PAGES, ROOT

SHIPPED = ("cdnet-x0.25-market1501", "cdnet-x0.5-market1501", "cdnet-x1.0-market1501")
OTHERS = ("retail-0286", "retail-0277")


def rows(name: str) -> list[dict[str, str]]:
    with (ROOT / "results" / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def card(network: str) -> str:
    """A model card as one line."""
    return " ".join((ROOT / f"src/cdnet/pretrained/{network}.md").read_text("utf-8").split())


def per_cent(share: str) -> str:
    return f"{100 * float(share):.1f}"


def test_every_network_was_measured_alike_on_each_set() -> None:
    measured = rows("elsewhere.csv")
    sets = list(dict.fromkeys(row["data"] for row in measured))
    assert [(row["data"], row["network"]) for row in measured] == [
        (name, network) for name in sets for network in (*SHIPPED, *OTHERS)
    ]
    for row in measured:
        assert row["network"] in row["command"]
        (alike,) = {(other["queries"], other["gallery"]) for other in measured if other["data"] == row["data"]}
        assert (row["queries"], row["gallery"]) == alike
        for key in ("rank1", "mAP"):
            assert 0 <= float(row[f"{key}_low"]) <= float(row[key]) <= float(row[f"{key}_high"]) <= 1


def test_the_table_of_other_pictures_is_the_files() -> None:
    measured = rows("elsewhere.csv")
    for name in dict.fromkeys(row["data"] for row in measured):
        found = [row for row in measured if row["data"] == name]
        counts = (f"{int(found[0][key]):,}" for key in ("identities", "queries", "gallery"))
        cells = [name, ", ".join(counts)]
        for row in found:
            low, high = (per_cent(row[f"rank1_{end}"]) for end in ("low", "high"))
            cells.append(f"{per_cent(row['rank1'])} ({low} to {high}) / {per_cent(row['mAP'])}")
        assert f"| {' | '.join(cells)} |" in PAGES["docs/results.md"]


@pytest.mark.parametrize("name", ["elsewhere.csv", "parts.csv"])
def test_the_figures_are_of_the_weights_that_ship(name: str) -> None:
    measured = {(row["network"], row["sha256"]) for row in rows(name) if row["network"] in SHIPPED}
    shipped = ((network, ROOT / f"src/cdnet/pretrained/{network}.safetensors") for network in SHIPPED)
    digests = {network: hashlib.sha256(file.read_bytes()).hexdigest() for network, file in shipped}
    assert measured == set(digests.items())


@pytest.mark.parametrize("network", SHIPPED)
def test_a_card_says_what_its_network_does_elsewhere(network: str) -> None:
    found = [row for row in rows("elsewhere.csv") if row["network"] == network]
    said = ", ".join(f"{row['data']} {per_cent(row['rank1'])} / {per_cent(row['mAP'])}" for row in found)
    assert f"| elsewhere | rank-1 / mAP on pictures of other places: {said}" in card(network)


@pytest.mark.parametrize("network", SHIPPED)
def test_a_card_says_for_whom_it_is_better_and_worse(network: str) -> None:
    parts = [row for row in rows("parts.csv") if row["network"] == network]
    text = card(network)

    def of(by: str) -> list[dict[str, str]]:
        return [row for row in parts if row["by"] == by]

    for by, words in (("camera", "by the query's camera"), ("camera-pair", "from one camera to another")):
        worst, best = (choose(of(by), key=lambda row: float(row["rank1"])) for choose in (min, max))
        told = f"{per_cent(worst['rank1'])} ({worst['part']}) to {per_cent(best['rank1'])} ({best['part']})"
        assert f"{words}, rank-1 goes from {told}" in text
    quarters = of("brightness")
    assert f"darkest quarter of the queries has {per_cent(quarters[0]['rank1'])}" in text
    assert f"brightest {per_cent(quarters[-1]['rank1'])}" in text
    few, many = (row for row in of("matches") if row["part"] in ("2 to 4 matches", "20 or more matches"))
    assert f"found first by {per_cent(few['rank1'])} % of the queries" in text
    assert f"20 or more by {per_cent(many['rank1'])} %" in text


@pytest.mark.parametrize("network", SHIPPED)
def test_the_cameras_parts_average_to_what_the_card_calls_measured(network: str) -> None:
    cameras = [row for row in rows("parts.csv") if (row["network"], row["by"]) == (network, "camera")]
    queries = sum(int(row["queries"]) for row in cameras)
    assert queries == 3_368
    whole = [sum(float(row[key]) * int(row["queries"]) for row in cameras) / queries for key in ("rank1", "mAP")]
    said = re.search(r"gallery pictures: rank-1 ([\d.]+), rank-5 [\d.]+, mAP ([\d.]+)", card(network))
    assert said is not None
    assert [f"{100 * share:.1f}" for share in whole] == list(said.groups())


def test_the_others_on_market1501_are_the_files() -> None:
    for run in json.loads((ROOT / "results/retail.json").read_text("utf-8")):
        name = re.search(r"retail-\d+", run["weights"])
        assert name is not None
        low, high = (100 * share for share in run["intervals"]["rank1"])
        row = f"| {name[0]} | {100 * run['rank1']:.1f} ({low:.1f} to {high:.1f}) | {100 * run['mAP']:.1f}"
        assert row in PAGES["docs/results.md"]

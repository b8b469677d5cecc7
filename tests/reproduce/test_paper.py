"""The paper's printed figures against what can be counted, and the data file against itself."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from cdnet.errors import CdnetError
from cdnet.genotype import read_genotype
from cdnet.nn.baselines import BASELINES
from cdnet.reproduce.comparison import compare_row
from cdnet.reproduce.counting import RowNetwork, count_row
from cdnet.reproduce.paper import FIGURES, PaperRow, read_paper
from cdnet.reproduce.plan import Setting, plan_run, read_shipped
from cdnet.settings.files import shipped_recipes

PAPER = read_paper()

# What the networks' parameters come to, and in MACs their convolutions and linear layers alone.
KNOWN = {
    ("table-1", "cnet-top4", "params"): 1.348,
    ("table-3", "bag-of-tricks", "params"): 23.512,
    ("table-3", "bag-of-tricks-pretrained", "params"): 23.512,
    ("table-7", "cdnet-std", "params"): 1.751,
    ("table-11", "cdnet-imagenet", "macs"): 1452.8,
    ("table-11", "osnet-imagenet", "macs"): 1498.7,
    ("table-12", "osnet-pretrained", "macs"): 978.9,
}


def network(row: PaperRow) -> Mapping[str, object] | None:
    if row.run is None:
        return row.network
    plan = plan_run(row.run, Setting())
    return read_shipped(plan.recipe) | dict(plan.options)


def at_full_size(name: str) -> list[str]:
    sizes = {row.name: "256x128" if row.run is None else row.run.change.get("size") for row in PAPER.tables[name].rows}
    return [row for row, size in sizes.items() if size in (None, "256x128")]


CASES = [(name, at_full_size(name)) for name in PAPER.tables]
EVERY_ROW = pytest.param("table-10", [row.name for row in PAPER.tables["table-10"].rows], marks=pytest.mark.slow)


# The MACs at the other resolutions of Table 10 are counted by tests/nn/test_counts.py; here they are slow.
@pytest.mark.parametrize(("name", "rows"), [*CASES, EVERY_ROW])
def test_what_the_paper_prints_is_counted_or_is_a_known_discrepancy(name: str, rows: list[str]) -> None:
    seen = set()
    for row in PAPER.tables[name].only(rows).rows:
        options = network(row)
        if options is None:
            continue
        counted = count_row(row, RowNetwork.of(options))
        cells = compare_row(row, PAPER.tables[name].figures, counted, [], [], "not run").cells
        for cell in cells:
            if FIGURES[cell.figure].kind not in ("counted", "genotype"):
                assert cell.ours is None
                continue
            key = (name, row.name, cell.figure)
            if key in KNOWN:
                assert counted[cell.figure] == pytest.approx(KNOWN[key], abs=0.06 if cell.figure == "macs" else 6e-4)
                assert not cell.agrees
                assert row.known[cell.figure]
                seen.add(key)
            else:
                assert cell.agrees, f"{key}: {cell.shown} for {cell.paper}"
        assert set(row.known) == {figure for _, named, figure in seen if named == row.name}
    assert seen == {key for key in KNOWN if key[0] == name}


@pytest.mark.parametrize("name", PAPER.tables)
def test_all_figures_stand_as_printed(name: str) -> None:
    # printed.json has the columns of the paper's tables, taken from its text by a program; Table 3's own rows are here
    # one a data set, and Table 10's right half comes after its left.
    printed = json.loads(Path(__file__).with_name("printed.json").read_text("utf-8"))[name]
    table = PAPER.tables[name]
    assert set(printed) == set(table.figures)
    for figure, column in printed.items():
        assert [row.paper[figure] for row in table.rows] == column.split(), figure


@pytest.mark.parametrize(
    ("table", "name", "said"),
    [
        ("table-3", "ha-cnn", "another work's"),
        ("table-3", "cdnet", "?"),
    ],
)
def test_rows_that_are_not_trained_say_so(table: str, name: str, said: str) -> None:
    (row,) = PAPER.tables[table].only([name]).rows
    cells = compare_row(row, PAPER.tables[table].figures, {}, [], [], "?").cells
    assert [cell.shown for cell in cells if FIGURES[cell.figure].kind == "trained"] == [said, said]


def test_discrepancies_of_the_full_size_are_not_explained_at_another() -> None:
    (row,) = PAPER.tables["table-7"].only(["cdnet-std"]).rows
    for full_size in (True, False):
        remarks = compare_row(row, ["params"], {"params": 1.75}, [], ["a mark"], "", full_size).remarks
        assert ("1.75 M" in "; ".join(remarks)) is full_size


def test_tables_that_print_the_same_experiment_agree() -> None:
    # One network stands in several tables; only Tables 5 and 6 differ, and Table 5 says so, and Tables 3 and 9, whose
    # OSNet from scratch is once its authors' and once the paper's own.
    printed: dict[tuple[str, str], set[str]] = {}
    for table in PAPER.tables.values():
        for row in table.rows:
            for figure in ("rank1", "mAP"):
                if row.run is not None and figure in row.paper:
                    printed.setdefault((row.name, figure), set()).add(row.paper[figure])
    assert {key: found for key, found in printed.items() if len(found) > 1} == {
        ("cdnet-blneck", "mAP"): {"81.1", "81.5"},
        ("osnet", "rank1"): {"93.6", "93.1"},
        ("osnet", "mAP"): {"81.0", "82.2"},
    }


def test_every_table_and_figure_is_there_and_points_to_what_exists() -> None:
    assert list(PAPER.tables) == [f"table-{number}" for number in range(1, 13)]
    assert list(PAPER.figures) == ["figure-6", "figure-7", "figure-8"]
    recipes = shipped_recipes()
    for table in PAPER.tables.values():
        assert len({row.name for row in table.rows}) == len(table.rows)
        for row in table.rows:
            assert set(row.paper) <= set(table.figures) <= set(FIGURES)
            if row.run is not None:
                assert {row.run.protocol.recipe, row.run.protocol.finetune, row.run.protocol.small} <= set(recipes)
    for figure in PAPER.figures.values():
        assert set(figure.runs) <= {run.name for run in PAPER.tables[figure.table].runs}


def test_names_of_runs_say_their_genotype() -> None:
    for table in PAPER.tables.values():
        for run in table.runs:
            if (genotype := run.change.get("genotype")) not in (None, *BASELINES):
                family, _, _ = run.name.partition("-")
                assert read_genotype(str(genotype)).name.startswith(family)


def test_what_is_not_there_is_answered_with_what_is() -> None:
    with pytest.raises(CdnetError, match="table-7, table-8"):
        PAPER.find("table-13")
    with pytest.raises(CdnetError, match="its rows are cdnet, cdnet-std, cdnet-v35"):
        PAPER.tables["table-7"].only(["cdnet", "other"])

"""Comparisons: what is drawn at random, which rows are trained, kept and shared, and what is said of them."""

from __future__ import annotations

import csv
import json
import shutil
from collections import Counter
from itertools import product
from pathlib import Path

import pytest
from filelock import FileLock

from cdnet import CdnetError
from cdnet.cli import main
from cdnet.data.recipe import TrainDataRecipe
from cdnet.engine.recipe import ScheduleRecipe
from cdnet.genotype import read_genotype
from cdnet.nn.counts import count
from cdnet.nn.model import create_model
from cdnet.search.compare import compare_searched, describe, random_genotypes
from cdnet.search.compare_recipe import CompareRecipe
from cdnet.search.cost import cost_table
from cdnet.search.recipe import SpaceRecipe
from cdnet.search.space import CK, CS, SearchSpace
from cdnet.tables import row as tables_row
from cdnet.tables.row import LOCK, Row, run_rows
from cdnet.train.recipe import AugmentRecipe, BatchRecipe, TrainRecipe

SMALL = SearchSpace("small", CS.candidates[:3], (1, 1, 1))
COSTS = cost_table(SMALL, "params", 0.25, (64, 32))


def params(genotype: object) -> int:
    return count(create_model(genotype, 0.25), 64, 32).params  # type: ignore[arg-type]


@pytest.fixture
def recipe(market: Path) -> CompareRecipe:
    return CompareRecipe(
        width=0.1,
        size="64x32",
        batch=BatchRecipe(identities=4, pictures=2),
        augment=AugmentRecipe(flip=0, pad=0, erase=0),
        schedule=ScheduleRecipe(epochs=1, milestones=[]),
        random=2,
        tolerance=2.0,
        space=SpaceRecipe("small", pairs=[[3, 5], [3, 7]], repeats=[1], blocks=[1, 1, 1]),
        seeds=[0, 1],
        device="cpu",
    )


@pytest.fixture
def with_data(recipe: CompareRecipe, market: Path) -> CompareRecipe:
    recipe.data.root = market
    return recipe


def test_random_genotypes_are_all_those_of_like_size_and_no_other() -> None:
    everything = {chosen: params(SMALL.genotype(chosen, "x")) for chosen in product(range(3), repeat=3)}
    wanted = sorted(everything.values())[13]
    legal = {chosen for chosen, cost in everything.items() if abs(cost - wanted) <= 0.01 * wanted}
    assert 2 < len(legal) < 27
    found = random_genotypes(SMALL, COSTS, len(legal), wanted, 0.01, seed=3)
    assert {tuple(CK.index((c.k1, c.k2)) for stage in g.stages for c in stage) for g in found} == legal
    with pytest.raises(CdnetError, match="raise --tolerance"):
        random_genotypes(SMALL, COSTS, len(legal) + 1, wanted, 0.01, seed=3)


def test_each_network_of_like_size_is_as_likely_as_any_other() -> None:
    wanted = params(SMALL.genotype((1, 1, 1), "x"))
    first = Counter(str(random_genotypes(SMALL, COSTS, 1, wanted, 0.5, seed)[0].stages) for seed in range(540))
    assert len(first) == 27
    chi_square = sum((n - 20) ** 2 / 20 for n in first.values())
    assert chi_square < 54  # 26 degrees of freedom: 1 in 1000 is above


def test_a_comparison_trains_every_network_with_every_seed_and_keeps_them(
    with_data: CompareRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = tmp_path / "mine.json"
    found.write_text(json.dumps(read_genotype("cdnet-top1").to_json()))
    with_data.found = [f"mine={found}"]
    text = compare_searched(with_data, tmp_path / "out")
    with (tmp_path / "out" / "comparison.csv").open() as file:
        lines = list(csv.DictReader(file))
    names = ["mine", "cdnet-top2", "random-1", "random-2"]
    assert [(line["name"], line["seed"]) for line in lines] == [(n, s) for s in "01" for n in names]
    assert all(name in text for name in names)
    assert "of 2 random ones" in text
    for line in lines:
        trained = tmp_path / "out" / line["name"] / f"seed-{line['seed']}" / "weights.safetensors"
        assert trained.is_file()
        assert line["params"] == str(
            count(create_model(read_genotype(tmp_path / "out" / "genotypes" / f"{line['name']}.json"), 0.1), 64, 32)[0]
        )

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("trained again")

    monkeypatch.setattr(tables_row, "train", refuse)
    assert compare_searched(with_data, tmp_path / "out") == text


def test_a_row_that_another_process_is_at_is_left_to_it(with_data: CompareRecipe, tmp_path: Path) -> None:
    with_data.random, with_data.seeds = 0, [0, 1]
    folder = tmp_path / "out" / "cdnet-top2" / "seed-0"
    folder.mkdir(parents=True)
    with FileLock(folder / ".row.lock"):
        text = compare_searched(with_data, tmp_path / "out")
    assert "1 of 2 rows are at work in another process" in text
    assert not (folder / "result.json").exists()
    assert "another process" not in compare_searched(with_data, tmp_path / "out")


def test_what_another_process_left_meanwhile_is_taken_up(tmp_path: Path) -> None:
    rows = [Row(name, TrainRecipe()) for name in ("a", "b")]
    held = FileLock(rows[0].folder(tmp_path) / LOCK)
    rows[0].folder(tmp_path).mkdir(parents=True)
    held.acquire()

    def work(row: Row, folder: Path) -> dict[str, object]:
        done.append(row.name)
        if row.name == "b":  # while it works, the other process leaves row a unfinished
            held.release()
        (folder / "log.jsonl").write_text('{"epoch": 1, "seconds": 2, "images_per_second": 5}\n')
        return {"params": 1, "macs": 1, "rank1": 0.5, "mAP": 0.5, "data": "market1501"}

    done: list[str] = []
    results = run_rows(rows, tmp_path, work)
    assert done == ["b", "a"]
    assert [result and result["name"] for result in results] == ["a", "b"]


def test_a_row_of_other_pictures_is_not_taken_for_these(market: Path, tmp_path: Path) -> None:
    row = Row("a", TrainRecipe(data=TrainDataRecipe(root=market)))

    def work(row: Row, folder: Path) -> dict[str, object]:
        (folder / "log.jsonl").write_text('{"epoch": 1, "seconds": 2, "images_per_second": 5}\n')
        return {"params": 1, "macs": 1, "rank1": 0.5, "mAP": 0.5, "data": "market1501"}

    first = run_rows([row], tmp_path / "out", work)
    moved = tmp_path / "moved"
    shutil.copytree(market, moved)
    row.recipe.data.root = moved
    assert run_rows([row], tmp_path / "out", work) == first
    next((moved / "query").glob("*.jpg")).unlink()
    row.recipe.data.root = tmp_path / "moved" / ".." / "moved"
    with pytest.raises(CdnetError, match="trained on other pictures"):
        run_rows([row], tmp_path / "out", work)
    kept = row.folder(tmp_path / "out") / "result.json"
    kept.write_text(kept.read_text().replace('"a"', '"b"'))
    with pytest.raises(CdnetError, match="not this row's result"):
        run_rows([row], tmp_path / "out", work)
    kept.write_text("{}")
    with pytest.raises(CdnetError, match="not a row's result"):
        run_rows([row], tmp_path / "out", work)


def test_another_recipe_in_the_same_folder_is_refused(with_data: CompareRecipe, tmp_path: Path) -> None:
    with_data.random, with_data.seeds = 0, [0]
    compare_searched(with_data, tmp_path / "out")
    with_data.optim.lr = 0.01
    with pytest.raises(CdnetError, match=r"was started with optim\.lr = 0\.065, not 0\.01"):
        compare_searched(with_data, tmp_path / "out")


def result(name: str, seed: int, score: float) -> dict[str, object]:
    return {"name": name, "seed": seed, "params": 1, "macs": 1, "rank1": score, "mAP": score}


def test_what_is_said_of_the_results() -> None:
    results = [
        result("top-2", 0, 0.50), result("top-2", 1, 0.52),
        result("random-1", 0, 0.40), result("random-1", 1, 0.44),
        result("random-2", 0, 0.52), result("random-2", 1, 0.52),
    ]  # fmt: skip
    text = describe(results)
    assert "51.0 (50.0-52.0)" in text
    assert "differs by 2.00 points on average" in text  # of 2, 4 and 0
    assert "2 random networks have mAP 47.0 (42.0-52.0)" in text
    assert "top-2: mAP above 1 of 2 random ones, +4.00 points from their mean" in text


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--seeds", "[0,0]"], "none twice"),
        (["--seeds", "[]"], "at least one"),
        (["--random", "-1"], "--random"),
        (["--tolerance", "0"], "--tolerance"),
        (["--found", "[none.json]"], "none.json"),
        (["--found", "[cnet-top1,cnet-top1]"], "two of the networks are called cnet-top1"),
        (["--found", "[random-7=cnet-top1]"], "'random-7' cannot name a network"),
        (["--found", "[../mine=cnet-top1]"], "'../mine' cannot name a network"),
        (["--found", "[comparison.csv=cnet-top1]"], "'comparison.csv' cannot name a network"),
        (["--schedule.epochs", "0"], "--schedule.epochs"),
    ],
)
def test_what_makes_no_sense_is_refused(
    words: list[str], said: str, market: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    common = ["search", "compare", "--config", "compare", "--data.root", str(market), "--out", str(tmp_path / "out")]
    assert main([*common, *words]) == 1
    assert said in capsys.readouterr().err
    assert not (tmp_path / "out").exists()

"""`cdnet reproduce` as a user meets it: rows trained, kept and shared, missing data, commands, reports."""

from __future__ import annotations

import csv
import html
import json
import math
import shlex
import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import yaml
from filelock import FileLock

from cdnet import CdnetError
from cdnet.cli import main
from cdnet.cli import reproduce as command
from cdnet.data.layout import SOURCES
from cdnet.engine.folder import write_recipe
from cdnet.errors import StoppedError
from cdnet.genotype import read_genotype
from cdnet.nn.counts import count_params
from cdnet.nn.model import create_model
from cdnet.reproduce import runner
from cdnet.reproduce.paper import read_paper
from cdnet.tables import row as tables_row
from cdnet.tables.row import Row
from cdnet.weights import ModelSpec, save_weights

MARK = "not comparable with the paper's column"
PRETRAINED = ["table-12", "--times", "none", "--only", "cdnet-pretrained"]
TINY = ["--set", "schedule.epochs=1", "batch.identities=4", "batch.pictures=2", "width=0.1"]


def reproduce(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    assert main(["reproduce", *map(str, words)]) == 0, capsys.readouterr().err
    return capsys.readouterr().out


def refused(capsys: pytest.CaptureFixture[str], *words: object, status: int = 1) -> str:
    assert main(["reproduce", *map(str, words)]) == status
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    return captured.err


def lines_of(path: Path) -> dict[tuple[str, str], dict[str, str]]:
    with path.open() as file:
        return {(line["row"], line["figure"]): line for line in csv.DictReader(file)}


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """Rows are 'trained' by writing a result at once: rank-1 90 % and 1 % more with each seed."""
    calls: list[tuple[str, int]] = []

    def work(row: Row, folder: Path) -> dict[str, Any]:
        calls.append((row.name, row.recipe.seed))
        write_recipe(folder, row.recipe)
        (folder / "log.jsonl").write_text(json.dumps({"epoch": 1, "seconds": 1.0, "images_per_second": 10}) + "\n")
        return {"params": 1, "macs": 1, "rank1": 0.9 + 0.01 * row.recipe.seed, "mAP": 0.7, "data": "market1501"}

    monkeypatch.setattr(runner, "train_and_evaluate", work)
    return calls


def test_a_small_row_is_trained_marked_everywhere_and_kept(
    market: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["table-7", "--scale", "small", "--only", "cdnet-v35", "--data.root", market, "--out", tmp_path, *TINY]
    text = reproduce(capsys, *words)
    # All that is not the paper's recipe stands in the mark, and what was changed of the table's beside the row.
    mark = (
        "small scale: width 0.1, 64x32, 1 epoch, and augment.erase 0 instead of 0.5, augment.pad 3 instead of 10, "
        "batch.identities 4 instead of 16, batch.pictures 2 instead of 4, loss.normalise true instead of false, "
        "loss.smoothing 0.1 instead of 0, optim.nesterov true instead of false, schedule.kind cosine instead of step, "
        "schedule.warmup 1 instead of 0; "
        f"{MARK}"
    )
    assert text.count(mark) == 2
    assert "changed: width=0.1, batch.identities=4, batch.pictures=2, schedule.epochs=1" in text
    result = json.loads((tmp_path / "runs" / "cdnet-v35-small" / "seed-0" / "result.json").read_text())
    assert result["name"] == "cdnet-v35-small"
    found = lines_of(tmp_path / "table-7-small.csv")
    assert set(found) == {
        (row, key) for row in ("cdnet", "cdnet-std", "cdnet-v35") for key in ("params", "rank1", "mAP")
    }
    assert all(line["scale"].endswith(MARK) for line in found.values())
    params = count_params(create_model("cdnet-v35", 0.1))
    assert result["params"] == params
    assert found["cdnet-v35", "params"]["ours"] == f"{params / 1e6:.2f}"
    rank1 = found["cdnet-v35", "rank1"]
    assert (rank1["paper"], rank1["ours"], rank1["seeds"]) == ("93.0", f"{100 * result['rank1']:.1f}", "1")
    assert float(rank1["difference"]) == pytest.approx(float(rank1["ours"]) - 93.0)
    page = html.unescape((tmp_path / "report.html").read_text())
    assert page.count(MARK) == 2  # at the top, and above the table
    assert "<title>cdnet: small scale" in page

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("trained again")

    with monkeypatch.context() as patch:
        patch.setattr(tables_row, "train", refuse)
        assert reproduce(capsys, *words) == text

    # A row that was interrupted after its training goes on from its checkpoint.
    resumed: list[bool] = []
    train = tables_row.train

    def watched(recipe: Any, out: Path, resume: bool = False) -> Path:
        resumed.append(resume)
        return train(recipe, out, resume)

    (tmp_path / "runs" / "cdnet-v35-small" / "seed-0" / "result.json").unlink()
    monkeypatch.setattr(tables_row, "train", watched)
    assert reproduce(capsys, *words) == text
    assert resumed == [True]


def test_a_classifier_is_a_row_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(0)
    for name, classes in (("hundred", 100), ("two", 2)):
        for split, number in [(split, number) for split in ("train", "val") for number in range(classes)]:
            path = tmp_path / "data" / name / split / f"{number:03}" / "a.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            assert cv2.imwrite(str(path), rng.integers(0, 255, (32, 32, 3), dtype=np.uint8))
    out = tmp_path / "out"
    tiny = ["--scale", "small", "--set", "schedule.epochs=1", "batch=50", "width=0.1"]
    words = ["table-4", "--only", "cdnet-cifar100", "--out", out, *tiny]
    # Pictures of other classes are not CIFAR-100, whatever their folder.
    said = refused(capsys, *words, "--data.root", tmp_path / "data" / "two")
    assert "CIFAR-100 was looked for" in said
    assert "no data set of 100 classes is there, but" in said
    assert "with 2 classes and 2 training pictures" in said
    assert not out.exists()
    text = reproduce(capsys, *words, "--data.root", tmp_path / "data")
    result = json.loads((out / "runs" / "cdnet-cifar100-small" / "seed-0" / "result.json").read_text())
    assert result["error"] == pytest.approx(1 - result["top1"])
    error = lines_of(out / "table-4-small.csv")["cdnet-cifar100", "error"]
    assert (error["paper"], error["ours"]) == ("17.83", f"{100 * result['error']:.2f}")
    assert error["ours"] in text
    recipe = yaml.safe_load((out / "runs" / "cdnet-cifar100-small" / "seed-0" / "recipe.yaml").read_text())
    assert recipe["data"]["root"] == str(tmp_path / "data" / "hundred")


def test_at_small_scale_table_11_is_of_tiny_imagenet(capsys: pytest.CaptureFixture[str]) -> None:
    text = reproduce(capsys, "table-11", "--scale", "small", "--only", "cdnet-imagenet")
    assert "epochs on Tiny-ImageNet" in text
    assert "Tiny-ImageNet is needed" in text
    params = count_params(create_model("cdnet", 0.25, "blneck", identities=200))
    assert f"  {params / 1e6:.1f}  " in text
    assert params / 1e6 == pytest.approx(0.25, abs=0.05)  # with 1000 classes it would be 0.35
    assert "its convolutions come to" not in text  # those of the full size


def test_seeds_are_summarised_and_tables_share_runs(
    market: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], trained: list[tuple[str, int]]
) -> None:
    common = ["--data.root", market, "--out", tmp_path, "--seeds", "0", "2"]
    reproduce(capsys, "table-7", *common)
    assert trained == [(name, seed) for seed in (0, 2) for name in ("cdnet", "cdnet-std", "cdnet-v35")]
    rank1 = lines_of(tmp_path / "table-7.csv")["cdnet", "rank1"]
    assert [rank1[key] for key in ("ours", "difference", "low", "high", "seeds", "scale")] == [
        "91.0", "-2.7", "90.0000", "92.0000", "2", "",
    ]  # fmt: skip
    text = reproduce(capsys, "table-6", *common)
    assert {name for name, _ in trained[6:]} == {"cdnet-bnneck", "cdnet-blneck"}
    assert "91.0 (90.0 to 92.0, 2 seeds)" in text
    page = html.unescape((tmp_path / "report.html").read_text())
    assert "Table 6:" in page
    assert "Table 7:" in page
    assert "Table 5:" in page  # 0 and 2 partitions are runs of Table 6
    assert "Table 10:" not in page
    assert MARK not in page
    # Without data it reads what is finished, and says of the rest that it was not run.
    text = reproduce(capsys, "table-5", "--out", tmp_path, "--seeds", "0", "2")
    assert len(trained) == 10
    assert "not run" in lines_of(tmp_path / "table-5.csv")["cdnet-stripes1", "mAP"]["ours"]
    # One row again: the printed table is of it alone, and what is kept of all rows and seeds.
    text = reproduce(capsys, "table-7", *common[:4], "--only", "cdnet-std", "--seeds", "1")
    assert "91.0" in text
    assert "cdnet-v35" not in text
    found = lines_of(tmp_path / "table-7.csv")
    assert (found["cdnet-std", "rank1"]["seeds"], found["cdnet-v35", "rank1"]["seeds"]) == ("3", "2")
    assert found["cdnet", "rank1"]["ours"] == "91.0"
    assert trained.pop() == ("cdnet-std", 1)
    # The same folder at small scale has other runs, and both stand in the report.
    reproduce(capsys, "table-7", "--scale", "small", "--only", "cdnet", *common)
    assert trained[10:] == [("cdnet-small", 0), ("cdnet-small", 2)]
    page = html.unescape((tmp_path / "report.html").read_text())
    assert "Table 7:" in page
    assert "Table 7 (small scale):" in page


def test_a_row_that_another_process_is_at_is_left_to_it(
    market: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], trained: list[tuple[str, int]]
) -> None:
    folder = tmp_path / "runs" / "cdnet" / "seed-0"
    folder.mkdir(parents=True)
    with FileLock(folder / ".row.lock"):
        text = reproduce(capsys, "table-7", "--data.root", market, "--out", tmp_path)
    assert "at work in another process" in text
    assert trained == [("cdnet-std", 0), ("cdnet-v35", 0)]


def test_without_data_what_needs_none_is_counted_and_the_source_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    text = reproduce(capsys, "table-7", "--only", "cdnet-v35")
    assert "1.61" in text
    assert "not run, no data" in text
    assert SOURCES["market1501"] in text
    assert "data" not in reproduce(capsys, "table-2")


def test_missing_data_say_where_they_were_looked_for(
    market: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], trained: list[tuple[str, int]]
) -> None:
    said = refused(capsys, "table-7", "--data.root", tmp_path / "none", "--out", tmp_path / "out")
    assert str(tmp_path / "none" / "Market-1501-v15.09.15") in said
    assert SOURCES["market1501"] in said
    # Of several data sets, those that are there are used.
    (tmp_path / "all").mkdir()
    (tmp_path / "all" / "Market-1501-v15.09.15").symlink_to(market)
    rows = ["cnet", "cnet-dukemtmc"]
    text = reproduce(
        capsys, "table-3", "--only", *rows, "--data.root", tmp_path / "all", "--out", tmp_path / "out", "--seeds", "1"
    )
    assert trained == [("cnet", 1)]
    assert SOURCES["dukemtmc"] in text
    assert SOURCES["market1501"] not in text


def test_printed_commands_mean_the_same_rows(
    market: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], trained: list[tuple[str, int]]
) -> None:
    out = tmp_path / "a folder"
    words = ["table-9", "--seeds", "0", "3", "--data.root", market, "--out", out, "--set", "optim.lr=0.01"]
    printed = reproduce(capsys, *words, "--print-commands").splitlines()
    assert trained == []
    for line in printed:
        name, *rest = shlex.split(line)
        assert name == "cdnet"
        assert main(rest) == 0
    assert trained == [(name, seed) for seed in (0, 3) for name in ("osnet-softmax", "osnet", "osnet-fblneck")]
    reproduce(capsys, *words)
    assert len(trained) == 6


def test_pretrained_rows_without_weights_are_marked(
    market: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], trained: list[tuple[str, int]]
) -> None:
    common = [*PRETRAINED, "--data.root", market, "--out", tmp_path, "--scale", "small"]
    assert "from scratch, without --init" in reproduce(capsys, *common)
    reproduce(capsys, "table-7", "--only", "cdnet", *common[5:])  # the same training, finished already
    assert "w-0.25: no such weights" in refused(capsys, *common, "--init", tmp_path / "w-{width}")
    save_fresh(tmp_path / "w-0.25", 0.25, {"data": "elsewhere"})
    text = reproduce(capsys, *common, "--init", tmp_path / "w-{width}")
    assert "from scratch" not in text
    assert "starts from weights trained on elsewhere" in text
    assert trained == [("cdnet-small", 0), ("cdnet-pretrained-small", 0)]


def save_fresh(folder: Path, width: float, trained_on: dict[str, Any]) -> None:
    spec = ModelSpec(read_genotype("cdnet-top2"), width, trained_on=trained_on)
    save_weights(folder / "weights.safetensors", spec.build(), spec)


def test_paths_are_the_same_in_the_next_call(
    market: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    save_fresh(Path("w01"), 0.1, {"data": "folders", "classes": 7})
    genotype = read_genotype("cdnet-top2").to_json()
    Path("my.json").write_text(json.dumps(genotype))
    words = [*PRETRAINED, "--data.root", market, "--out", "out", "--init", "w01", "--scale", "small"]
    words += [*TINY, "genotype=my.json"]
    text = reproduce(capsys, *words)
    assert "starts from weights trained on folders (7 classes)" in text
    assert reproduce(capsys, *words) == text


def test_a_row_that_fails_has_its_reason_and_the_others_go_on(
    market: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def work(row: Row, folder: Path) -> dict[str, Any]:
        if row.name == "cdnet" and row.recipe.seed == 1:
            raise CdnetError("the loss is no longer finite")
        return {"params": 1, "macs": 1, "rank1": 0.9, "mAP": 0.7, "data": "market1501"}

    monkeypatch.setattr(runner, "train_and_evaluate", work)
    words = ["reproduce", "table-7", "--data.root", market, "--out", tmp_path, "--seeds", 0, 1]
    for _ in range(2):
        assert main([str(word) for word in words]) == 1
        captured = capsys.readouterr()
        last = captured.err.splitlines()[-1]
        assert last == "cdnet: 1 of 6 rows failed, first cdnet, seed 1: the loss is no longer finite"
        assert "cdnet: seed 1 failed: the loss is no longer finite" in captured.out
        found = lines_of(tmp_path / "table-7.csv")
        assert [found[name, "mAP"]["seeds"] for name in ("cdnet", "cdnet-std", "cdnet-v35")] == ["1", "2", "2"]
    words[-2:] = [1, "--only", "cdnet"]
    assert main([str(word) for word in words]) == 1
    assert "failed" in capsys.readouterr().out


def test_the_report_has_what_was_trained_by_other_settings(
    market: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], trained: list[tuple[str, int]]
) -> None:
    (tmp_path / "runs" / "cdnet-cifar100" / "seed-0").mkdir(parents=True)  # begun, and nothing finished
    common = ["--data.root", market, "--out", tmp_path]
    reproduce(capsys, "table-7", "--only", "cdnet", *common)
    changed = ["--set", "batch.identities=8", "schedule.epochs=350"]
    reproduce(capsys, "table-6", "--only", "cdnet-bnneck", "--seeds", 1, *common, *changed)
    assert trained == [("cdnet", 0), ("cdnet-bnneck", 1)]
    found = lines_of(tmp_path / "table-6.csv")
    assert {row: found[row, "mAP"]["ours"] for row in ("cdnet", "cdnet-bnneck", "cdnet-blneck")} == {
        "cdnet": "70.0", "cdnet-bnneck": "70.0", "cdnet-blneck": "not run",
    }  # fmt: skip
    # A change is what differs from the table's recipe, and 350 epochs are the table's.
    assert found["cdnet-bnneck", "mAP"]["remarks"] == "changed: batch.identities=8"
    assert found["cdnet", "mAP"]["remarks"] == ""
    page = html.unescape((tmp_path / "report.html").read_text())
    assert page.count("changed:") == 1
    assert page.count(MARK) == 2  # at the top, and above Table 6
    assert "with 1 seed, by changed settings" in page
    assert "2 of its 3 rows trained, with 1 seed" in page  # Table 6
    assert "1 of its 3 rows trained, with 1 seed" in page  # Table 7
    assert "Tables 4, 9, 10, 11, 12" in page  # of which nothing was run
    # Seeds that were trained in different ways are not averaged.
    reproduce(capsys, "table-7", "--only", "cdnet", "--seeds", 1, *common, *changed)
    with (tmp_path / "table-7.csv").open() as file:
        lines = [line for line in csv.DictReader(file) if (line["row"], line["figure"]) == ("cdnet", "rank1")]
    assert [(line["ours"], line["seeds"], line["remarks"]) for line in lines] == [
        ("90.0", "1", ""), ("91.0", "1", "changed: batch.identities=8"),
    ]  # fmt: skip


def test_seeds_of_other_pictures_or_other_weights_stand_apart(
    market: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], trained: list[tuple[str, int]]
) -> None:
    out = tmp_path / "out"
    fewer = shutil.copytree(market, tmp_path / "fewer")
    sorted((fewer / "query").glob("*.jpg"))[0].unlink()
    save_fresh(tmp_path / "a", 0.25, {"data": "elsewhere"})
    save_fresh(tmp_path / "b", 0.25, {"data": "elsewhere"})
    common = ["--out", out, "--scale", "small"]
    for seed, root, init in ((0, market, "a"), (1, fewer, "a"), (2, market, "b")):
        row = ["table-12", "--times", "none", "--only", "cdnet-pretrained", "--init", tmp_path / init]
        reproduce(capsys, *row, "--data.root", root, "--seeds", seed, *common)
        edit_result(out / "runs" / "cdnet-pretrained-small" / f"seed-{seed}", start="from elsewhere", start_digest=init)
    shutil.rmtree(tmp_path / "a")  # what a row started from is kept with it
    text = reproduce(capsys, "table-12", *common)
    assert "2 seeds" not in text
    (tmp_path / "b").rename(tmp_path / "a")  # other weights under the name that the row was trained from
    row = [*PRETRAINED, "--init", tmp_path / "a", "--data.root", market, *common]
    assert "started from other weights than" in refused(capsys, *row)
    with (out / "table-12-small.csv").open() as file:
        lines = [line for line in csv.DictReader(file) if (line["row"], line["figure"]) == ("cdnet-pretrained", "mAP")]
    assert [(line["seeds"], line["remarks"]) for line in lines] == [
        ("1", "from elsewhere"),
        ("1", "on other pictures than the line above; from elsewhere"),
        ("1", "starts from other weights than the line above; from elsewhere"),
    ]


def edit_result(folder: Path, **changes: object) -> None:
    path = folder / "result.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_a_result_says_which_pictures_it_is_of(
    market: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], trained: list[tuple[str, int]]
) -> None:
    reproduce(capsys, "table-7", "--only", "cdnet", "--data.root", market, "--out", tmp_path)
    folder = tmp_path / "runs" / "cdnet" / "seed-0"
    counts = {"train": 12_936, "query": 3_368, "gallery": 15_913}
    edit_result(folder, counts=counts, published=counts)
    words = ["table-7", "--out", tmp_path]
    assert "published" not in reproduce(capsys, *words)
    edit_result(folder, counts=counts | {"query": 20})
    assert "cdnet: not the published pictures: query 20 instead of 3,368" in reproduce(capsys, *words)
    # Pictures of the same names may be another data set's: MSMT17 V1 and V2 are told apart so.
    edit_result(folder, data="another")
    said = refused(capsys, *words, "--only", "cdnet", "--data.root", market)
    assert "trained on other pictures" in said
    # Two editions of MSMT17 bear one name in the table.
    job = runner.Job(next(row for row in read_paper().tables["table-3"].rows if row.name == "cdnet-msmt17"))
    job.results = [{"data": "MSMT17 V1"}]
    assert job.remarks == ["on MSMT17 V1"]
    # A row of classes, whose layout may not tell how many there should be.
    job = runner.Job(read_paper().tables["table-4"].rows[-1], pictures={"train": 50_000, "test": 10_000})
    job.results = [{"data": "folders", "counts": {"train": 50_000, "test": 100}, "published": {}}]
    assert job.remarks == ["not the published pictures: test 100 instead of 10,000"]


def test_a_damaged_result_is_named_before_anything_is_trained(
    market: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], trained: list[tuple[str, int]]
) -> None:
    common = ["--data.root", market, "--out", tmp_path]
    reproduce(capsys, "table-7", "--only", "cdnet", *common)
    for damage in ({"rank1": None}, {"rank1": math.nan}, {"rank1": 0, "queries": 3, "queries_without_match": 3}):
        edit_result(tmp_path / "runs" / "cdnet" / "seed-0", **damage)
        assert "result.json: not a row's result; move it away" in refused(capsys, "table-7", *common)
    assert trained == [("cdnet", 0)]
    reproduce(capsys, "table-7", "--only", "cdnet-std", *common)  # it is another row's, and counts as not run
    assert lines_of(tmp_path / "table-7.csv")["cdnet", "mAP"]["ours"] == "not run"


def test_a_stopped_table_leaves_its_report(
    market: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], trained: list[tuple[str, int]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    work = runner.train_and_evaluate

    def stopped(row: Row, folder: Path) -> dict[str, Any]:
        if row.name == "cdnet-std":
            raise StoppedError("stopped in epoch 1, step 1; add --resume to go on")
        return work(row, folder)

    monkeypatch.setattr(runner, "train_and_evaluate", stopped)
    assert main(["reproduce", "table-7", "--data.root", str(market), "--out", str(tmp_path)]) == 130
    assert "the same command goes on from there" in capsys.readouterr().err
    found = lines_of(tmp_path / "table-7.csv")
    assert {name: found[name, "mAP"]["ours"] for name in ("cdnet", "cdnet-std", "cdnet-v35")} == {
        "cdnet": "70.0", "cdnet-std": "not run", "cdnet-v35": "not run",
    }  # fmt: skip
    assert "Table 7" in (tmp_path / "report.html").read_text()


def test_data_of_another_kind_are_missing(
    market: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], trained: list[tuple[str, int]]
) -> None:
    said = refused(capsys, "table-3", "--only", "cnet-dukemtmc", "--data.root", market, "--out", tmp_path)
    assert "DukeMTMC-reID's form" in said
    root = shutil.copytree(market, tmp_path / "market")
    shutil.rmtree(root / "query")
    said = refused(capsys, "table-7", "--data.root", root, "--out", tmp_path)
    assert "the split 'query' has no pictures" in said
    assert trained == []


def test_the_list_names_everything_and_its_cost(capsys: pytest.CaptureFixture[str]) -> None:
    text = reproduce(capsys)
    paper = read_paper()
    for name in (*paper.tables, *paper.figures):
        assert f"\n{name}  " in text
    assert "3 runs x 350 epochs on Market-1501; small scale: 3 runs x 12 epochs" in text


@pytest.mark.parametrize("name", ["figure-6", "figure-7", "figure-8"])
def test_commands_of_figures_are_understood(
    name: str, market: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["--seeds", "3", "--scale", "small", "--init", "a b", "--set", "optim.lr=0.01", "--device", "cpu"]
    given += ["--data.cache", "cache"]
    text = reproduce(capsys, name, "--data.root", market, "--out", tmp_path, *given)
    words = shlex.split(text.splitlines()[-1].partition("draw:")[2])
    assert words[:2] == ["cdnet", "figure"]
    assert str(tmp_path / "runs" / f"{read_paper().figures[name].runs[0]}-small" / "seed-3") in words
    assert main(words[1:]) == 1  # understood, or it would be 2; but the run is not there
    train = shlex.split(text.splitlines()[1].partition(":  ")[2])
    options = command._read(train[2:])
    assert read_paper().tables[options.what].only(options.only).runs
    assert (options.seeds, options.scale, options.init, options.set) == ([3], "small", "a b", ["optim.lr=0.01"])
    assert (options.device, options.data.cache, options.out) == ("cpu", Path("cache"), tmp_path)


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["table-7", "--only", "nope"], 1, "its rows are cdnet, cdnet-std, cdnet-v35"),
        (["table-13"], 1, "table-12"),
        (["table-7", "--data.root", "x"], 2, "--out"),
        (["table-7", "--print-commands"], 2, "--data.root and --out"),
        (["table-2", "--print-commands", "--data.root", "x", "--out", "y"], 2, "no rows to train"),
        (["table-7", "--seeds", "0", "0"], 2, "none twice"),
        (["table-7", "--set", "nothing=1"], 2, "nothing"),
        (["table-7", "--set", "width"], 1, "KEY=VALUE"),
        (["table-10", "--set", "width=0.1"], 1, "differ in their width"),
        (["table-7", "--scale", "tiny"], 2, "--scale"),
        (["table-12", "--times", "only"], 2, "--out"),
        (["table-7", "--times", "only", "--out", "x"], 1, "Tables 1 and 12"),
        (["table-12", "--rounds", "0"], 2, "--rounds"),
    ],
)
def test_wrong_usage_is_one_sentence(
    words: list[str], status: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert said in refused(capsys, *words, status=status)


def test_times_are_measured_side_by_side_kept_and_marked(
    market: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], trained: list[tuple[str, int]]
) -> None:
    words = ["table-12", "--scale", "small", "--data.root", market, "--out", tmp_path]
    text = reproduce(capsys, *words, "--times", "only", "--rounds", "3")
    assert trained == []
    kept = json.loads((tmp_path / "times" / "table-12-small.json").read_text())["rows"]
    rows = ["bag-of-tricks-pretrained", "osnet-pretrained", "gdas-reid", "cdnet-pretrained"]
    assert list(kept) == rows
    found = lines_of(tmp_path / "table-12-small.csv")
    for row in rows:
        seconds, features, ranking = (kept[row][key] for key in ("seconds", "features_s", "ranking_s"))
        assert seconds == pytest.approx([one + other for one, other in zip(features, ranking, strict=True)])
        assert min(features + ranking) > 0
        for key, values in (("seconds", seconds), ("features_s", features), ("ranking_s", ranking)):
            line = found[row, key]
            assert line["ours"] == f"{sorted(values)[1]:.1f}"
            assert (line["difference"], line["seeds"]) == ("", "")  # another machine's seconds; and no training
            assert [float(value) for value in line["values"].split()] == pytest.approx(values, rel=1e-5)
    assert found["gdas-reid", "ranking_s"]["paper"] == ""
    assert "pictures instead of 19,281" in text
    assert "64x32 in batches of 128" in text
    # They are kept with the rows that are trained after, and measured anew when that is asked for.
    before = (tmp_path / "times" / "table-12-small.json").read_bytes()
    reproduce(capsys, *words, "--only", "gdas-reid")
    assert trained == [("gdas-reid-small", 0)]
    assert (tmp_path / "times" / "table-12-small.json").read_bytes() == before
    half = tmp_path / "times" / ".table-12-small.json.0123456789abcdef"  # as a kill leaves it
    half.touch()
    reproduce(capsys, *words, "--times", "only", "--rounds", "1")
    assert (tmp_path / "times" / "table-12-small.json").read_bytes() != before
    assert not half.exists()


def test_a_step_of_each_search_is_timed_without_data(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, list[int]]] = []

    def time_search(space: Any, ks: list[int], *_: object) -> dict[int, tuple[float, ...]]:
        asked.append((space.name, list(ks)))
        return {k: (10.0 * k, 20.0 * k, 60.0 * k) for k in ks}

    monkeypatch.setattr("cdnet.reproduce.times.time_search", time_search)
    text = reproduce(capsys, "table-1", "--times", "only", "--out", tmp_path)
    assert asked == [("CS", [1, 2, 3, 4, 6]), ("CDS", [1, 2, 3, 4, 12])]
    found = lines_of(tmp_path / "table-1.csv")
    assert found["cdnet-top3", "search_ms"]["ours"] == "60.0"
    assert "cdnet-top3: all branches of CDS take 240.0 ms, 4.0 times as long" in text
    assert "256x128" in text
    (tmp_path / "times" / "table-1.json").write_text("{}")
    assert "not a table's times" in refused(capsys, "table-1", "--out", tmp_path)


def test_times_have_a_command_of_their_own(market: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["table-12", "--data.root", market, "--out", tmp_path, "--print-commands"]
    first, *rest = reproduce(capsys, *words).splitlines()
    assert first.endswith("--times only --rounds 5")
    assert len(rest) == 4
    assert all(line.endswith("--times none") for line in rest)


def test_raw_and_unit_length_features_are_never_averaged(
    market: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], trained: list[tuple[str, int]]
) -> None:
    common = ["table-6", "--only", "cdnet-bnneck", "--scale", "small", "--data.root", market, "--out", tmp_path]
    reproduce(capsys, *common, "--seeds", "0")
    reproduce(capsys, *common, "--seeds", "1", "--set", "loss.normalise=false")
    # Seed 2 is by a version that knew unit length alone, and did not say so.
    reproduce(capsys, *common, "--seeds", "2")
    kept = tmp_path / "runs" / "cdnet-bnneck-small" / "seed-2" / "recipe.yaml"
    recipe = yaml.safe_load(kept.read_text())
    assert recipe["loss"].pop("normalise") is True
    kept.write_text(yaml.safe_dump(recipe))
    reproduce(capsys, "table-6", "--scale", "small", "--out", tmp_path)
    with (tmp_path / "table-6-small.csv").open() as file:
        lines = [line for line in csv.DictReader(file) if (line["row"], line["figure"]) == ("cdnet-bnneck", "rank1")]
    assert [(line["values"], line["remarks"]) for line in lines] == [
        ("90 92", ""), ("91", "changed: loss.normalise=False"),
    ]  # fmt: skip
    assert all("loss.normalise true instead of false (in some rows)" in line["scale"] for line in lines)

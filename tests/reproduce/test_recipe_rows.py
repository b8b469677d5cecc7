"""What of a recipe is worth its time: every row can be trained, and the table says no more than its runs do."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
import yaml

from cdnet.cli.reproduce import main
from cdnet.engine.folder import changes
from cdnet.errors import CdnetError
from cdnet.reproduce.recipe_rows import START, as_markdown, read_recipe_table
from cdnet.reproduce.verdict import compare_means
from cdnet.train.recipe import check_recipe

TAUGHT = {"distil.teacher": "teacher.onnx", "distil.channels": "bgr", "distil.range": "255"}


def test_every_row_changes_what_it_says_of_the_start_and_nothing_else() -> None:
    table = read_recipe_table().changed(TAUGHT)
    start = table.training(table.rows[0], {})
    assert (table.rows[0].name, table.rows[0].changes) == (START, "")
    assert start.data.layout == "market1501-train", "settings are never chosen on the test pictures"
    for row in table.rows:
        recipe = table.training(row, {"seed": 3})
        check_recipe(recipe)
        found = changes(recipe, start)
        assert found.pop("seed") == 3
        if row.untaught:
            assert found.keys() == set(TAUGHT)
            assert recipe.distil.teacher is None
        else:
            assert found.keys() == row.change.keys(), row.name
            read = {key: yaml.safe_load(value) for key, value in row.change.items()}
            assert {key: found[key] for key in read} == read, row.name


def test_without_a_teacher_the_rows_on_one_are_left_out() -> None:
    table = read_recipe_table()
    names = {row.name for row in table.rows} - {row.name for row in table.changed({}).rows}
    assert names >= {"untaught", "no-labels", "each-head"}
    assert not names & {START, "raw", "dropout"}


def result(name: str, seed: int, precision: float) -> dict[str, object]:
    return {"name": name, "seed": seed, "rank1": 0.5, "mAP": precision, "minutes": 1.5}


def test_the_verdict_is_that_of_the_rule_of_the_claims() -> None:
    table = read_recipe_table().only(["raw", "soft", "dropout", "noise"])
    values = {START: (0.30, 0.31), "raw": (0.10, 0.11), "soft": (0.50, 0.51), "dropout": (0.2, 0.45), "noise": (0.9,)}
    results = [result(name, seed, value) for name, own in values.items() for seed, value in enumerate(own)]
    lines = as_markdown(table, results).splitlines()
    for row, verdict in [
        ("raw", "**contradicts**"),
        ("soft", "**supports**"),
        ("dropout", "cannot tell"),
        ("noise", "cannot tell"),
    ]:
        (line,) = (line for line in lines if line.startswith(f"| {row} |"))
        assert f"| {verdict} |" in line
        word, difference, _ = compare_means([100 * v for v in values[row]], [100 * v for v in values[START]])
        assert verdict.strip("*") == word
        assert f"| {difference:+.1f}" in line
    assert "| noise | erasing to noise | 50.0, one seed | 90.0, one seed | +59.5 | cannot tell | 1.5 |" in lines
    assert as_markdown(table, []).count("not run") == 5


def test_runs_are_kept_and_told(market: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    words = ["recipe", "--scale", "small", "--only", "soft", "--out", str(out), "--set", "batch.identities=4"]
    words += ["schedule.epochs=1", "schedule.warmup=0", "precision=fp32", "distil.teacher=cdnet-x0.25-market1501"]
    main([*words, "--data.root", str(market)])
    first = capsys.readouterr().out
    assert "| soft | triplet loss with a soft margin |" in first
    with (out / "recipe-small.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["row"] for row in rows] == ["start", "soft"]
    assert rows[1]["change"] == "loss.margin=soft"
    assert rows[0]["data"] == "market1501, training pictures alone, 4 of 8 identities held out"
    assert "distil.teacher=cdnet-x0.25-market1501" in rows[0]["set"]
    weights = [path.stat().st_mtime_ns for path in sorted(out.glob("recipe/*/*/weights.safetensors"))]
    assert len(weights) == 2
    main([*words, "--data.root", str(market)])  # what is finished is kept
    main(words)  # and shown without the pictures
    assert weights == [path.stat().st_mtime_ns for path in sorted(out.glob("recipe/*/*/weights.safetensors"))]
    again = capsys.readouterr().out
    assert again.count("every run") == 2
    assert first.split("every run")[0] in again


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "add --scale small"),
        (["--scale", "small", "--init", "x"], "leave out --init and --times"),
        (["--scale", "small", "--only", "sfot"], "has no row 'sfot'"),
        (["--scale", "small", "--set", "schedule.epochs=9"], "shorter and longer differ from the start in it"),
        (["--scale", "small", "--set", "data.layout=market1501"], "the table decides this one"),
        (["--scale", "small", "--data.root", "x"], "give one with --out"),
        (["--scale", "small", "--print-commands"], "needs --data.root and --out"),
        (["--scale", "small", "--data.root", "nowhere", "--out", "y"], "nowhere: no such folder"),
        (
            ["--scale", "small", "--only", "soft", "--set", "loss.smoothing=3", "--data.root", "x", "--out", "y"],
            "smoothing",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(
    words: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CdnetError, match=said):
        main(["recipe", *words])
    assert not list(tmp_path.iterdir())

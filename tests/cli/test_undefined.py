"""Pictures of which nothing can be measured: every command says so, in one sentence, and writes no figure."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import simplejpeg
import torch
from safetensors.torch import save_file

from cdnet.cli import main
from cdnet.data.recipe import TrainDataRecipe
from cdnet.errors import CdnetError, UndefinedError
from cdnet.genotype import read_genotype
from cdnet.tables.row import Row, train_and_evaluate
from cdnet.train.recipe import TrainRecipe
from cdnet.weights import ModelSpec

Rows = list[tuple[str, str, str]]
"""Identity, camera and split of each picture; ``test`` is query and gallery at once."""

TRAIN: Rows = [(person, camera, "train") for person in "abcd" for camera in "1122"]
CASES: dict[str, tuple[Rows, str]] = {
    "one camera": ([(person, "1", "test") for person in "xxyyzz"], "6 of 6 queries meet only pictures by their own"),
    "camera 0": ([("x", "0", "query"), ("x", "0", "gallery"), ("y", "0", "gallery")], "1 of 1 queries meet only"),
    "one each": ([(person, "", "test") for person in "xyz"], "3 of 3 queries are themselves the gallery's only"),
    "one each, many cameras": ([(person, person, "test") for person in "xyz"], "3 of 3 queries are themselves"),
    "nobody twice": ([("x", "1", "query"), ("y", "2", "gallery")], "1 of 1 queries have an identity of which"),
    "mixed": ([("x", "1", "test"), ("x", "1", "test"), ("y", "1", "test"), ("z", "2", "query")], "2 of 4 queries meet"),
}
SIZE = (64, 32)


def write(folder: Path, rows: Rows) -> Path:
    rng = np.random.default_rng(0)
    lines = []
    for number, (person, camera, split) in enumerate(rows):
        pixels = rng.integers(0, 256, (*SIZE, 3), np.uint8)
        (folder / f"{number}.jpg").write_bytes(simplejpeg.encode_jpeg(pixels, colorspace="RGB"))
        lines.append((f"{number}.jpg", person, camera, split))
    path = folder / "pictures.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("path", "identity", "camera", "split"), *lines])
    return path


def made(path: Path, change: Callable[[torch.Tensor], torch.Tensor] = lambda tensor: tensor) -> Path:
    """Write fresh weights with every batch norm's scale changed."""
    spec = ModelSpec(read_genotype("cnet-top3"), 0.1, size=SIZE)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = spec.build()
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.weight.copy_(change(module.weight))
    save_file(model.state_dict(), path, spec.to_metadata())  # save_weights would refuse what is not finite
    return path


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tmp_path_factory.mktemp("weights") / "fresh.safetensors")


def without(said: str, *names: object) -> str:
    """Return what is said without names, whose folders may have any number in theirs."""
    for name in names:
        said = said.replace(str(name), "")
    return said


def refused(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    status = main([str(word) for word in words])
    out, err = capsys.readouterr()
    assert (status, out) == (1, "")
    assert len(err.splitlines()) == 1
    assert "0.0" not in without(err, *words)
    return err


@pytest.mark.parametrize("name", CASES)
def test_evaluating_says_why_and_writes_nothing(
    name: str, weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows, why = CASES[name]
    pictures, target = write(tmp_path, TRAIN + rows), tmp_path / "e.json"
    for extra in ([], ["--flip", "--rerank", "--bootstrap", 100, "--false-match-rate", 0.1]):
        said = refused(capsys, "evaluate", weights, "--data.root", pictures, "--json", target, *extra)
        assert f"{pictures}: no query has a match in the gallery, so that nothing can be measured: " in said
        assert why in said
        assert "give pictures" in said or "give two" in said
    assert not target.exists()


@pytest.mark.parametrize("figure", ["cmc", "ranked"])
def test_no_figure_is_drawn(figure: str, weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pictures = write(tmp_path, TRAIN + CASES["one camera"][0])
    words = ["--data.root", pictures, "--out", tmp_path / "f.svg"]
    words += ["--json", tmp_path / "f.json"] if figure == "cmc" else []
    assert "no query has a match" in refused(capsys, "figure", figure, weights, *words)
    assert not list(tmp_path.glob("f.*"))


SMALL = ["--width", 0.1, "--size", "64x32", "--schedule.epochs", 1, "--schedule.milestones", "[]", "--device", "cpu"]
SMALL += ["--batch.identities", 4, "--batch.pictures", 2]


def test_training_that_is_to_be_evaluated_is_refused_before_it_begins(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pictures = write(tmp_path, TRAIN + CASES["one each"][0])
    words = ["train", *SMALL, "--genotype", "cnet-top3", "--data.root", pictures, "--out", tmp_path / "run"]
    said = refused(capsys, *words, "--evaluate_every", 1)
    assert "no query has a match" in said
    assert "--evaluate-every 0" in said
    assert not (tmp_path / "run" / "log.jsonl").exists()
    assert main([str(word) for word in words]) == 0  # what it says to do is possible
    (line,) = map(json.loads, (tmp_path / "run" / "log.jsonl").read_text().splitlines())
    assert not {"rank1", "mAP", "mINP"} & set(line)


def test_a_comparison_and_a_row_of_a_table_are_refused_before_they_are_trained(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pictures = write(tmp_path, TRAIN + CASES["one camera"][0])
    common = ["--data.root", pictures, "--out", tmp_path / "out"]
    compared = ["search", "compare", "--config", "compare", *SMALL, "--random", 0, *common]
    assert "no query has a match" in refused(capsys, *compared)
    assert not (tmp_path / "out").exists()

    recipe = TrainRecipe(genotype="cnet-top3", width=0.1, size="64x32", data=TrainDataRecipe(root=pictures))
    with pytest.raises(UndefinedError, match="no query has a match"):
        train_and_evaluate(Row("cnet", recipe), tmp_path / "row")
    assert not (tmp_path / "row").exists()

    assert "leaves nothing to compare by" in refused(capsys, *compared, "--data.train-on", "all")
    recipe.data.train_on = "all"
    with pytest.raises(CdnetError, match="trains on the test pictures"):
        train_and_evaluate(Row("cnet", recipe), tmp_path / "row")
    assert not (tmp_path / "row").exists()


def test_queries_without_match_are_left_out_and_said(
    weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [("x", "1", "query"), ("x", "2", "gallery"), ("z", "1", "query"), ("v", "1", "query"), ("v", "1", "gallery")]
    pictures, target = write(tmp_path, [*TRAIN, *rows]), tmp_path / "e.json"
    assert main(["evaluate", str(weights), "--data.root", str(pictures), "--json", str(target)]) == 0
    out = capsys.readouterr().out
    assert "3 queries against 2 gallery pictures\n2 queries have no match in the gallery and are left out" in out
    assert "the gallery is too small for rank-5, rank-10, rank-20" in out
    found = json.loads(target.read_text(), parse_constant=pytest.fail)
    assert (found["queries"], found["queries_without_match"], found["rank5"], found["rank20"]) == (3, 2, None, None)
    assert found["mAP"] in (0.5, 1.0)  # of the one query that has a match, first or second of two


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--bootstrap", 100], "need two of them at least, not 1; leave out --bootstrap"),
        (
            ["--rerank"],
            "k1 20 and k2 6 needs more pictures than the 3 of queries and gallery together; k1 can be up to 2",
        ),
        (["--rerank", "--rerank-k1", 3, "--rerank-k2", 1], "k1 can be up to 2 and k2 up to 3"),
        (["--rerank", "--rerank-k1", 1, "--rerank-k2", 4], "k1 can be up to 2 and k2 up to 3"),
        (["--false-match-rate", 0.5], "too small for 1 pairs of different persons; give more pictures"),
    ],
)
def test_what_so_few_pictures_do_not_determine_is_refused(
    words: list[object], said: str, weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pictures = write(tmp_path, [("x", "1", "query"), ("x", "2", "gallery"), ("y", "2", "gallery")])
    assert said in refused(capsys, "evaluate", weights, "--data.root", pictures, *words)


def test_without_another_person_every_answer_would_be_right(
    weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pictures = write(tmp_path, [("x", "1", "query"), ("x", "2", "gallery"), ("x", "3", "gallery")])
    said = refused(capsys, "evaluate", weights, "--data.root", pictures)
    assert "whatever is ranked first is right" in said
    assert "100" not in without(said, pictures)


def test_as_many_neighbours_as_there_are_can_be_asked_for(weights: Path, tmp_path: Path) -> None:
    pictures = write(tmp_path, [("x", "1", "query"), ("x", "2", "gallery"), ("y", "2", "gallery")])
    words = ["--rerank", "--rerank-k1", "2", "--rerank-k2", "3"]
    assert main(["evaluate", str(weights), "--data.root", str(pictures), *words]) == 0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda tensor: tensor * 1e20, "not finite numbers; the network's weights are broken"),
        (lambda tensor: tensor * 0, "have features that are all zeros"),
        (lambda tensor: tensor * torch.inf, "has values that are not finite numbers"),
        (lambda tensor: tensor * torch.nan, "has values that are not finite numbers"),
    ],
)
def test_weights_that_give_no_numbers_give_no_figures(
    change: Callable[[torch.Tensor], torch.Tensor],
    said: str,
    market: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    broken, target = made(tmp_path / "broken.safetensors", change), tmp_path / "e.json"
    assert said in refused(capsys, "evaluate", broken, "--data.root", market, "--json", target)
    assert not target.exists()
    for figure in ("cmc", "ranked"):
        words = ["--data.root", market, "--out", tmp_path / "f.svg"]
        assert said in refused(capsys, "figure", figure, broken, *words)
    assert not (tmp_path / "f.svg").exists()


def test_pictures_that_are_all_alike_tell_nothing(
    weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pictures = write(tmp_path, [("x", "1", "query"), ("x", "2", "gallery"), ("y", "2", "gallery")])
    for number in (1, 2):
        (tmp_path / f"{number}.jpg").write_bytes((tmp_path / "0.jpg").read_bytes())
    said = refused(capsys, "evaluate", weights, "--data.root", pictures)
    assert "2.jpg: the same picture as" in said
    assert "given to two persons, 'x' and 'y'" in said


def test_a_match_that_cannot_be_read_is_none(weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pictures = write(tmp_path, [("x", "1", "query"), ("x", "2", "gallery"), ("y", "2", "gallery")])
    (tmp_path / "1.jpg").write_bytes(b"no picture")
    said = refused(capsys, "evaluate", weights, "--data.root", pictures)
    assert "without the 1 unreadable picture(s), first" in said
    assert "1 of 1 queries have an identity of which the gallery has no picture" in said


def test_figures_are_in_the_file_though_nobody_reads_the_output(weights: Path, market: Path, tmp_path: Path) -> None:
    target = tmp_path / "e.json"
    words = ["evaluate", weights, "--data.root", market, "--json", target]
    reading, writing = os.pipe()
    os.close(reading)  # the first thing that is printed meets a closed pipe
    try:
        subprocess.run(
            [sys.executable, "-u", "-m", "cdnet", *map(str, words)], stdout=writing, check=False, timeout=600
        )
    finally:
        os.close(writing)
    assert json.loads(target.read_text())["queries"] > 0

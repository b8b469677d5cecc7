"""The command line as a user meets it: exit status, one sentence on standard error, results on standard output."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from cdnet.classify.recipe import ClassifyRecipe
from cdnet.cli import COMMANDS, main
from cdnet.cli.arguments import read_table
from cdnet.engine.folder import write_recipe
from cdnet.search.compare_recipe import CompareRecipe
from cdnet.search.recipe import SearchRecipe
from cdnet.settings.files import shipped_recipes
from cdnet.train.recipe import TrainRecipe
from cdnet.weights import load_model


def run(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    status = main([str(word) for word in words])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def refused(capsys: pytest.CaptureFixture[str], *words: object, status: int = 1) -> str:
    """Run a command that must fail, and return its one sentence."""
    found, _, err = run(capsys, *words)
    complaint = [line for line in err.splitlines() if line.startswith("cdnet: ")]
    assert found == status
    assert len(complaint) == 1
    assert "Traceback" not in err
    return complaint[0]


TINY = ("--width", "0.1", "--size", "64x32", "--batch.identities", "4", "--batch.pictures", "2", "--optim.lr", "0.02")


@pytest.fixture(scope="module")
def trained(market: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "run"
    words = ["train", "--out", str(out), "--data.root", str(market), "--schedule.epochs", "2", *TINY]
    assert main(words) == 0
    return out


HELP = """
import sys
before = set(sys.modules)
from cdnet.cli import main
status = main(["--help"])
print(*sorted({name.partition(".")[0] for name in set(sys.modules) - before} - sys.stdlib_module_names))
sys.exit(status)
"""


def test_help_answers_at_once_for_it_imports_nothing_of_others() -> None:
    done = subprocess.run([sys.executable, "-c", HELP], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    *said, imported = done.stdout.splitlines()
    assert imported == "cdnet"
    assert all(any(name in line for line in said) for name in COMMANDS)


@pytest.mark.parametrize("command", [*COMMANDS])
def test_each_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    try:
        status = main([command, "--help"])
    except SystemExit as done:
        status = int(done.code or 0)
    assert status == 0
    assert f"cdnet {command}" in capsys.readouterr().out


def test_output_that_cannot_be_written_is_said() -> None:
    for arguments in (["info"], ["--help"]):
        with open("/dev/full", "w") as full:
            done = subprocess.run(
                [sys.executable, "-m", "cdnet", *arguments], stdout=full, stderr=subprocess.PIPE, text=True, check=False
            )
        assert done.returncode != 0
        assert "No space left" in done.stderr


def test_a_reader_that_has_gone_is_no_mistake() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "cdnet", "info"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait() == 0


def test_version_and_unknown_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "--version")[1].startswith("cdnet 0.")
    assert "unknown command 'trian'" in refused(capsys, "trian", status=2)


def test_info_as_json_and_as_table(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "info", "--json")
    found = json.loads(out)
    assert list(found) == ["genotype", "width", "size", "neck", "params_backbone", "macs_backbone", "params", "macs"]
    assert (found["params_backbone"], found["params"]) == (1_747_448, 1_796_600)
    _, table, _ = run(capsys, "info", "cdnet-top1", "--width", 0.5, "--size", "128x64")
    assert "(3,7,2) (3,9,1)" in table
    assert "stage3" in table


def test_info_reads_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "mine.json"
    path.write_text('{"name": "mine", "stages": [[[3, 5]], [[3, 7, 2]], [[5, 9]]]}')
    status, out, _ = run(capsys, "info", path)
    assert status == 0
    assert "(3,7,2)" in out
    path.write_text('{"name": "mine", "stages": [[[3, 5]], [[3, 8, 2]], [[5, 9]]]}')
    assert "unknown kernel 8" in refused(capsys, "info", path)


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["info", "nonet"], 1, "no such genotype"),
        (["info", "--size", "big"], 1, "write height x width"),
        (["info", "--width", "wide"], 2, "--width"),
        (["info", "--depth", "3"], 2, "--depth"),
        (["train", "--out", "x"], 1, "--data.root"),
        (["train"], 2, "--out"),
        (["train", "--out", "x", "--optim.rate", "1"], 2, "optim.rate"),
        (["train", "--out", "x", "--optim.lr", "fast"], 2, "--optim.lr: expected a value of type float, got fast"),
        (
            ["train", "--out", "x", "--data.root", ".", "--neck", "fblnek"],
            1,
            "unknown neck 'fblnek' (did you mean fblneck?)",
        ),
        (["train", "--config", "none.yaml", "--out", "x"], 1, "no such recipe"),
        (["train", "--out", "x", "--data.root", "nowhere"], 1, "no such folder"),
        (["train", "--out", "nowhere", "--resume"], 1, "nothing to resume"),
        (["train", "--config", "nowhere/demo.yaml", "--out", "x"], 1, "no such recipe"),
        (
            ["train", "--out", "x", "--data.root", ".", "--seed", "9999999999999999999"],
            2,
            "--seed has a number of more",
        ),
        (["info", "x" * 300], 1, "name too long"),
        (["evaluate", "x" * 300, "--data.root", "."], 1, "name too long"),
        (["search", "--out", "x", "--k", "0"], 1, "--k must be from 1 to 12"),
        (["search", "--out", "x"], 1, "--data.root"),
        (["search", "--out", "x", "--space.pairs", "[[3,4],[3,5]]"], 1, "no CDBlock"),
        (["evaluate"], 2, "weights"),
        (["evaluate", "nothing", "--data.root", "."], 1, "no such weights"),
        (["data"], 2, "check, draw"),
        (["data", "check", "nowhere"], 1, "no such folder"),
        (["data", "check", ".", "--layout", "round"], 1, "unknown layout"),
    ],
)
def test_mistakes_get_one_sentence(
    words: list[str],
    status: int,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert said.lower() in refused(capsys, *words, status=status).lower()
    assert not list(tmp_path.iterdir())


def test_a_recipe_with_a_wrong_key_names_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "r.yaml").write_text("optim: {speed: 3}\n")
    assert "speed" in refused(capsys, "train", "--config", tmp_path / "r.yaml", "--out", tmp_path / "x", status=2)
    (tmp_path / "r.yaml").write_bytes(b"\x89PNG")
    assert "not a text file" in refused(capsys, "train", "--config", tmp_path / "r.yaml", "--out", tmp_path / "x")
    (tmp_path / "r.yaml").write_text("optim: [unclosed\n")
    assert "r.yaml, line 2: not YAML" in refused(
        capsys, "train", "--config", tmp_path / "r.yaml", "--out", tmp_path / "x"
    )


def test_resuming_a_run_of_another_command_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_recipe(tmp_path, TrainRecipe())
    said = refused(capsys, "search", "--out", tmp_path, "--resume")
    assert "recipe.yaml: not of `cdnet search` (" in said
    assert said.endswith("resume the run as it was begun")


RECIPES: dict[str, type[Any]] = {  # what a shipped recipe is for, by how its name begins or ends
    "search-": SearchRecipe, "-search": SearchRecipe, "compare": CompareRecipe,
    "cifar100-": ClassifyRecipe, "imagenet-": ClassifyRecipe, "tiny-imagenet-": ClassifyRecipe,
}  # fmt: skip


@pytest.mark.parametrize("name", shipped_recipes())
def test_every_shipped_recipe_reads_and_can_be_overridden(name: str) -> None:
    kinds = [kind for part, kind in RECIPES.items() if name.startswith(part) or name.endswith(part)]
    kind: type[Any] = kinds[0] if kinds else TrainRecipe
    recipe, out = read_table("a command", "", kind, ["--config", name, "--out", "x", "--device", "cpu"])
    assert (recipe.device, out) == ("cpu", Path("x"))
    again, _ = read_table("a command", "", kind, ["--config", f"recipes/{name}.yaml", "--out", "x"])
    assert again.device == "auto"
    assert dataclasses.replace(again, device="cpu") == recipe


def test_evaluate_prints_and_writes_the_same_figures(
    trained: Path, market: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, _ = run(capsys, "evaluate", trained, "--data.root", market, "--json", tmp_path / "e.json")
    assert status == 0
    found = json.loads((tmp_path / "e.json").read_text())
    assert set(found) == {
        "rank1", "rank5", "rank10", "rank20", "mAP", "mINP", "queries", "queries_without_match", "gallery",
        "flip", "rerank", "intervals", "thresholds", "parts", "weights", "sha256", "runtime", "trained_on", "data",
        "folder",
    }  # fmt: skip
    assert f"rank-1 {100 * found['rank1']:.2f}" in out
    assert f"mAP {100 * found['mAP']:.2f}" in out
    queries = len(list((market / "query").glob("*.jpg")))
    gallery = [p for p in (market / "bounding_box_test").glob("*.jpg") if not p.name.startswith("-1")]
    assert (found["queries"], found["gallery"]) == (queries, len(gallery))


def test_evaluate_refuses_a_data_set_without_queries(
    trained: Path, market: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bounding_box_test").symlink_to(market / "bounding_box_test")
    assert "the split 'query' has no pictures" in refused(capsys, "evaluate", trained, "--data.root", tmp_path)


def test_resume_takes_the_recipe_that_the_run_keeps(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, "train", "--out", trained, "--resume")
    assert status == 0
    assert "weights.safetensors" in out
    assert load_model(trained)[1].trained_on["epochs"] == 2
    assert "already holds a run" in refused(capsys, "train", "--out", trained, "--data.root", trained)


def test_ctrl_c_stops_with_130_and_resumes(market: Path, tmp_path: Path) -> None:
    import signal

    words = ["train", "--out", "run", "--data.root", str(market), "--schedule.epochs", "100000", *TINY]
    process = subprocess.Popen(
        [sys.executable, "-m", "cdnet", *words], cwd=tmp_path, stderr=subprocess.PIPE, text=True, env=os.environ
    )
    log = tmp_path / "run" / "log.jsonl"
    while not (log.is_file() and log.stat().st_size) and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=600)
    assert process.returncode == 130
    assert "add --resume to go on" in err
    assert "Traceback" not in err


def test_data_check_names_what_is_wrong(market: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import shutil

    status, out, _ = run(capsys, "data", "check", market, "--batch.identities", 4)
    assert status == 0
    assert "2 pictures ignored: junk" in out
    root = tmp_path / "pictures"
    shutil.copytree(market, root)
    train = sorted((root / "bounding_box_train").iterdir())
    train[0].write_bytes(train[0].read_bytes()[:300])
    shutil.copy(train[1], root / "bounding_box_train" / "lena.jpg")
    shutil.copy(train[2], root / "query" / train[2].name)
    status, out, err = run(capsys, "data", "check", root, "--batch.identities", 4, "--json", tmp_path / "found.json")
    assert (status, "not sound" in err) == (1, True)
    found = json.loads((tmp_path / "found.json").read_text())
    assert train[0].name in found["unreadable"][0]
    assert "lena.jpg" in found["unparsed"][0]
    assert found["shared"] == [train[2].name[:4]]
    assert [Path(path).name for path in found["duplicates"][0]] == [train[2].name] * 2
    assert "lena.jpg" in refused(capsys, "train", "--out", tmp_path / "x", "--data.root", root, *TINY)


def test_data_draw_is_the_same_from_the_same_seed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small = ("--identities-train", 3, "--identities-test", 2, "--distractors", 1, "--junk", 1, "--size", "64x32")
    for name in ("a", "b"):
        assert run(capsys, "data", "draw", tmp_path / name, *small)[0] == 0
    files = {path.relative_to(tmp_path / "a") for path in (tmp_path / "a").rglob("*.jpg")}
    assert files == {path.relative_to(tmp_path / "b") for path in (tmp_path / "b").rglob("*.jpg")}
    assert all((tmp_path / "a" / path).read_bytes() == (tmp_path / "b" / path).read_bytes() for path in files)
    assert "not an empty folder" in refused(capsys, "data", "draw", tmp_path / "a", *small)

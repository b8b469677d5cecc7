"""Whole runs: what they leave, that they learn, and that stopping and resuming changes nothing."""

from __future__ import annotations

import dataclasses
import errno
import json
import logging
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import pytest
import torch
import yaml
from tests.runs import same_run

from cdnet import CdnetError, load_model
from cdnet.data.layout import read_data
from cdnet.engine import checkpoint
from cdnet.engine.checkpoint import load_checkpoint
from cdnet.engine.folder import as_plain, claimed, write_recipe
from cdnet.engine.record import read_log
from cdnet.errors import StoppedError
from cdnet.evaluate import evaluation
from cdnet.evaluate.evaluation import evaluate_model, read_test_pictures
from cdnet.files import write_atomically
from cdnet.report.charts import quality_chart
from cdnet.train import loop
from cdnet.train.recipe import TrainRecipe
from cdnet.train.run import train


def test_figures_that_features_do_not_determine_are_nulls_in_the_log(
    recipe: TrainRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def zeros(model: torch.nn.Module, pixels: object, *_: object, **__: object) -> torch.Tensor:
        return torch.zeros(len(pixels), 4)  # type: ignore[arg-type]

    with monkeypatch.context() as patch, caplog.at_level(logging.INFO, "cdnet"):
        patch.setattr(evaluation, "extract", zeros)
        recipe.evaluate_every, recipe.schedule.epochs = 1, 2
        train(recipe, tmp_path / "run")
    log = [json.loads(line, parse_constant=pytest.fail) for line in (tmp_path / "run" / "log.jsonl").open()]
    assert [(line["rank1"], line["mAP"], line["mINP"]) for line in log] == [(None, None, None)] * 2
    assert all("all zeros" in line["undefined"] for line in log)
    assert caplog.text.count("no figures: 11 of 11 pictures have features that are all zeros") == 2
    assert quality_chart(log) is None


def test_a_run_leaves_what_it_promises(recipe: TrainRecipe, tmp_path: Path) -> None:
    recipe.evaluate_every = 2
    weights = train(recipe, tmp_path / "run")
    names = {path.name for path in (tmp_path / "run").iterdir()} - {".lock"}
    assert names == {"recipe.yaml", "checkpoint.pt", "log.jsonl", "tensorboard", "weights.safetensors"}
    assert yaml.safe_load((tmp_path / "run" / "recipe.yaml").read_text()) == as_plain(recipe)
    log = read_log(tmp_path / "run")
    assert [line["epoch"] for line in log] == [1, 2, 3]
    assert ["rank1" in line for line in log] == [False, True, True]
    assert log[0]["loss"] == pytest.approx(sum(log[0]["triplet"]) + sum(log[0]["softmax"]), abs=1e-5)
    model, spec = load_model(weights)
    assert spec.trained_on == {"data": "market1501", "identities": 8, "seed": 0, "epochs": 3}
    assert (spec.size, spec.width, spec.neck) == ((64, 32), 0.1, "fblneck")
    assert not any("head" in name for name in model.state_dict())
    assert any((tmp_path / "run" / "tensorboard").iterdir())


def test_training_lowers_the_loss(recipe: TrainRecipe, tmp_path: Path) -> None:
    recipe.schedule.epochs = 10
    train(recipe, tmp_path)
    log = read_log(tmp_path)
    assert log[-1]["loss"] < 0.9 * log[0]["loss"]


def test_another_seed_gives_another_run(recipe: TrainRecipe, tmp_path: Path) -> None:
    train(recipe, tmp_path / "a")
    train(recipe, tmp_path / "b")
    train(dataclasses.replace(recipe, seed=1), tmp_path / "c")
    assert same_run(tmp_path / "a", tmp_path / "b")
    assert not same_run(tmp_path / "a", tmp_path / "c")


@pytest.mark.parametrize("stop_at", [1, 4, 8])
def test_stopped_and_resumed_ends_bit_for_bit_the_same(
    recipe: TrainRecipe, tmp_path: Path, at_step: Callable[..., list[int]], stop_at: int
) -> None:
    train(recipe, tmp_path / "whole")
    steps = at_step(loop, "train_step", stop_at)
    with pytest.raises(StoppedError, match="--resume"):
        train(recipe, tmp_path / "stopped")
    assert len(steps) == stop_at  # the running step is finished, and no other begun
    train(recipe, tmp_path / "stopped", resume=True)
    assert same_run(tmp_path / "whole", tmp_path / "stopped")


KILLED = """
import os, signal, sys
from cdnet.cli import main
from cdnet.train import loop

real, steps = loop.train_step, []

def train_step(*given):
    steps.append(given)
    if len(steps) == 8:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(*given)

loop.train_step = train_step
main(sys.argv[1:])
"""


def test_killed_and_resumed_ends_bit_for_bit_the_same(recipe: TrainRecipe, tmp_path: Path) -> None:
    train(recipe, tmp_path / "whole")
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(as_plain(recipe)))
    words = ["train", "--config", "recipe.yaml", "--out", "killed"]
    killed = subprocess.run([sys.executable, "-c", KILLED, *words], cwd=tmp_path, check=False)
    assert killed.returncode == -signal.SIGKILL
    log = tmp_path / "killed" / "log.jsonl"
    done = load_checkpoint(tmp_path / "killed")["place"]["epoch"]
    assert 1 <= done < 3
    # A line that a kill cut short, and one of an epoch that no checkpoint has, are both taken back.
    with log.open("a") as file:
        file.write(json.dumps({"epoch": done + 1, "loss": 0}) + '\n{"epo')
    command = [sys.executable, "-m", "cdnet", *words, "--resume"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert same_run(tmp_path / "whole", tmp_path / "killed")


def test_killed_before_the_first_checkpoint_begins_again(recipe: TrainRecipe, tmp_path: Path) -> None:
    train(recipe, tmp_path / "whole")
    write_recipe(tmp_path / "killed", recipe)
    train(recipe, tmp_path / "killed", resume=True)
    assert same_run(tmp_path / "whole", tmp_path / "killed")


def test_bf16_autocast_trains_on_a_cpu(recipe: TrainRecipe, tmp_path: Path) -> None:
    train(recipe, tmp_path / "fp32")
    recipe.precision = "bf16"
    train(recipe, tmp_path / "bf16")
    exact, rounded = read_log(tmp_path / "fp32")[0]["loss"], read_log(tmp_path / "bf16")[0]["loss"]
    assert rounded != exact
    assert rounded == pytest.approx(exact, rel=0.1)


def test_resume_of_a_finished_run_changes_nothing(recipe: TrainRecipe, tmp_path: Path) -> None:
    train(recipe, tmp_path / "run")
    before = (tmp_path / "run" / "checkpoint.pt").read_bytes()
    train(recipe, tmp_path / "run", resume=True)
    assert (tmp_path / "run" / "checkpoint.pt").read_bytes() == before


def test_a_full_disk_leaves_the_previous_checkpoint(
    recipe: TrainRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(recipe, tmp_path / "whole")
    saves = 0

    def write(path: Path, fill: Callable[[BinaryIO], object]) -> None:
        nonlocal saves
        saves += 1
        write_atomically(path, half if saves == 2 else fill)

    def half(file: BinaryIO) -> None:
        file.write(b"half of it")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(checkpoint, "write_atomically", write)
    with pytest.raises(CdnetError, match="disk is full"):
        train(recipe, tmp_path / "run")
    assert load_checkpoint(tmp_path / "run")["place"]["epoch"] == 1
    train(recipe, tmp_path / "run", resume=True)
    assert same_run(tmp_path / "whole", tmp_path / "run")


def test_unreadable_pictures_are_left_out(
    recipe: TrainRecipe, market: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    import shutil

    root = tmp_path / "pictures"
    shutil.copytree(market, root)
    first = sorted((root / "bounding_box_train").iterdir())[0]
    first.write_bytes(first.read_bytes()[:400])
    recipe.data.root = root
    train(recipe, tmp_path / "run")
    said = caplog.text
    assert "1 unreadable picture(s) left out" in said
    assert first.name in said.replace("\n", "")


def test_weights_that_are_gone_come_back(recipe: TrainRecipe, tmp_path: Path) -> None:
    weights = train(recipe, tmp_path / "run")
    before = weights.read_bytes()
    weights.unlink()
    assert train(recipe, tmp_path / "run", resume=True) == weights
    assert weights.read_bytes() == before


def test_a_run_resumes_from_another_folder(
    recipe: TrainRecipe, market: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine.json").write_text('{"name": "mine", "stages": [[[3, 5]], [[3, 5]], [[3, 7]]]}')
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pictures").symlink_to(market)
    recipe.genotype, recipe.data.root = "mine.json", Path("pictures")
    recipe.schedule.epochs = 1
    train(recipe, Path("run"))
    monkeypatch.chdir("/")
    kept = yaml.safe_load((tmp_path / "run" / "recipe.yaml").read_text())
    assert kept["genotype"] == str(tmp_path / "mine.json")
    assert kept["data"]["root"] == str(tmp_path / "pictures")


def test_another_number_of_threads_is_told_and_resumes(
    recipe: TrainRecipe, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    recipe.schedule.epochs = 1
    run, threads = tmp_path / "run", torch.get_num_threads()
    train(recipe, run)
    kept = load_checkpoint(run)
    assert kept["threads"] == threads
    for before, told in ((threads, False), (threads + 1, True), (None, False)):
        checkpoint.save_checkpoint(run, {**kept, "threads": before} if before else without(kept, "threads", "logged"))
        caplog.clear()
        train(recipe, run, resume=True)
        said = caplog.text
        assert (f"with {threads + 1} thread(s) and goes on with {threads}" in said) == told


def without(state: dict[str, object], *keys: str) -> dict[str, object]:
    """Return a checkpoint as an earlier version would have written it."""
    return {key: value for key, value in state.items() if key not in (*keys, "format")}


def test_what_a_kill_left_between_writing_and_renaming_is_swept(recipe: TrainRecipe, tmp_path: Path) -> None:
    recipe.schedule.epochs = 1
    run = tmp_path / "run"
    train(recipe, run)
    left = [run / f".{name}.0123456789abcdef" for name in ("checkpoint.pt", "weights.safetensors", "log.jsonl")]
    kept = [run / name for name in (".notes.0123456789abcdef", ".checkpoint.pt.0123", "checkpoint.pt.0123456789abcdef")]
    for path in (*left, *kept):
        path.touch()
    train(recipe, run, resume=True)
    assert [path.exists() for path in (*left, *kept)] == [False] * 3 + [True] * 3


class TestRefusals:
    """What a run refuses, in one sentence, before anything is lost."""

    def test_a_folder_that_holds_a_run(self, recipe: TrainRecipe, tmp_path: Path) -> None:
        train(recipe, tmp_path)
        before = (tmp_path / "checkpoint.pt").read_bytes()
        with pytest.raises(CdnetError, match="already holds a run; add --resume"):
            train(recipe, tmp_path)
        assert (tmp_path / "checkpoint.pt").read_bytes() == before

    def test_a_folder_in_use(self, recipe: TrainRecipe, tmp_path: Path) -> None:
        train(recipe, tmp_path / "old")
        for out, resume in ((tmp_path / "new", False), (tmp_path / "old", True)):
            with claimed(out), pytest.raises(CdnetError, match="in use by another process"):
                train(recipe, out, resume=resume)
            assert not (tmp_path / "new" / "recipe.yaml").exists()

    @pytest.mark.parametrize(
        ("changes", "said"),
        [
            ({"genotype": "nonet"}, "no such genotype"),
            ({"width": 9.0}, "width multiplier"),
            ({"size": "32x32", "stripes": 3}, "too few for 3 stripes"),
            ({"seed": -1}, "--seed must be"),
        ],
    )
    def test_a_wrong_network_before_decoding(
        self, recipe: TrainRecipe, tmp_path: Path, changes: dict[str, object], said: str
    ) -> None:
        recipe.data.cache = tmp_path / "cache"
        with pytest.raises(CdnetError, match=said):
            train(dataclasses.replace(recipe, **changes), tmp_path / "run")  # type: ignore[arg-type]
        assert not list(tmp_path.iterdir())

    def test_resuming_nothing(self, recipe: TrainRecipe, tmp_path: Path) -> None:
        with pytest.raises(CdnetError, match="nothing to resume"):
            train(recipe, tmp_path, resume=True)

    def test_resuming_by_another_recipe(self, recipe: TrainRecipe, tmp_path: Path) -> None:
        train(recipe, tmp_path)
        recipe.optim.lr = 0.03
        with pytest.raises(CdnetError, match=r"started with optim\.lr = 0\.02, not 0\.03"):
            train(recipe, tmp_path, resume=True)

    def test_resuming_on_other_pictures(self, recipe: TrainRecipe, market: Path, tmp_path: Path) -> None:
        import shutil

        train(recipe, tmp_path / "run")
        shutil.copytree(market, tmp_path / "pictures")
        sorted((tmp_path / "pictures" / "bounding_box_train").iterdir())[0].unlink()
        recipe.data.root = tmp_path / "pictures"
        with pytest.raises(CdnetError, match="resume with the same pictures"):
            train(recipe, tmp_path / "run", resume=True)

    @pytest.mark.parametrize("kept", [0, 100, 0.5, 0.99])
    def test_a_checkpoint_cut_short(self, recipe: TrainRecipe, tmp_path: Path, kept: float) -> None:
        train(recipe, tmp_path)
        whole = (tmp_path / "checkpoint.pt").read_bytes()
        (tmp_path / "checkpoint.pt").write_bytes(whole[: int(kept * len(whole)) if kept < 1 else int(kept)])
        with pytest.raises(CdnetError, match="cut short"):
            train(recipe, tmp_path, resume=True)

    def test_a_checkpoint_of_another_network(self, recipe: TrainRecipe, tmp_path: Path) -> None:
        train(recipe, tmp_path / "one")
        other = dataclasses.replace(recipe, width=0.2)
        train(other, tmp_path / "other")
        (tmp_path / "one" / "checkpoint.pt").write_bytes((tmp_path / "other" / "checkpoint.pt").read_bytes())
        with pytest.raises(CdnetError, match="another network"):
            train(recipe, tmp_path / "one", resume=True)

    def test_values_of_other_kinds_in_a_checkpoint(self, recipe: TrainRecipe, tmp_path: Path) -> None:
        recipe.schedule.epochs = 1
        run = tmp_path / "run"
        train(recipe, run)
        kept = load_checkpoint(run)
        momenta = kept["optimizer"]["state"]
        heavier = [kept["optimizer"]["param_groups"][0] | {"weight_decay": 1.0}]
        within = kept["place"] | {"epoch": 0, "step": 1, "sums": torch.zeros(1).double()}
        damages: list[dict[str, object]] = [
            {"optimizer": 5},
            {"optimizer": {"state": {}, "param_groups": "none"}},
            {"optimizer": kept["optimizer"] | {"state": momenta | {0: {"momentum_buffer": torch.zeros(1)}}}},
            {"optimizer": kept["optimizer"] | {"state": momenta | {0: {"momentum_buffer": 1.0}}}},
            {"optimizer": kept["optimizer"] | {"param_groups": heavier}},
            {"model": [1]},
            {"model": {name: tensor * torch.nan for name, tensor in kept["model"].items()}},
            {"source": {"pictures": "all"}},
            {"place": kept["place"] | {"epoch": 7}, "logged": None},
            {"place": within, "logged": None},
            {"line": {"epoch": 1}},
        ]
        for damage in damages:
            checkpoint.save_checkpoint(run, {**kept, **damage})
            with pytest.raises(CdnetError, match=r"put a whole copy|same pictures|has no lr") as caught:
                train(recipe, run, resume=True)
            assert "\n" not in str(caught.value)

    def test_a_checkpoint_that_would_run_code(self, recipe: TrainRecipe, tmp_path: Path) -> None:
        class Evil:
            def __reduce__(self) -> tuple[object, tuple[str]]:
                return os.system, (f"touch {tmp_path / 'owned'}",)

        train(recipe, tmp_path / "run")
        torch.save({"format": 1, "model": Evil()}, tmp_path / "run" / "checkpoint.pt")
        with pytest.raises(CdnetError, match="cut short, damaged or no checkpoint"):
            train(recipe, tmp_path / "run", resume=True)
        assert not (tmp_path / "owned").exists()

    def test_fewer_identities_than_p(self, recipe: TrainRecipe, tmp_path: Path) -> None:
        recipe.batch.identities = 9
        with pytest.raises(CdnetError, match="8 identities, fewer than the 9"):
            train(recipe, tmp_path / "run")
        assert not (tmp_path / "run").exists()

    @pytest.mark.parametrize(
        ("section", "key", "value"),
        [
            ("schedule", "epochs", 0),
            ("optim", "lr", -1.0),
            ("loss", "smoothing", 1.0),
            ("batch", "pictures", 1),
            ("augment", "erase", 2.0),
        ],
    )
    def test_senseless_values(self, recipe: TrainRecipe, tmp_path: Path, section: str, key: str, value: float) -> None:
        setattr(getattr(recipe, section), key, value)
        with pytest.raises(CdnetError, match=rf"--{section}\.{key} must be"):
            train(recipe, tmp_path)

    def test_a_loss_that_is_not_finite(self, recipe: TrainRecipe, tmp_path: Path) -> None:
        recipe.optim.lr = 1e6
        recipe.schedule.warmup = 0
        with pytest.raises(CdnetError, match=r"no longer finite in epoch \d, step \d+; lower --optim\.lr"):
            train(recipe, tmp_path)

    def test_gpu_precision_on_a_cpu(self, recipe: TrainRecipe, tmp_path: Path) -> None:
        recipe.precision = "fp16"
        with pytest.raises(CdnetError, match="fp16 needs a GPU"):
            train(recipe, tmp_path)


def test_identities_with_one_picture_train(recipe: TrainRecipe, market: Path, tmp_path: Path) -> None:
    import shutil

    shutil.copytree(market, tmp_path / "pictures")
    folder = tmp_path / "pictures" / "bounding_box_train"
    seen: set[str] = set()
    for path in sorted(folder.iterdir()):
        if path.name[:4] in seen:
            path.unlink()
        seen.add(path.name[:4])
    recipe.data.root = tmp_path / "pictures"
    train(recipe, tmp_path / "run")
    assert load_checkpoint(tmp_path / "run")["source"]["pictures"] == 8


def test_milestones_that_are_never_reached_are_said(
    recipe: TrainRecipe, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    recipe.schedule.kind, recipe.schedule.milestones, recipe.schedule.epochs = "step", [1, 2, 5], 2
    train(recipe, tmp_path / "run")
    assert "of 2 epochs none reaches the milestone(s) 2, 5" in caplog.text
    caplog.clear()
    recipe.schedule.milestones = [1]
    train(recipe, tmp_path / "other")
    assert "milestone" not in caplog.text


def test_more_epochs_of_a_finished_run_are_those_of_a_longer_one(recipe: TrainRecipe, tmp_path: Path) -> None:
    recipe.schedule = dataclasses.replace(recipe.schedule, kind="step", milestones=[1, 3])
    train(recipe, tmp_path / "run")
    longer = dataclasses.replace(recipe, schedule=dataclasses.replace(recipe.schedule, epochs=4))
    train(longer, tmp_path / "run", resume=True)
    train(longer, tmp_path / "whole")
    assert same_run(tmp_path / "run", tmp_path / "whole")
    assert yaml.safe_load((tmp_path / "run" / "recipe.yaml").read_text())["schedule"]["epochs"] == 4
    with pytest.raises(CdnetError, match="started with"):
        train(recipe, tmp_path / "run", resume=True)  # no fewer


def test_a_cosine_schedule_cannot_be_made_longer(recipe: TrainRecipe, tmp_path: Path) -> None:
    recipe.schedule.epochs = 1
    train(recipe, tmp_path / "run")
    longer = dataclasses.replace(recipe, schedule=dataclasses.replace(recipe.schedule, epochs=2))
    with pytest.raises(CdnetError, match="--init"):
        train(longer, tmp_path / "run", resume=True)
    again = dataclasses.replace(longer, init=str(tmp_path / "run"))
    train(again, tmp_path / "again")
    assert load_model(tmp_path / "again")[1].trained_on["init"] == "run"


def test_trained_on_all_says_so_and_an_evaluation_warns(
    recipe: TrainRecipe, market: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from cdnet.cli import main

    recipe.data.train_on, recipe.schedule.epochs = "all", 1
    train(recipe, tmp_path / "run")
    spec = load_model(tmp_path / "run")[1]
    assert spec.trained_on["test_pictures_too"] is True
    assert spec.trained_on["identities"] == 12
    assert main(["evaluate", str(tmp_path / "run"), "--data.root", str(market)]) == 0
    assert "was trained on the test pictures" in capsys.readouterr().err
    recipe.evaluate_every = 1
    with pytest.raises(CdnetError, match="evaluate-every"):
        train(recipe, tmp_path / "other")


def test_several_roots_at_once(recipe: TrainRecipe, market: Path, tmp_path: Path) -> None:
    shutil.copytree(market, tmp_path / "second")
    for path in tmp_path.glob("second/*/*.jpg"):
        path.write_bytes(path.read_bytes() + b"\0")  # other files, so that nobody is two persons by one file
    recipe.schedule.epochs, recipe.data.also = 1, [tmp_path / "second"]
    with pytest.raises(CdnetError):  # but the pixels are the same, of two persons
        train(recipe, tmp_path / "run")
    from PIL import Image

    for path in tmp_path.glob("second/*/*.jpg"):
        Image.open(path).transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(path)
    train(recipe, tmp_path / "run")
    assert load_model(tmp_path / "run")[1].trained_on["identities"] == 16


def test_a_moving_average_is_that_of_all_weights_after_every_step_and_survives_a_stop(
    recipe: TrainRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe.schedule.epochs = 2
    plain = train(recipe, tmp_path / "plain")
    averaged = dataclasses.replace(recipe, ema=0.8, evaluate_every=2)
    after: list[dict[str, torch.Tensor]] = []
    stop_at = 9
    real_step = loop.train_step

    def stepping(model: torch.nn.Module, *arguments: object) -> loop.StepLosses:
        done = real_step(model, *arguments)  # type: ignore[arg-type]
        after.append({name: tensor.clone() for name, tensor in model.state_dict().items()})
        if len(after) == stop_at:
            os.kill(os.getpid(), signal.SIGINT)
        return done

    monkeypatch.setattr(loop, "train_step", stepping)
    with pytest.raises(StoppedError):
        train(averaged, tmp_path / "run")
    train(averaged, tmp_path / "run", resume=True)
    assert len(after) == 14
    # Training itself is as without an average.
    ours, theirs = (load_checkpoint(tmp_path / name)["model"] for name in ("run", "plain"))
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    expected = {name: tensor.double() for name, tensor in after[0].items()}
    for state in after[1:]:
        expected = {name: 0.8 * expected[name] + 0.2 * state[name].double() for name in expected}
    model, _ = load_model(tmp_path / "run")
    for name, tensor in model.state_dict().items():
        if tensor.is_floating_point():
            torch.testing.assert_close(tensor.double(), expected[name], rtol=1e-4, atol=1e-6)
    assert plain.read_bytes() != (tmp_path / "run" / "weights.safetensors").read_bytes()
    figures = evaluate_model(model, read_test_pictures(read_data(recipe.data.root or ""), (64, 32)))
    assert read_log(tmp_path / "run")[-1]["mAP"] == pytest.approx(figures.mAP, abs=1e-9)
    kept = load_checkpoint(tmp_path / "run")
    checkpoint.save_checkpoint(tmp_path / "run", {key: value for key, value in kept.items() if key != "average"})
    with pytest.raises(CdnetError, match="damaged"):
        train(averaged, tmp_path / "run", resume=True)


def test_a_run_of_a_version_that_lacked_a_key_resumes_and_as_it_was(recipe: TrainRecipe, tmp_path: Path) -> None:
    recipe.schedule.epochs, recipe.loss.normalise = 1, True
    train(recipe, tmp_path / "run")
    path = tmp_path / "run" / "recipe.yaml"
    kept = yaml.safe_load(path.read_text())
    del kept["distil"], kept["dropout"], kept["ema"], kept["loss"]["normalise"], kept["loss"]["triplet_weight"]
    del kept["augment"]["jitter"], kept["augment"]["erase_with"]
    path.write_text(yaml.safe_dump(kept))
    train(recipe, tmp_path / "run", resume=True)
    raw = dataclasses.replace(recipe, loss=dataclasses.replace(recipe.loss, normalise=False))
    for other, said in [(dataclasses.replace(recipe, dropout=0.1), "dropout = 0.0, not 0.1"), (raw, "True, not False")]:
        with pytest.raises(CdnetError, match=said):
            train(other, tmp_path / "run", resume=True)
    del kept["batch"]["pictures"]  # no version was without
    path.write_text(yaml.safe_dump(kept))
    with pytest.raises(CdnetError, match=r"batch\.pictures = None"):
        train(recipe, tmp_path / "run", resume=True)

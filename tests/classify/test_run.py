"""Whole classification runs: what they leave, that they learn, and that stopping and resuming changes nothing."""

from __future__ import annotations

import dataclasses
import json
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import yaml
from accelerate import Accelerator
from tests.runs import same_run

from cdnet import CdnetError, load_model
from cdnet.classify import loop
from cdnet.classify.recipe import ClassAugmentRecipe, ClassifyRecipe
from cdnet.classify.run import classify
from cdnet.classify.weights import load_classifier
from cdnet.cli import main
from cdnet.engine.checkpoint import load_checkpoint
from cdnet.engine.folder import as_plain
from cdnet.engine.recipe import OptimRecipe, ScheduleRecipe
from cdnet.engine.record import read_log
from cdnet.errors import StoppedError
from cdnet.nn.necks import Head


@pytest.mark.parametrize("crop", ["shift", "resized"])
def test_it_learns_what_colour_tells_apart(recipe: ClassifyRecipe, tmp_path: Path, crop: str) -> None:
    recipe.augment.crop = crop  # type: ignore[assignment]
    recipe.augment.share, recipe.batch = 0.3, 8
    recipe.schedule.epochs, recipe.evaluate_every = 8, 5
    weights = classify(recipe, tmp_path / "run")
    names = {path.name for path in (tmp_path / "run").iterdir()} - {".lock"}
    assert names == {"recipe.yaml", "checkpoint.pt", "log.jsonl", "tensorboard", "weights.safetensors"}
    assert yaml.safe_load((tmp_path / "run" / "recipe.yaml").read_text()) == as_plain(recipe)
    log = read_log(tmp_path / "run")
    assert ["top1" in line for line in log] == [False] * 4 + [True, False, False, True]
    assert log[-1]["top1"] >= 0.9  # chance is a third
    assert (log[-1]["top5"], log[-1]["pictures"]) == (1.0, 12)
    assert log[0]["loss"] == pytest.approx(sum(log[0]["softmax"]), abs=1e-5)
    assert log[-1]["loss"] < log[0]["loss"]
    _, spec = load_classifier(weights)
    assert (spec.classes, spec.stem, spec.network.size) == (("blue", "green", "red"), 2, (32, 32))
    assert spec.network.trained_on == {"data": "folders", "classes": 3, "seed": 0, "epochs": 8}


def test_osnet_trains_by_the_same_recipe(recipe: ClassifyRecipe, tmp_path: Path) -> None:
    classify(dataclasses.replace(recipe, genotype="osnet", schedule=ScheduleRecipe(epochs=1)), tmp_path)
    assert load_classifier(tmp_path)[1].network.genotype == "osnet"


@pytest.mark.parametrize(("crop", "stop_at"), [("shift", 3), ("resized", 5)])
def test_stopped_and_resumed_ends_bit_for_bit_the_same(
    recipe: ClassifyRecipe, tmp_path: Path, at_step: Callable[..., list[int]], crop: str, stop_at: int
) -> None:
    recipe.augment.crop = crop  # type: ignore[assignment]
    classify(recipe, tmp_path / "whole")
    steps = at_step(loop, "train_step", stop_at)
    with pytest.raises(StoppedError, match="--resume"):
        classify(recipe, tmp_path / "stopped")
    assert len(steps) == stop_at
    classify(recipe, tmp_path / "stopped", resume=True)
    assert same_run(tmp_path / "whole", tmp_path / "stopped")


@pytest.mark.parametrize(("broken", "at"), [("train/red/3.png", 3), ("val/red/3.png", 3), ("val/red/3.png", 6)])
def test_a_broken_picture_costs_nothing_of_an_epoch(
    recipe: ClassifyRecipe, tmp_path: Path, at_step: Callable[..., list[int]], broken: str, at: int
) -> None:
    assert recipe.data.root is not None
    recipe.augment.crop = "resized"
    classify(recipe, tmp_path / "whole")
    recipe.data.root = shutil.copytree(recipe.data.root, tmp_path / "pictures")
    picture = recipe.data.root / broken
    content = picture.read_bytes()
    # The last of an epoch, of 3 steps.
    steps = at_step(loop, "train_step", at, lambda: picture.write_bytes(b""))
    with pytest.raises(CdnetError, match=r"red/3\.png: empty; put a whole copy in its place and add --resume"):
        classify(recipe, tmp_path / "broken")
    picture.write_bytes(content)
    classify(recipe, tmp_path / "broken", resume=True)
    assert len(steps) == 6  # none was taken twice
    assert same_run(tmp_path / "whole", tmp_path / "broken")


def test_a_picture_that_was_repaired_is_another(recipe: ClassifyRecipe, tmp_path: Path) -> None:
    assert recipe.data.root is not None
    recipe.data.root = shutil.copytree(recipe.data.root, tmp_path / "pictures")
    picture = recipe.data.root / "train" / "red" / "3.png"
    content = picture.read_bytes()
    picture.write_bytes(b"")
    recipe.schedule.epochs = 1
    classify(recipe, tmp_path / "run")
    classify(recipe, tmp_path / "run", resume=True)
    picture.write_bytes(content)
    with pytest.raises(CdnetError, match="trained on 47 pictures, and these are 48, not all the same; resume with"):
        classify(recipe, tmp_path / "run", resume=True)


def test_another_seed_gives_another_run(recipe: ClassifyRecipe, tmp_path: Path) -> None:
    recipe.schedule.epochs = 1
    classify(recipe, tmp_path / "a")
    classify(dataclasses.replace(recipe, seed=1), tmp_path / "b")
    assert not same_run(tmp_path / "a", tmp_path / "b")


def test_the_command_says_the_result_and_weights_fine_tune(
    recipe: ClassifyRecipe, market: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "r.yaml").write_text(yaml.safe_dump(as_plain(recipe)))
    run = tmp_path / "a run"
    assert main(["classify", "--config", str(tmp_path / "r.yaml"), "--out", str(run), "--schedule.epochs", "1"]) == 0
    said = capsys.readouterr().out
    line = json.loads((run / "log.jsonl").read_text().splitlines()[-1])
    assert f"top-1 {100 * line['top1']:.2f}, top-5 100.00, error {100 - 100 * line['top1']:.2f} per cent of 12" in said
    assert main(["classify", "--out", str(run), "--resume"]) == 0
    printed = capsys.readouterr().out.splitlines()[-1].removeprefix("fine-tune them: ")
    places = {"DIR": str(market), "RUN": str(tmp_path / "reid")}
    name, *words = [places.get(word, word) for word in shlex.split(printed)]
    assert name == "cdnet"
    assert main([*words, "--size", "64x32", "--batch.identities", "4", "--schedule.epochs", "1"]) == 0
    assert load_model(tmp_path / "reid")[1].trained_on["init"] == run.name


class TestRefusals:
    """What a run refuses, in one sentence, before anything is lost."""

    @pytest.mark.parametrize(
        ("changes", "said"),
        [
            ({"genotype": "nonet"}, "no such genotype"),
            ({"width": 9.0}, "width multiplier"),
            ({"stem": 4, "stripes": 3}, "too few for 3 stripes"),
            ({"batch": 1}, "--batch must be"),
            ({"batch": 49}, "fewer than the 49"),
            ({"smoothing": 1.0}, "--smoothing must be"),
            ({"evaluate_every": 0}, "--evaluate-every must be"),
            ({"optim": OptimRecipe(momentum=0.0, nesterov=True)}, "--optim.nesterov must be"),
            ({"schedule": ScheduleRecipe(epochs=0)}, "--schedule.epochs must be"),
            ({"augment": ClassAugmentRecipe(share=0.0)}, "--augment.share must be"),
        ],
    )
    def test_senseless_recipes(
        self, recipe: ClassifyRecipe, tmp_path: Path, changes: dict[str, object], said: str
    ) -> None:
        with pytest.raises(CdnetError, match=said):
            classify(dataclasses.replace(recipe, **changes), tmp_path / "run")  # type: ignore[arg-type]
        assert not (tmp_path / "run").exists()

    def test_no_pictures(self, recipe: ClassifyRecipe, tmp_path: Path) -> None:
        recipe.data.root = None
        with pytest.raises(CdnetError, match=r"--data\.root"):
            classify(recipe, tmp_path / "run")

    def test_other_pictures_at_resumption(self, recipe: ClassifyRecipe, colours: Path, tmp_path: Path) -> None:
        recipe.schedule.epochs = 1
        classify(recipe, tmp_path / "run")
        shutil.copytree(colours, tmp_path / "copy")
        recipe.data.root = tmp_path / "copy"
        classify(recipe, tmp_path / "run", resume=True)  # the same pictures in another place
        (tmp_path / "copy" / "train" / "red" / "0.png").unlink()
        with pytest.raises(CdnetError, match="resume with the same"):
            classify(recipe, tmp_path / "run", resume=True)

    def test_a_loss_that_is_not_finite(self, recipe: ClassifyRecipe, tmp_path: Path) -> None:
        recipe.optim.lr = 1e6
        with pytest.raises(CdnetError, match=r"lower --optim\.lr"):
            classify(recipe, tmp_path)


def test_it_descends_as_its_recipe_says(recipe: ClassifyRecipe, tmp_path: Path) -> None:
    recipe.optim = OptimRecipe(lr=0.01, momentum=0.75, nesterov=True, weight_decay=0.03)
    recipe.schedule.epochs = 1
    classify(recipe, tmp_path)
    (group,) = load_checkpoint(tmp_path)["optimizer"]["param_groups"]
    assert (group["momentum"], group["nesterov"], group["weight_decay"], group["dampening"]) == (0.75, True, 0.03, 0)


def test_half_precision_ends_before_the_loss() -> None:
    weight = torch.nn.Parameter(torch.ones(1))

    class Given(torch.nn.Module):
        def forward(self, images: torch.Tensor) -> list[Head]:
            return [Head(images, images, (images * weight * scale).bfloat16()) for scale in (1, 2)]

    images = torch.randn(6, 3, generator=torch.Generator().manual_seed(0))
    labels = torch.tensor([0, 1, 2, 2, 1, 0])
    optimizer = torch.optim.SGD([weight], lr=0.5)
    heads = Given()(images)
    step = loop.train_step(Given(), optimizer, Accelerator(cpu=True), images, labels, 0.1)
    each = [torch.nn.functional.cross_entropy(h.scores.double(), labels, label_smoothing=0.1).item() for h in heads]
    assert step.loss.dtype == step.softmax.dtype == torch.float32
    assert step.pack().tolist() == pytest.approx([sum(each), *each], rel=1e-5)
    assert weight.item() != 1
    losses = loop.ClassLosses.from_line({"loss": 3.0, "softmax": [1.25, 1.75]})
    assert losses.as_text() == "loss 3.00 (softmax 1.25+1.75)"


def test_each_steps_gradient_is_its_own() -> None:
    weight = torch.nn.Parameter(torch.ones(1))

    class Given(torch.nn.Module):
        def forward(self, images: torch.Tensor) -> list[Head]:
            return [Head(images, images, images * weight)]

    images, labels = torch.randn(6, 3, generator=torch.Generator().manual_seed(0)), torch.tensor([0, 1, 2, 2, 1, 0])
    optimizer = torch.optim.SGD([weight], lr=0.0)
    gradients = []
    for _ in range(3):
        loop.train_step(Given(), optimizer, Accelerator(cpu=True), images, labels, 0.0)
        assert weight.grad is not None
        gradients.append(weight.grad.item())
    assert gradients[0] != 0
    assert gradients == [gradients[0]] * 3

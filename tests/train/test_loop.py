"""One step of training: what it minimises in half precision, and that the optimiser is the recipe's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
import torch.nn.functional as F
from accelerate import Accelerator

from cdnet.data.sampler import PKSampler
from cdnet.engine.checkpoint import load_checkpoint
from cdnet.engine.network import make_optimizer
from cdnet.engine.recipe import OptimRecipe
from cdnet.losses.objective import objective
from cdnet.nn.necks import Head
from cdnet.train.batches import Batch, Batches
from cdnet.train.loop import StepLosses, train_step
from cdnet.train.recipe import TrainRecipe
from cdnet.train.run import train
from cdnet.train.taught import Lesson


class Given(torch.nn.Module):
    """Gives heads, or a lesson, of bfloat16 that hang on one weight."""

    def __init__(self, taught: bool) -> None:
        super().__init__()
        self.weight, self.taught = torch.nn.Parameter(torch.ones(1)), taught

    def forward(self, _images: torch.Tensor) -> list[Head] | Lesson:
        generator = torch.Generator().manual_seed(0)
        triplet, scores, feature, mapped = (
            (torch.randn(6, count, generator=generator) * self.weight).bfloat16() for count in (5, 3, 5, 4)
        )
        heads = [Head(triplet, triplet, scores)]
        return Lesson(heads, [feature], [mapped]) if self.taught else heads


@pytest.mark.parametrize("taught", [False, True])
def test_half_precision_ends_before_the_losses(recipe: TrainRecipe, taught: bool) -> None:
    model = Given(taught)
    identities = torch.tensor([0, 0, 1, 1, 2, 2])
    teacher = torch.randn(6, 4, generator=torch.Generator().manual_seed(1)) if taught else None
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    found = model(torch.zeros(6))
    step = train_step(model, optimizer, Accelerator(cpu=True), Batch(torch.zeros(6), identities, teacher), recipe)
    heads = found.heads if isinstance(found, Lesson) else found
    wanted = objective([Head(h.triplet.double(), h.softmax, h.scores.double()) for h in heads], identities)
    expected = [wanted.triplet[0].item(), wanted.softmax[0].item()]
    total = sum(expected)
    if isinstance(found, Lesson):
        assert teacher is not None
        rows, theirs = F.normalize(found.features[0].double()), F.normalize(teacher.double())
        features = (1 - (F.normalize(found.mapped[0].double()) * theirs).sum(1)).mean().item()
        relations = (rows @ rows.T - theirs @ theirs.T).square().mean().item()
        expected += [features, relations]
        total = total * recipe.distil.labels + 5 * features + 30 * relations
    packed = step.pack()
    assert (packed.dtype, packed.requires_grad) == (torch.float32, False)
    assert packed.tolist() == pytest.approx([total, *expected], rel=1e-5)
    again = StepLosses.unpack(packed.tolist(), taught)
    line = again.to_line()
    assert (len(line["triplet"]), len(line["softmax"]), "teacher_features" in line) == (1, 1, taught)
    assert StepLosses.from_line(line).as_text() == again.as_text()


@pytest.mark.parametrize(
    ("values", "taught", "line", "text"),
    [
        (
            [6.12345678, 1.25, 2.5, 0.125, 2.25],
            False,
            {"loss": 6.123457, "triplet": [1.25, 2.5], "softmax": [0.125, 2.25]},
            "loss 6.12 (triplet 1.25+2.50, softmax 0.12+2.25)",
        ),
        (
            [9.0, 1.23456789, 2.34567891, 0.12345678, 0.98765432],
            True,
            {
                "loss": 9.0,
                "triplet": [1.234568],
                "softmax": [2.345679],
                "teacher_features": 0.123457,
                "teacher_relations": 0.987654,
            },
            "loss 9.00 (triplet 1.23, softmax 2.35, teacher 0.123 and 0.9877)",
        ),
    ],
)
def test_a_steps_vector_is_told_apart(values: list[float], taught: bool, line: dict[str, Any], text: str) -> None:
    losses = StepLosses.unpack(values, taught)
    assert losses.to_line() == line
    assert losses.as_text() == text


@pytest.mark.parametrize("nesterov", [False, True])
def test_three_steps_of_the_optimiser_are_those_of_its_recipe(nesterov: bool) -> None:
    layer = torch.nn.Linear(1, 1, bias=True)
    layer.bias.requires_grad_(False)
    start, bias = layer.weight.item(), layer.bias.item()
    optimizer = make_optimizer(layer, OptimRecipe(lr=0.1, momentum=0.7, nesterov=nesterov, weight_decay=0.05))
    weight, velocity = start, 0.0
    for _ in range(3):
        optimizer.zero_grad()
        (3 * layer.weight.sum()).backward()
        optimizer.step()
        gradient = 3 + 0.05 * weight
        velocity = 0.7 * velocity + gradient
        weight -= 0.1 * (gradient + 0.7 * velocity if nesterov else velocity)
    assert layer.weight.item() == pytest.approx(weight, rel=1e-5)
    assert layer.bias.item() == bias


def test_a_run_descends_as_its_recipe_says(recipe: TrainRecipe, tmp_path: Path) -> None:
    recipe.optim = OptimRecipe(lr=0.02, momentum=0.75, nesterov=True, weight_decay=0.03)
    recipe.schedule.epochs = 1
    train(recipe, tmp_path)
    (group,) = load_checkpoint(tmp_path)["optimizer"]["param_groups"]
    assert (group["momentum"], group["nesterov"], group["weight_decay"], group["dampening"]) == (0.75, True, 0.03, 0)


def test_an_epochs_batches_come_in_the_samplers_order(
    recipe: TrainRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[tuple[int, int, list[int]]] = []
    sides: list[Batches] = []
    real = Batches.batch

    def recorded(self: Batches, indices: npt.NDArray[np.int64], epoch: int, step: int) -> Batch:
        sides.append(self)
        taken.append((epoch, step, indices.tolist()))
        return real(self, indices, epoch, step)

    monkeypatch.setattr(Batches, "batch", recorded)
    recipe.schedule.epochs = 2
    train(recipe, tmp_path)
    sampler = PKSampler(sides[0].labels.tolist(), 4, 2, recipe.seed)
    expected = [(epoch, step, rows.tolist()) for epoch in range(2) for step, rows in enumerate(sampler.epoch(epoch))]
    assert taken == expected

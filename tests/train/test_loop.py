"""One step of training: what it minimises in half precision, and that the optimiser is the recipe's."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
import torch.nn.functional as F
from accelerate import Accelerator

from cdnet.data.sampler import PKSampler
from cdnet.engine.checkpoint import load_checkpoint
from cdnet.engine.epoch import Place
from cdnet.engine.network import make_optimizer
from cdnet.engine.recipe import OptimRecipe
from cdnet.losses.objective import objective
from cdnet.nn.necks import Head
from cdnet.train import loop
from cdnet.train.batches import Batch, Batches
from cdnet.train.loop import StepLosses, train_epoch, train_step
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
    assert step.loss.dtype == torch.float32
    assert step.pack().tolist() == pytest.approx([total, *expected], rel=1e-5)
    line = step.to_line()
    assert (len(line["triplet"]), len(line["softmax"]), "teacher_features" in line) == (1, 1, taught)
    assert StepLosses.from_line(line).as_text() == step.as_text()


def test_each_steps_gradient_is_its_own(recipe: TrainRecipe) -> None:
    model = Given(taught=False)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    batch = Batch(torch.zeros(6), torch.tensor([0, 0, 1, 1, 2, 2]))
    gradients = []
    for _ in range(3):
        train_step(model, optimizer, Accelerator(cpu=True), batch, recipe)
        assert model.weight.grad is not None
        gradients.append(model.weight.grad.item())
    assert gradients[0] != 0
    assert gradients == [gradients[0]] * 3


@pytest.mark.parametrize(
    ("losses", "line", "text"),
    [
        (
            ([6.12345678], [1.25, 2.5], [0.125, 2.25]),
            {"loss": 6.123457, "triplet": [1.25, 2.5], "softmax": [0.125, 2.25]},
            "loss 6.12 (triplet 1.25+2.50, softmax 0.12+2.25)",
        ),
        (
            ([9.0], [1.23456789], [2.34567891], [0.12345678], [0.98765432]),
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
def test_losses_are_told_by_their_names(losses: tuple[list[float], ...], line: dict[str, Any], text: str) -> None:
    loss, triplet, softmax, *taught = (torch.tensor(values).double() for values in losses)
    given = StepLosses(loss[0], triplet, softmax, *(value[0] for value in taught))
    assert given.to_line() == line
    assert given.as_text() == text


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


def test_every_step_is_in_training_mode(recipe: TrainRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    modes: list[bool] = []
    real = loop.train_step

    def stepping(model: torch.nn.Module, *given: Any) -> StepLosses:
        modes.append(model.training)
        return real(model, *given)

    monkeypatch.setattr(loop, "train_step", stepping)
    recipe.schedule.epochs, recipe.evaluate_every = 2, 1  # evaluating leaves the network in evaluation mode
    train(recipe, tmp_path)
    assert modes
    assert all(modes)


@pytest.mark.parametrize("process", [0, 1, 3])
def test_what_is_dropped_hangs_on_seed_epoch_step_and_process(
    process: int, recipe: TrainRecipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[torch.Tensor] = []

    class Sides:
        batch_size = 6

        def epoch(self, number: int) -> list[str]:
            assert number == 4
            return ["first", "second"]

        def batch(self, *_: object) -> Batch:
            torch.manual_seed(99)  # whatever is drawn for the pictures decides nothing here
            return Batch(torch.zeros(6), torch.tensor([0, 0, 1, 1, 2, 2]))

    def stepping(*_: object) -> StepLosses:
        drawn.append(torch.rand(3))
        return StepLosses(torch.ones(()), torch.ones(1), torch.ones(1))

    monkeypatch.setattr(loop, "train_step", stepping)
    recipe.dropout, recipe.seed = 0.5, 7
    accelerator: Any = SimpleNamespace(process_index=process)
    sides: Any = Sides()
    stop: Any = SimpleNamespace(by_any_process=lambda *_: False)
    model = Given(taught=False)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    train_epoch(model, optimizer, accelerator, sides, recipe, Place(epoch=4), stop)
    # The number 0 is the pictures', and each process has the one after its own.
    numbers = [np.random.SeedSequence([7, 4, step, 1 + process]).generate_state(1, np.uint64)[0] for step in (0, 1)]
    expected = [torch.rand(3, generator=torch.Generator().manual_seed(int(number) // 2)) for number in numbers]
    assert torch.equal(torch.stack(drawn), torch.stack(expected))


def test_dropout_is_drawn_anew_in_each_step_and_alike_in_each_run(recipe: TrainRecipe, tmp_path: Path) -> None:
    recipe.dropout, recipe.schedule.epochs = 0.5, 1
    for name in ("one", "two"):
        torch.manual_seed(hash(name) % 1000)
        train(recipe, tmp_path / name)
    one, two = (load_checkpoint(tmp_path / name)["model"] for name in ("one", "two"))
    assert all(torch.equal(one[name], two[name]) for name in one)

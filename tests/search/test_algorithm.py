"""Algorithm 1 step by step: both optimisers, the order of both sides, half precision, rates, and the log's figures."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch

from cdnet import CdnetError
from cdnet.engine.checkpoint import load_checkpoint
from cdnet.engine.record import read_log
from cdnet.genotype import CDChoice
from cdnet.losses.objective import Losses, objective
from cdnet.search import algorithm
from cdnet.search.algorithm import alpha_rate, gate_temperature, make_gate, weights_rate
from cdnet.search.memory import StepMemory
from cdnet.search.recipe import AlphaRecipe, SearchRecipe, SpaceRecipe, TemperatureRecipe, WeightsRecipe
from cdnet.search.run import search
from cdnet.search.space import CDS, CS, SPACES, SearchSpace
from cdnet.search.supernet import MBlock
from cdnet.train.batches import Batch, Batches


def test_both_optimisers_are_those_of_the_recipe(recipe: SearchRecipe, tmp_path: Path) -> None:
    recipe.weights = WeightsRecipe(lr=0.02, momentum=0.75, weight_decay=0.03)
    recipe.alpha = AlphaRecipe(lr=0.004, betas=[0.4, 0.97], weight_decay=0.02)
    recipe.epochs = 1
    search(recipe, tmp_path)
    state = load_checkpoint(tmp_path)
    (group,) = state["w_optimizer"]["param_groups"]
    assert (group["momentum"], group["weight_decay"], group["nesterov"], group["dampening"]) == (0.75, 0.03, False, 0)
    (group,) = state["alpha_optimizer"]["param_groups"]
    assert (tuple(group["betas"]), group["weight_decay"], group["lr"]) == ((0.4, 0.97), 0.02, 0.004)


def test_the_papers_optimisers_are_the_defaults() -> None:
    recipe = SearchRecipe()
    assert recipe.weights == WeightsRecipe(lr=0.025, lr_end=1e-4, momentum=0.9, weight_decay=3e-4)
    assert recipe.alpha == AlphaRecipe(3e-4, [0.5, 0.999], 1e-3, [80, 160], 0.1)


def test_both_sides_go_through_their_epochs_in_order(
    recipe: SearchRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: dict[int, list[tuple[int, int, list[int]]]] = {}
    sides: dict[int, Batches] = {}
    real = Batches.batch

    def recorded(self: Batches, indices: npt.NDArray[np.int64], epoch: int, step: int) -> Batch:
        sides[id(self)] = self
        taken.setdefault(id(self), []).append((epoch, step, indices.tolist()))
        return real(self, indices, epoch, step)

    monkeypatch.setattr(Batches, "batch", recorded)
    recipe.epochs, recipe.validation = 2, 2
    search(recipe, tmp_path)
    train, validation = (sides[key] for key in taken)  # w is updated first
    orders = [train.epoch(epoch) for epoch in range(2)]
    assert taken[id(train)] == [
        (epoch, step, rows.tolist()) for epoch, order in enumerate(orders) for step, rows in enumerate(order)
    ]
    for epoch, order in enumerate(orders):
        rows: list[list[int]] = []
        round_ = 0
        while len(rows) < len(order):
            rows += validation.epoch(1000 * epoch + round_).tolist()
            round_ += 1
        assert round_ > 1  # the smaller side goes round
        mine = [(step, indices) for at, step, indices in taken[id(validation)] if at == epoch]
        assert mine == list(enumerate(rows[: len(order)]))


def test_half_precision_ends_before_the_losses(
    recipe: SearchRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[set[torch.dtype]] = []

    def watched(*given: Any) -> Losses:
        losses = objective(*given)
        assert given[0][0].scores.dtype == torch.bfloat16
        seen.append({part.dtype for part in (losses.total, *losses.triplet, *losses.softmax)})
        return losses

    monkeypatch.setattr(algorithm, "objective", watched)
    recipe.precision, recipe.epochs = "bf16", 1
    search(recipe, tmp_path)
    assert seen
    assert all(dtypes == {torch.float32} for dtypes in seen)


def test_the_logs_figures_are_those_of_its_alpha_and_its_time(
    recipe: SearchRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = 0
    real = algorithm.Search._update_w

    def counted(self: algorithm.Search, *arguments: Any) -> Any:
        nonlocal steps
        steps += 1
        return real(self, *arguments)

    monkeypatch.setattr(algorithm.Search, "_update_w", counted)
    recipe.gate, recipe.epochs = "sampled", 2
    recipe.temperature = TemperatureRecipe(8.0, 2.0)
    recipe.alpha.milestones = [1]
    search(recipe, tmp_path)
    log = read_log(tmp_path)
    assert [line["epoch"] for line in log] == [1, 2]
    assert [line["temperature"] for line in log] == [8.0, 2.0]
    assert [line["alpha_lr"] for line in log] == pytest.approx([3e-4, 3e-5])
    each = steps // 2
    for number, line in enumerate(log):
        assert [sum(row) for row in line["computed"]] == [each] * 4  # one branch of each MBlock a step
        # The rate of the last step, which is one step before the epoch's end.
        share = (number + (each - 1) / each) / 2
        assert line["lr"] == pytest.approx(1e-4 + (0.025 - 1e-4) * (1 + math.cos(math.pi * share)) / 2)
        for row, entropy in zip(line["alpha"], line["entropy"], strict=True):
            total = sum(math.exp(value) for value in row)
            chances = [math.exp(value) / total for value in row]
            assert entropy == pytest.approx(-sum(p * math.log(p) for p in chances), abs=1.5e-6)
        assert "expected_cost" not in line
        pictures = each * (8 + 8)
        assert line["milliseconds_per_image"] == pytest.approx(1000 * line["seconds"] / pictures, abs=6 / pictures)
        assert round(line["seconds"], 2) == line["seconds"]
        assert line["mebibytes_per_image"] > 0


def test_no_gradient_is_left_from_the_step_before(
    recipe: SearchRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    skipped = 0
    real = algorithm.Search._update_w

    def watched(self: algorithm.Search, *given: Any) -> Any:
        nonlocal skipped
        losses, selections = real(self, *given)
        blocks = [block for block in self.supernet.modules() if isinstance(block, MBlock)]
        for block, selection in zip(blocks, selections, strict=True):
            for number, branch in enumerate(block.branches):
                has = {parameter.grad is not None for parameter in branch.parameters()}
                assert has == {number in selection.branches}
                skipped += number not in selection.branches
        assert self.supernet.alpha.grad is None
        return losses, selections

    monkeypatch.setattr(algorithm.Search, "_update_w", watched)
    recipe.epochs = 1
    search(recipe, tmp_path)
    assert skipped


def test_both_gradients_are_averaged_over_the_processes(
    recipe: SearchRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def all_cancel(gradients: Iterable[torch.Tensor]) -> None:
        for gradient in gradients:
            gradient.zero_()

    monkeypatch.setattr(algorithm, "average_over_processes", all_cancel)
    recipe.weights.weight_decay = recipe.alpha.weight_decay = 0.0
    recipe.epochs = 1
    torch.manual_seed(0)
    search(recipe, tmp_path)
    state = load_checkpoint(tmp_path)
    assert all(not buffer["momentum_buffer"].any() for buffer in state["w_optimizer"]["state"].values())
    assert (state["supernet"]["alpha"] == torch.tensor(1e-3)).all()


def test_memory_is_logged_in_mebibytes_a_picture(
    recipe: SearchRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Memory(StepMemory):
        def __init__(self, device: torch.device) -> None:
            super().__init__(device)
            self.bytes = 0

        @contextmanager
        def watched(self) -> Iterator[None]:
            yield
            self.bytes = 8 * 5 * 1024 * 1024  # of a batch of eight

    monkeypatch.setattr(algorithm, "StepMemory", Memory)
    recipe.epochs = 1
    search(recipe, tmp_path)
    assert read_log(tmp_path)[0]["mebibytes_per_image"] == 5.0


def test_every_step_is_in_training_mode(recipe: SearchRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    modes: list[bool] = []
    real_epoch, real_losses = algorithm.Search.epoch, algorithm.Search._losses

    def after_an_evaluation(self: algorithm.Search, *given: Any) -> Any:
        self.supernet.eval()
        return real_epoch(self, *given)

    def losses(self: algorithm.Search, *given: Any) -> Losses:
        modes.append(self.supernet.training)
        return real_losses(self, *given)

    monkeypatch.setattr(algorithm.Search, "epoch", after_an_evaluation)
    monkeypatch.setattr(algorithm.Search, "_losses", losses)
    recipe.epochs = 1
    search(recipe, tmp_path)
    assert modes
    assert all(modes)


@pytest.mark.parametrize(
    ("epoch", "expected"), [(0, 0.025), (120, (0.025 + 1e-4) / 2), (240, 1e-4), (60, 1e-4 + 0.0249 * 0.8535533906)]
)
def test_the_rate_of_w_is_a_cosine_down_to_its_end(epoch: float, expected: float) -> None:
    assert weights_rate(SearchRecipe(), epoch) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(("epoch", "expected"), [(0, 3e-4), (79, 3e-4), (80, 3e-5), (159, 3e-5), (160, 3e-6)])
def test_the_rate_of_alpha_falls_at_its_milestones(epoch: int, expected: float) -> None:
    assert alpha_rate(SearchRecipe(), epoch) == pytest.approx(expected, rel=1e-9)


def test_the_temperature_falls_evenly_and_one_epoch_is_the_start() -> None:
    recipe = SearchRecipe(gate="sampled", epochs=12)
    assert [gate_temperature(recipe, epoch) for epoch in (0, 1, 11)] == pytest.approx([10.0, 9.1, 0.1])
    assert gate_temperature(SearchRecipe(gate="sampled", epochs=1), 0) == 10.0
    assert gate_temperature(SearchRecipe(gate="sampled", epochs=2), 1) == pytest.approx(0.1)


@pytest.mark.parametrize(("gate", "branches"), [("top-k", 3), ("mixture", 5), ("sampled", 1)])
def test_a_recipe_names_its_gate(gate: Any, branches: int) -> None:
    chosen = make_gate(SearchRecipe(gate=gate, k=3), 0)(torch.zeros(5), torch.Generator().manual_seed(0))
    assert len(chosen.branches) == branches


def test_eight_repeats_and_six_pairs_are_the_most() -> None:
    space = SpaceRecipe("deep", repeats=[1, 2, 3, 4, 5, 6, 7, 8]).build()
    assert len(space.candidates) == 48
    for wrong in ([9], [0], [1, 2, 3, 4, 5, 6, 7, 8, 9], [1] * 9):
        with pytest.raises(CdnetError):
            SpaceRecipe("deep", repeats=wrong).build()
    with pytest.raises(CdnetError, match="7 pairs of kernels"):
        SpaceRecipe("wide", pairs=[*SpaceRecipe().pairs, [3, 5]]).build()


def test_a_space_has_two_mblocks_a_stage_and_is_called_by_its_name() -> None:
    assert SearchSpace("mine", CDS.candidates).blocks == (2, 2, 2)
    assert SearchSpace("mine", CDS.candidates[:2], (1, 2, 1)).describe() == "mine ((3,5,1) (3,7,1) in 1+2+1 MBlocks)"
    genotype = CDS.genotype([0, 1, 2, 3, 4, 11], "found")
    assert [[str(choice) for choice in stage] for stage in genotype.stages] == [
        ["(3,5,1)", "(3,7,1)"],
        ["(3,9,1)", "(5,7,1)"],
        ["(5,9,1)", "(7,9,2)"],
    ]
    assert genotype.source == ""


def test_the_papers_spaces_have_its_pairs_once_and_twice() -> None:
    pairs = [(3, 5), (3, 7), (3, 9), (5, 7), (5, 9), (7, 9)]
    assert [(c.k1, c.k2, c.repeats) for c in CS.candidates] == [(*pair, 1) for pair in pairs]
    assert [(c.k1, c.k2, c.repeats) for c in CDS.candidates] == [(*pair, r) for r in (1, 2) for pair in pairs]
    assert {name: space.name for name, space in SPACES.items()} == {"CS": "CS", "CDS": "CDS"}


@pytest.mark.parametrize(("name", "called"), [("mine", "the space mine"), ("own space", "own space")])
def test_a_refused_space_is_called_by_its_name(name: str, called: str) -> None:
    with pytest.raises(CdnetError, match=f"^{called} has 1 candidate"):
        SearchSpace(name, CDS.candidates[:1])
    for blocks in ((2, 2), (2, 2, 2, 2), (0, 2, 2)):
        with pytest.raises(CdnetError, match=f"^{called} needs at least one MBlock in each of 3 stages"):
            SearchSpace(name, CDS.candidates, blocks)
    for wrong in (CDChoice(5, 3), CDChoice(5, 5), CDChoice(3, 11), CDChoice(1, 3)):
        with pytest.raises(CdnetError, match="no CDBlock"):
            SearchSpace(name, (CDChoice(3, 5), wrong))
    assert SearchSpace(name, CDS.candidates[:2], (1, 1, 1)).size == 8

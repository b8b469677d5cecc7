"""Costs against counting whole networks, and the budget against trying every architecture."""

from __future__ import annotations

import dataclasses
import random
from itertools import product
from pathlib import Path

import pytest
import torch

from cdnet import CdnetError, create_model
from cdnet.engine.record import read_log
from cdnet.genotype import read_genotype
from cdnet.nn.counts import count
from cdnet.search.cost import CostTable, choose_within, cost_table, expected_cost
from cdnet.search.recipe import CostRecipe, SearchRecipe
from cdnet.search.run import search
from cdnet.search.space import CS


@pytest.mark.parametrize("kind", ["macs", "params"])
def test_table_equals_counting_the_network(kind: str) -> None:
    table = cost_table(CS, kind, 0.25, (64, 32))
    chance = random.Random(0)
    for _ in range(5):
        chosen = [chance.randrange(6) for _ in range(6)]
        network = create_model(CS.genotype(chosen, "any"), 0.25)
        assert table.of(chosen) == getattr(count(network, 64, 32), kind)


def small_table(seed: int, mblocks: int) -> tuple[torch.Tensor, CostTable]:
    generator = torch.Generator().manual_seed(seed)
    alpha = torch.randn(mblocks, 4, generator=generator)
    costs = torch.randint(0, 30, (mblocks, 4), generator=generator).double()
    costs -= costs[:, :1].clone()
    return alpha, CostTable(costs, 100.0)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("mblocks", [1, 3, 4])
def test_budget_against_every_architecture(seed: int, mblocks: int) -> None:
    alpha, table = small_table(seed, mblocks)
    scores = alpha.double().log_softmax(1)
    everything = [
        (float(sum(scores[m, j] for m, j in enumerate(chosen))), table.of(list(chosen)), list(chosen))
        for chosen in product(range(4), repeat=mblocks)
    ]
    costs = sorted(cost for _, cost, _ in everything)
    for budget in (costs[0], costs[len(costs) // 3], costs[len(costs) // 2], costs[-1]):
        best = max((entry for entry in everything if entry[1] <= budget), key=lambda entry: entry[0])
        found = choose_within(alpha, table, budget)
        assert table.of(found) <= budget
        assert found == best[2]
    assert choose_within(alpha, table, None) == alpha.argmax(1).tolist()
    with pytest.raises(CdnetError, match="the cheapest costs"):
        choose_within(alpha, table, costs[0] - 1)


def test_a_budget_is_kept_in_a_space_of_millions_of_millions() -> None:
    # Costs that are all equal but for one expensive candidate an MBlock, so that the best choice can be said at once.
    generator = torch.Generator().manual_seed(0)
    alpha = torch.randn(15, 12, generator=generator)
    costs = torch.zeros(15, 12, dtype=torch.double)
    costs.scatter_(1, alpha.argmax(1, keepdim=True), 10.0)
    losses = (alpha.topk(2, 1).values @ torch.tensor([1.0, -1.0])).argsort()
    second = [int(row.topk(2).indices[1]) for row in alpha]
    for allowed in (0, 4, 15):
        expected = alpha.argmax(1).tolist()
        for mblock in losses[: 15 - allowed].tolist():
            expected[mblock] = second[mblock]
        assert choose_within(alpha, CostTable(costs, 5.0), 5.0 + 10 * allowed) == expected


def test_expected_cost_is_the_mean_over_all_architectures() -> None:
    alpha, table = small_table(7, 3)
    probabilities = alpha.double().softmax(1)
    mean = sum(
        float(torch.stack([probabilities[m, j] for m, j in enumerate(chosen)]).prod()) * table.of(list(chosen))
        for chosen in product(range(4), repeat=3)
    )
    assert float(expected_cost(alpha.double(), table)) == pytest.approx(mean)
    assert table.mean == pytest.approx(float(expected_cost(torch.zeros(3, 4), table)))


def test_a_search_keeps_its_budget(recipe: SearchRecipe, tmp_path: Path) -> None:
    recipe.epochs = 1
    table = cost_table(recipe.space.build(), "macs", 0.5, (128, 64))
    budget = table.least * 1.02
    recipe.cost = CostRecipe("macs", weight=1.0, budget=budget, width=0.5, size="128x64")
    genotype = read_genotype(search(recipe, tmp_path / "run"))
    assert count(create_model(genotype, 0.5), 128, 64).macs <= budget
    assert read_log(tmp_path / "run")[0]["expected_cost"] == pytest.approx(table.mean, rel=0.01)
    recipe.cost.budget = table.least * 0.99
    with pytest.raises(CdnetError, match="no network in small costs at most"):
        search(recipe, tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_weighing_the_cost_makes_networks_cheaper(recipe: SearchRecipe, tmp_path: Path) -> None:
    recipe.epochs, recipe.alpha.lr = 6, 0.05
    recipe.cost = CostRecipe("macs", weight=0.0)
    search(recipe, tmp_path / "free")
    search(dataclasses.replace(recipe, cost=CostRecipe("macs", weight=100.0)), tmp_path / "weighed")
    free, weighed = (read_log(tmp_path / name)[-1]["expected_cost"] for name in ("free", "weighed"))
    assert weighed < free

"""What architectures cost: expected over alpha, for the search's loss, and exactly, for a budget that is kept."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from cdnet.errors import CdnetError
from cdnet.nn.counts import count
from cdnet.nn.model import create_model
from cdnet.search.space import SearchSpace


class CostTable(NamedTuple):
    """What networks cost, FNeck's squeeze included: MACs or parameters as ``cdnet info`` prints them, or milliseconds.

    ``candidates`` is M x n: what each candidate costs more than the first one in its MBlock. ``first`` is what the
    network of all the first ones costs. ``unit`` is ``macs``, ``params`` or ``ms``. All are multiples of a
    power of two, so that sums of them are exact.
    """

    candidates: Tensor
    first: float
    unit: str = ""

    def say(self, cost: float) -> str:
        """Return a cost with its unit, such as ``600,000,000 macs`` or ``12.345 ms``."""
        return (f"{cost:.6g} ms" if self.unit == "ms" else f"{cost:,.0f} {self.unit}").rstrip()

    def of(self, chosen: list[int]) -> float:
        """Return what the network of a choice costs."""
        return self.first + float(self.candidates[torch.arange(len(chosen)), torch.tensor(chosen)].sum())

    @property
    def mean(self) -> float:
        """What a network drawn at random costs, on average."""
        return self.first + float(self.candidates.mean(1).sum())

    @property
    def least(self) -> float:
        """What the cheapest network costs."""
        return self.first + float(self.candidates.amin(1).sum())


def cost_table(space: SearchSpace, kind: str, width: float, size: tuple[int, int]) -> CostTable:
    """Count the MACs or parameters of each candidate where it would stand.

    Args:
        space: the search space.
        kind: ``macs`` or ``params``.
        width: width multiplier of the network that is to be used.
        size: height and width of its pictures.
    """
    # Costs add up block by block: networks that differ in one block differ by that block's cost.
    base = [0] * space.mblocks
    first = _cost(space, base, kind, width, size)
    table = torch.zeros(space.mblocks, len(space.candidates), dtype=torch.double)
    for mblock in range(space.mblocks):
        for candidate in range(1, len(space.candidates)):
            changed = [*base[:mblock], candidate, *base[mblock + 1 :]]
            table[mblock, candidate] = _cost(space, changed, kind, width, size) - first
    return CostTable(table, first, kind)


def _cost(space: SearchSpace, chosen: list[int], kind: str, width: float, size: tuple[int, int]) -> float:
    with torch.device("meta"):
        model = create_model(space.genotype(chosen, "counted"), width)
    return float(getattr(count(model, *size), kind))


def expected_cost(alpha: Tensor, table: CostTable) -> Tensor:
    """Return the mean cost over architectures drawn by alpha's softmax: a scalar, differentiable in alpha M x n."""
    return table.first + (alpha.softmax(1) * table.candidates.to(alpha)).sum()


def choose_within(alpha: Tensor, table: CostTable, budget: float | None) -> list[int]:
    """Return the most probable architecture that costs at most ``budget``, one candidate an MBlock.

    Without a budget that is each MBlock's greatest alpha. With one, all architectures are compared, exactly: the
    MBlocks are halved, and for each choice in one half the best that the rest of the budget allows in the other.

    Raises:
        CdnetError: if no architecture costs so little.
    """
    if budget is None:
        return [int(index) for index in alpha.argmax(1)]
    if table.least > budget:
        raise CdnetError(f"no network costs at most {table.say(budget)}; the cheapest costs {table.say(table.least)}")
    scores = alpha.detach().double().cpu().log_softmax(1)
    middle = len(scores) // 2
    one, two = (_combinations(scores[rows], table.candidates[rows]) for rows in (slice(middle), slice(middle, None)))
    order = two.costs.argsort(stable=True)
    best_score, best_place = two.scores[order].cummax(0)
    left = budget - table.first - one.costs
    reach = torch.searchsorted(two.costs[order], left, right=True) - 1
    totals = torch.where(reach >= 0, one.scores + best_score[reach.clamp_min(0)], -torch.inf)
    first = int(totals.argmax())
    second = int(order[best_place[reach[first]]])
    n = alpha.shape[1]
    return [*_digits(first, n, middle), *_digits(second, n, len(scores) - middle)]


class _Half(NamedTuple):
    scores: Tensor
    costs: Tensor


def _combinations(scores: Tensor, costs: Tensor) -> _Half:
    # Sums over every choice of one entry a row, the last row's varying fastest.
    total_scores, total_costs = torch.zeros(1, dtype=torch.double), torch.zeros(1, dtype=torch.double)
    for row, cost in zip(scores, costs, strict=True):
        total_scores = (total_scores[:, None] + row).flatten()
        total_costs = (total_costs[:, None] + cost).flatten()
    return _Half(total_scores, total_costs)


def _digits(number: int, base: int, length: int) -> list[int]:
    digits = []
    for _ in range(length):
        number, digit = divmod(number, base)
        digits.append(digit)
    return digits[::-1]

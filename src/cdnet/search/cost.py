"""What architectures cost: expected over alpha, for the search's loss, and exactly, for a budget that is kept."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from cdnet.errors import CdnetError
from cdnet.nn.blocks import CDBlock
from cdnet.nn.counts import count
from cdnet.nn.model import create_model
from cdnet.search.position import find_positions
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
    with torch.device("meta"):
        network = create_model(space.genotype([0] * space.mblocks, "counted"), width)
        positions = find_positions(space, width, size)
        blocks = {
            at: [CDBlock(at.in_channels, at.out_channels, (c.k1, c.k2), c.repeats) for c in space.candidates]
            for at in set(positions)
        }
    # Costs add up block by block, and MBlocks of one position cost the same.
    counted = {
        at: [getattr(count(block, at.height, at.width, at.in_channels), kind) for block in row]
        for at, row in blocks.items()
    }
    costs = torch.tensor([counted[position] for position in positions], dtype=torch.double)
    return CostTable(costs - costs[:, :1], float(getattr(count(network, *size), kind)), kind)


def expected_cost(alpha: Tensor, table: CostTable) -> Tensor:
    """Return the mean cost over architectures drawn by alpha's softmax: a scalar, differentiable in alpha M x n."""
    return table.first + (alpha.softmax(1) * table.candidates.to(alpha)).sum()


def choose_within(alpha: Tensor, table: CostTable, budget: float | None) -> list[int]:
    """Return the most probable architecture that costs at most ``budget``, one candidate an MBlock.

    Without a budget that is each MBlock's greatest alpha. With one, it is exact: MBlock by MBlock, the choices so far
    are kept that no other beats in both probability and cost, for only these can be the beginning of the best.

    Raises:
        CdnetError: if no architecture costs so little.
    """
    if budget is None:
        return [int(index) for index in alpha.argmax(1)]
    if table.least > budget:
        raise CdnetError(f"no network costs at most {table.say(budget)}; the cheapest costs {table.say(table.least)}")
    n = alpha.shape[1]
    best = _Choices(torch.zeros(1, dtype=torch.double), torch.zeros(1, dtype=torch.double), torch.zeros(1, 0).long())
    left = table.candidates.amin(1).sum()
    for row, costs in zip(alpha.detach().double().cpu().log_softmax(1), table.candidates, strict=True):
        left = left - costs.min()
        longer = _Choices(
            (best.scores[:, None] + row).flatten(),
            (best.costs[:, None] + costs).flatten(),
            torch.cat([best.chosen.repeat_interleave(n, 0), torch.arange(n).repeat(len(best.chosen))[:, None]], 1),
        )
        best = longer.unbeaten(budget - table.first - float(left))
    return [int(index) for index in best.chosen[-1]]


class _Choices(NamedTuple):
    """Choices in the first MBlocks: the logarithms of their probabilities, their costs, and L x m candidates."""

    scores: Tensor
    costs: Tensor
    chosen: Tensor

    def unbeaten(self, most: float) -> _Choices:
        """Keep those that cost at most ``most`` and are more probable than all that cost no more, cheapest first."""
        order = self.scores.argsort(descending=True, stable=True)
        order = order[self.costs[order].argsort(stable=True)]
        order = order[self.costs[order] <= most]
        scores = self.scores[order]
        before = torch.cat([scores.new_tensor([-torch.inf]), scores.cummax(0).values[:-1]])
        kept = order[scores > before]
        return _Choices(self.scores[kept], self.costs[kept], self.chosen[kept])

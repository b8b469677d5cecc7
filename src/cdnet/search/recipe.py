"""A search recipe: the space, the gate, and both optimisers of Algorithm 1. Every key is also a command-line option."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path
from typing import Literal

from cdnet.data.recipe import DataRecipe, parse_size
from cdnet.errors import CdnetError
from cdnet.genotype import CDChoice
from cdnet.search.space import CK, SPACES, SearchSpace
from cdnet.train.recipe import (
    MOST_BATCH,
    MOST_EPOCHS,
    AugmentRecipe,
    BatchRecipe,
    LossRecipe,
    Rule,
    refuse_senseless,
    rising,
    shared_rules,
)

MOST_THREADS = 1024


@dataclass
class SpaceRecipe:
    """What is searched.

    Args:
        name: how the space is called; one of CS or CDS with other contents is called "own space".
        pairs: kernel pairs (k1, k2) that a CBlock may have.
        repeats: numbers of CBlocks that a CDBlock may have; [1] is CS, [1, 2] is CDS.
        blocks: MBlocks in each of the three stages.
    """

    name: str = "CDS"
    pairs: list[list[int]] = field(default_factory=lambda: [list(pair) for pair in CK])
    repeats: list[int] = field(default_factory=lambda: [1, 2])
    blocks: list[int] = field(default_factory=lambda: [2, 2, 2])

    def build(self) -> SearchSpace:
        """Return the space.

        Raises:
            CdnetError: if it leaves nothing to choose, or has what is no CDBlock.
        """
        if not self.name.isprintable():
            raise CdnetError("--space.name has a character that cannot be printed")
        # What was changed is no longer the paper's space, whatever the recipe that it began from calls it.
        name = "own space" if self.name in SPACES else self.name
        if any(len(pair) != 2 for pair in self.pairs):
            raise CdnetError(f"{name} has a pair of kernels that is not two numbers")
        candidates = (CDChoice(k1, k2, r) for r, (k1, k2) in product(self.repeats, self.pairs))
        space = SearchSpace(name, tuple(candidates), tuple(self.blocks))
        paper = SPACES.get(self.name)
        return paper if paper is not None and replace(space, name=self.name) == paper else space


@dataclass
class WeightsRecipe:
    """Stochastic gradient descent on the network parameters w.

    Args:
        lr: learning rate at the start.
        lr_end: learning rate at the end, reached by a cosine.
        momentum: of SGD.
        weight_decay: on all weights.
    """

    lr: float = 0.025
    lr_end: float = 1e-4
    momentum: float = 0.9
    weight_decay: float = 3e-4


@dataclass
class AlphaRecipe:
    """Adam on the architecture parameters alpha.

    Args:
        lr: learning rate at the start.
        betas: of Adam.
        weight_decay: on alpha.
        milestones: epochs at which the rate falls.
        factor: by which it falls.
    """

    lr: float = 3e-4
    betas: list[float] = field(default_factory=lambda: [0.5, 0.999])
    weight_decay: float = 1e-3
    milestones: list[int] = field(default_factory=lambda: [80, 160])
    factor: float = 0.1


@dataclass
class CostRecipe:
    """What the network may cost where it is to be used, with FNeck's squeeze.

    Args:
        kind: none, macs or params, as ``cdnet info`` counts them, or latency, as a table says.
        weight: of the expected cost in alpha's loss, as a share of the budget, or of the space's mean without one.
        budget: the most that the derived network may cost, such as 600e6 MACs, or 12 for latency in milliseconds.
        width: width multiplier of the network that is to be used.
        size: height x width of its pictures.
        table: the file that ``cdnet search latency`` wrote, for latency.
        batch: pictures a pass, for latency.
        threads: of the processor, for latency; by default as many as torch takes, or those of the table.
    """

    kind: Literal["none", "macs", "params", "latency"] = "none"
    weight: float = 0.0
    budget: float | None = None
    width: float = 1.0
    size: str = "256x128"
    table: Path | None = None
    batch: int = 1
    threads: int | None = None


@dataclass
class SearchRecipe:
    """A whole search; the defaults are the paper's, for CDNet by top-2 on Market-1501.

    Args:
        space: what is searched.
        gate: top-k (the paper's), mixture (DARTS, first order) or sampled (GDAS).
        k: branches that top-k computes.
        width: width multiplier beta.
        size: height x width of the pictures.
        data: which pictures.
        batch: P x K, on both sides of the split.
        augment: of the training side; the validation side is not varied.
        loss: of Equation 9.
        weights: the optimiser of w.
        alpha: the optimiser of alpha.
        cost: what the network may cost.
        epochs: in all.
        validation: pictures of each identity that update alpha; the rest update w.
        seed: decides the first weights, the split, the batches, and ties.
        device: auto, cpu, or cuda.
        precision: fp32 or bf16 (mixed precision); alpha's gradients are too small for fp16.
    """

    space: SpaceRecipe = field(default_factory=SpaceRecipe)
    gate: Literal["top-k", "mixture", "sampled"] = "top-k"
    k: int = 2
    width: float = 1.0
    size: str = "256x128"
    data: DataRecipe = field(default_factory=DataRecipe)
    batch: BatchRecipe = field(default_factory=BatchRecipe)
    augment: AugmentRecipe = field(default_factory=AugmentRecipe)
    loss: LossRecipe = field(default_factory=LossRecipe)
    weights: WeightsRecipe = field(default_factory=WeightsRecipe)
    alpha: AlphaRecipe = field(default_factory=AlphaRecipe)
    cost: CostRecipe = field(default_factory=CostRecipe)
    epochs: int = 240
    validation: int = 4
    seed: int = 0
    device: Literal["auto", "cpu", "cuda"] = "auto"
    precision: Literal["fp32", "bf16"] = "fp32"


def check_search(recipe: SearchRecipe) -> None:
    """Refuse values that are of the right type but make no sense.

    Raises:
        CdnetError: with the first such key.
    """
    from cdnet.nn.model import check_width  # here, so that `cdnet search --help` need not wait for torch

    candidates = len(recipe.space.build().candidates)
    cost = recipe.cost
    for width, size in ((recipe.width, recipe.size), (cost.width, cost.size)):
        check_width(width)
        parse_size(size)
    counted, timed = cost.kind != "none", cost.kind == "latency"
    rules = [
        ("k", recipe.gate != "top-k" or 1 <= recipe.k <= candidates, f"from 1 to {candidates}, the candidates"),
        ("epochs", 1 <= recipe.epochs <= MOST_EPOCHS, f"from 1 to {MOST_EPOCHS:,}"),
        ("validation", recipe.validation >= 1, "at least 1"),
        ("weights.lr", recipe.weights.lr > 0, "above 0"),
        ("weights.lr_end", recipe.weights.lr_end >= 0, "at least 0"),
        ("weights.momentum", 0 <= recipe.weights.momentum < 1, "from 0 to below 1"),
        ("weights.weight_decay", recipe.weights.weight_decay >= 0, "at least 0"),
        ("alpha.lr", recipe.alpha.lr > 0, "above 0"),
        ("alpha.betas", len(recipe.alpha.betas) == 2 and all(0 <= b < 1 for b in recipe.alpha.betas), "two below 1"),
        ("cost.kind", counted or not (cost.weight or cost.budget), "macs, params or latency to weigh or bound it"),
        ("cost.kind", timed or cost.table is None, "latency to use --cost.table"),
        ("cost.table", not timed or cost.table is not None, "a file of `cdnet search latency`"),
        *machine_rules(cost),
        ("cost.weight", 0 <= cost.weight < math.inf, "at least 0, and finite"),
        ("cost.budget", cost.budget is None or 0 < cost.budget < math.inf, "above 0, and finite"),
        ("alpha.weight_decay", recipe.alpha.weight_decay >= 0, "at least 0"),
        ("alpha.milestones", rising(recipe.alpha.milestones), "epochs above 0 in rising order"),
        ("alpha.factor", 0 < recipe.alpha.factor <= 1, "above 0 and at most 1"),
    ]
    refuse_senseless([*rules, *shared_rules(recipe.batch, recipe.augment, recipe.loss, recipe.seed)])


def machine_rules(cost: CostRecipe) -> list[Rule]:
    """Return the rules of how a machine is used when latency is measured."""
    return [
        ("cost.batch", 1 <= cost.batch <= MOST_BATCH, f"from 1 to {MOST_BATCH:,}"),
        ("cost.threads", cost.threads is None or 1 <= cost.threads <= MOST_THREADS, f"from 1 to {MOST_THREADS:,}"),
    ]

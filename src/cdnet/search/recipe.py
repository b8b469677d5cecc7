"""A search recipe: the space, the gate, and both optimisers of Algorithm 1. Every key is also a command-line option.

Where the defaults come from:

- The paper (Section 7.1): 240 epochs, batches of 16 x 4 on both sides, 4 pictures of each identity for validation, both
  optimisers' rates, schedules and decays, the margin of 0.3. Section 4.2: random erasing in all experiments.
- The authors' release, where the paper is silent: momentum 0.9, Adam's betas (0.5, 0.999), every alpha starting at
  1e-3, flip and crop, the probability of erasing, one augmentation for both sides, the triplet loss on features as
  they are. Its own erasing step leaves every pixel as it is, so that its searches ran without.
- Ours: ties between equal alphas are broken at random, where the release takes what ``torch.topk`` returns, the same
  branches until alpha has moved. Only selected branches enter the sum, as Equations 5 and 8 have it; the release adds
  the weights of the others, which are 0 and yet carry a gradient to alpha. Its supernet has a 1x1 convolution after
  stage 3 and dropout of 0.2; the networks of Figure 4 have neither, and neither has our supernet. The split is
  disjoint, as Algorithm 1 has it and the release has it not (:mod:`cdnet.search.split`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path
from typing import Literal

from cdnet.data.recipe import SeveralDataRecipe
from cdnet.engine.recipe import (
    MOST_BATCH,
    MOST_EPOCHS,
    Rule,
    above_zero,
    at_least_zero,
    refuse_senseless,
    rising,
)
from cdnet.errors import CdnetError
from cdnet.genotype import MAX_REPEATS, CDChoice
from cdnet.model_input import parse_size
from cdnet.search.space import CK, SPACES, SearchSpace
from cdnet.train.recipe import AugmentRecipe, BatchRecipe, LossRecipe, shared_rules

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
        if len(self.pairs) > len(CK) or len(self.repeats) > MAX_REPEATS:
            raise CdnetError(
                f"{name} has {len(self.pairs):,} pairs of kernels and {len(self.repeats):,} numbers of CBlocks; "
                f"there are {len(CK)} different pairs and {MAX_REPEATS} numbers"
            )
        candidates = (CDChoice(k1, k2, r) for r, (k1, k2) in product(self.repeats, self.pairs))
        space = SearchSpace(name, tuple(candidates), tuple(self.blocks))
        paper = SPACES.get(self.name)
        return paper if paper is not None and replace(space, name=self.name) == paper else space


@dataclass
class SidesRecipe(AugmentRecipe):
    """How pictures are varied, on both sides of the split.

    Args:
        both: vary alpha's pictures as w's are; false leaves alpha's as they are.
    """

    both: bool = True

    @property
    def of_alpha(self) -> AugmentRecipe:
        """How the pictures that update alpha are varied."""
        return self if self.both else AugmentRecipe(flip=0, pad=0, erase=0)


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
class TemperatureRecipe:
    """The temperature of the sampled gate, which falls by the same amount from each epoch to the next.

    Args:
        start: in the first epoch.
        end: in the last epoch.
    """

    start: float = 10.0
    end: float = 0.1


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
    """A whole search; the defaults are those of the paper's search for CDNet by top-2 on Market-1501, as said above.

    Args:
        space: what is searched.
        gate: top-k (the paper's), mixture (DARTS, first order) or sampled (GDAS).
        k: branches that top-k computes.
        temperature: of sampled, GDAS's own schedule; the other gates have none.
        width: width multiplier beta.
        size: height x width of the pictures.
        data: which pictures.
        batch: P x K, on both sides of the split.
        augment: of both sides.
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
    temperature: TemperatureRecipe = field(default_factory=TemperatureRecipe)
    width: float = 1.0
    size: str = "256x128"
    data: SeveralDataRecipe = field(default_factory=SeveralDataRecipe)
    batch: BatchRecipe = field(default_factory=BatchRecipe)
    augment: SidesRecipe = field(default_factory=SidesRecipe)
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
        *temperature_rules(recipe),
        ("epochs", 1 <= recipe.epochs <= MOST_EPOCHS, f"from 1 to {MOST_EPOCHS:,}"),
        ("validation", recipe.validation >= 1, "at least 1"),
        above_zero("weights.lr", recipe.weights.lr),
        at_least_zero("weights.lr_end", recipe.weights.lr_end),
        ("weights.momentum", 0 <= recipe.weights.momentum < 1, "from 0 to below 1"),
        at_least_zero("weights.weight_decay", recipe.weights.weight_decay),
        above_zero("alpha.lr", recipe.alpha.lr),
        ("alpha.betas", len(recipe.alpha.betas) == 2 and all(0 <= b < 1 for b in recipe.alpha.betas), "two below 1"),
        ("cost.kind", counted or not (cost.weight or cost.budget), "macs, params or latency to weigh or bound it"),
        ("cost.kind", timed or cost.table is None, "latency to use --cost.table"),
        ("cost.table", not timed or cost.table is not None, "a file of `cdnet search latency`"),
        *machine_rules(cost),
        ("cost.weight", 0 <= cost.weight < math.inf, "at least 0, and finite"),
        ("cost.budget", cost.budget is None or 0 < cost.budget < math.inf, "above 0, and finite"),
        at_least_zero("alpha.weight_decay", recipe.alpha.weight_decay),
        ("alpha.milestones", rising(recipe.alpha.milestones), "epochs above 0 in rising order"),
        ("alpha.factor", 0 < recipe.alpha.factor <= 1, "above 0 and at most 1"),
    ]
    refuse_senseless([*rules, *shared_rules(recipe.batch, recipe.augment, recipe.loss, recipe.seed)])


def temperature_rules(recipe: SearchRecipe) -> list[Rule]:
    """Return the rules of the gate's temperature."""
    sampled, given = recipe.gate == "sampled", recipe.temperature
    allowed = "from 0.001 to 1000"
    return [
        ("temperature", sampled or given == TemperatureRecipe(), "left alone where --gate is not sampled"),
        ("temperature.start", 1e-3 <= given.start <= 1e3, allowed),
        ("temperature.end", 1e-3 <= given.end <= 1e3, allowed),
    ]


def machine_rules(cost: CostRecipe) -> list[Rule]:
    """Return the rules of how a machine is used when latency is measured."""
    return [
        ("cost.batch", 1 <= cost.batch <= MOST_BATCH, f"from 1 to {MOST_BATCH:,}"),
        ("cost.threads", cost.threads is None or 1 <= cost.threads <= MOST_THREADS, f"from 1 to {MOST_THREADS:,}"),
    ]

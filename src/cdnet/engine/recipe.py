"""The sections that all recipes of descent share, and the refusal of values that make no sense."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

from cdnet.errors import CdnetError

Rule = tuple[str, bool, str]
"""A recipe's key, whether its value is fine, and what is allowed."""

MOST_EPOCHS, MOST_PAD, MOST_BATCH, MOST_WEIGHT = 1_000_000, 2048, 65_536, 1e6
"""Far above what makes sense, and far below what no machine could hold."""


@dataclass
class OptimRecipe:
    """Stochastic gradient descent.

    Args:
        lr: learning rate at its highest.
        momentum: of SGD.
        nesterov: Nesterov's momentum.
        weight_decay: on all weights.
    """

    lr: float = 0.065
    momentum: float = 0.9
    nesterov: bool = False
    weight_decay: float = 5e-4


@dataclass
class ScheduleRecipe:
    """How the learning rate moves.

    Args:
        epochs: in all.
        kind: step (times factor at each milestone), cosine (to 0 at the end) or exponential (times factor each epoch).
        warmup: epochs of linear warm-up from a hundredth.
        milestones: epochs at which a step schedule falls.
        factor: by which it falls.
    """

    epochs: int = 350
    kind: Literal["step", "cosine", "exponential"] = "step"
    warmup: float = 0.0
    milestones: list[int] = field(default_factory=lambda: [150, 225, 300])
    factor: float = 0.1


def descent_rules(optim: OptimRecipe, schedule: ScheduleRecipe) -> list[Rule]:
    """Return the rules of the sections that training and classification share."""
    return [
        ("schedule.epochs", 1 <= schedule.epochs <= MOST_EPOCHS, f"from 1 to {MOST_EPOCHS:,}"),
        ("schedule.warmup", 0 <= schedule.warmup <= MOST_EPOCHS, f"at least 0, and at most {MOST_EPOCHS:,}"),
        ("schedule.milestones", rising(schedule.milestones), "epochs above 0 in rising order"),
        ("schedule.factor", 0 < schedule.factor <= 1, "above 0 and at most 1"),
        above_zero("optim.lr", optim.lr),
        ("optim.momentum", 0 <= optim.momentum < 1, "from 0 to below 1"),
        ("optim.nesterov", not optim.nesterov or optim.momentum > 0, "false where --optim.momentum is 0"),
        at_least_zero("optim.weight_decay", optim.weight_decay),
    ]


def above_zero(key: str, value: float) -> Rule:
    """Return the rule of a rate."""
    # One that is too high is told from the loss, when it is no longer finite.
    return key, 0 < value < math.inf, "above 0, and finite"


def at_least_zero(key: str, value: float) -> Rule:
    """Return the rule of a weight or a margin."""
    return key, 0 <= value <= MOST_WEIGHT, f"at least 0, and at most {MOST_WEIGHT:,.0f}"


def rising(milestones: list[int]) -> bool:
    """Tell whether milestones are epochs after the start, each later than the one before."""
    return all(before < after for before, after in pairwise([0, *milestones]))


def refuse_senseless(rules: Iterable[Rule]) -> None:
    """Refuse the first key whose rule does not hold.

    Raises:
        CdnetError: that names it and says what is allowed.
    """
    for key, fine, allowed in rules:
        if not fine:
            raise CdnetError(f"--{key.replace('_', '-')} must be {allowed}")

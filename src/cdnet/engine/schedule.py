"""The learning rate as a pure function of how far training is."""

from __future__ import annotations

import math
from collections.abc import Sequence

from cdnet.engine.recipe import ScheduleRecipe


def learning_rate(lr: float, schedule: ScheduleRecipe, epoch: float) -> float:
    """Return the learning rate at a point of training.

    Args:
        lr: the highest rate.
        schedule: its shape.
        epoch: epochs done, with the fraction of the running one, from 0 to ``schedule.epochs``.
    """
    if epoch < schedule.warmup:
        return lr * (0.01 + 0.99 * epoch / schedule.warmup)
    if schedule.kind == "cosine":
        progress = (epoch - schedule.warmup) / max(schedule.epochs - schedule.warmup, 1e-9)
        return lr * 0.5 * (1 + math.cos(math.pi * progress))
    if schedule.kind == "exponential":
        return lr * schedule.factor ** int(epoch)
    return lr * schedule.factor ** sum(epoch >= milestone for milestone in schedule.milestones)


def never_reached(milestones: Sequence[int], epochs: int) -> str:
    """Say which milestones lie beyond the last epoch, so that the rate never falls there; nothing if there are none."""
    beyond = [milestone for milestone in milestones if milestone >= epochs]
    if not beyond:
        return ""
    named = ", ".join(map(str, beyond))
    return f"of {epochs} epochs none reaches the milestone(s) {named}: the learning rate does not fall there"

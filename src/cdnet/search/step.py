"""What a step of the search gives, by name: packed into one vector, whose mean over an epoch is unpacked again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from cdnet.losses.objective import Losses
from cdnet.search.gate import Selection


class StepMeans(NamedTuple):
    """The means over steps of what :func:`pack` packed.

    Both sides' losses have the names of the log; ``bytes`` is what a step needed in memory; ``computed``, M x n, is the
    share of the steps in which each branch was computed to update w.
    """

    loss: float
    triplet: float
    softmax: float
    validation_loss: float
    validation_triplet: float
    validation_softmax: float
    bytes: float
    computed: list[list[float]]

    def losses(self) -> dict[str, float]:
        """Return both sides' losses by their names, rounded as the log has them."""
        return {name: round(getattr(self, name), 6) for name in LOSSES}


LOSSES = StepMeans._fields[:6]


def pack(on_train: Losses, on_validation: Losses, kept: int, selections: Sequence[Selection], n: int) -> Tensor:
    """Return what a step gave as one vector of doubles, the training side's loss first.

    Args:
        on_train: losses of the update of w, on BLNeck's one head.
        on_validation: losses of the update of alpha.
        kept: bytes that the step needed.
        selections: of the update of w, one an MBlock.
        n: branches of an MBlock.
    """
    total = on_train.total
    values = [part.detach() for side in (on_train, on_validation) for part in (side[0], side[1][0], side[2][0])]
    computed = torch.zeros(len(selections), n, dtype=torch.double, device=total.device)
    for row, selection in zip(computed, selections, strict=True):
        row[list(selection.branches)] = 1
    return torch.cat([torch.stack([*values, total.new_tensor(kept)]).double(), computed.flatten()])


def unpack(means: Sequence[float], n: int) -> StepMeans:
    """Return by name what the means of :func:`pack`'s vectors are; ``n`` branches an MBlock."""
    loss, triplet, softmax, *rest = means
    validation_loss, validation_triplet, validation_softmax, kept, *computed = rest
    rows = [computed[first : first + n] for first in range(0, len(computed), n)]
    on_validation = (validation_loss, validation_triplet, validation_softmax)
    return StepMeans(loss, triplet, softmax, *on_validation, bytes=kept, computed=rows)

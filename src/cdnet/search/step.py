"""What a step of the search gives, by the names of the log, and its means over an epoch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from cdnet.engine.step import Logged, StepValues, rounded
from cdnet.losses.objective import Losses
from cdnet.search.gate import Selection


@dataclass(frozen=True)
class SearchStep(StepValues):
    """Both sides' losses on BLNeck's one head, what the step needed, and what it computed; or the means over steps.

    ``bytes`` is what a step needed in memory; ``computed``, M x n, is 1 for each branch that was computed to update w,
    and in the mean the share of the steps in which it was.
    """

    loss: Tensor
    triplet: Tensor
    softmax: Tensor
    validation_loss: Tensor
    validation_triplet: Tensor
    validation_softmax: Tensor
    bytes: Tensor
    computed: Tensor

    @classmethod
    def of(
        cls, on_train: Losses, on_validation: Losses, kept: int, selections: Sequence[Selection], n: int
    ) -> SearchStep:
        """Gather what a step gave.

        Args:
            on_train: losses of the update of w.
            on_validation: losses of the update of alpha.
            kept: bytes that the step needed.
            selections: of the update of w, one an MBlock.
            n: branches of an MBlock.
        """
        computed = torch.zeros(len(selections), n, device=on_train.total.device)
        for row, selection in zip(computed, selections, strict=True):
            row[list(selection.branches)] = 1
        (triplet,), (softmax,) = on_train.triplet, on_train.softmax
        (validation_triplet,), (validation_softmax,) = on_validation.triplet, on_validation.softmax
        return cls(
            on_train.total,
            triplet,
            softmax,
            on_validation.total,
            validation_triplet,
            validation_softmax,
            on_train.total.new_tensor(kept),
            computed,
        )

    def losses(self) -> Logged:
        """Return both sides' losses by their names, rounded as the log has them."""
        return {name: rounded(getattr(self, name)) for name in LOSSES}


LOSSES = tuple(field.name for field in fields(SearchStep) if field.name not in ("bytes", "computed"))

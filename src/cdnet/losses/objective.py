"""The objectives of Equations 9 and 10: a triplet and a softmax loss for each head of the neck."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from torch import Tensor

from cdnet.losses.softmax import softmax_loss
from cdnet.losses.triplet import Margin, batch_hard_triplet


class LossInputs(Protocol):
    """What a head must offer: a feature for the triplet loss and scores for the softmax loss."""

    @property
    def triplet(self) -> Tensor: ...  # noqa: D102
    @property
    def scores(self) -> Tensor: ...  # noqa: D102


class Losses(NamedTuple):
    """The sum to minimise, and its parts head by head: (L_tri1, L_tri2, ...) and (L_id1, L_id2, ...)."""

    total: Tensor
    triplet: tuple[Tensor, ...]
    softmax: tuple[Tensor, ...]


def objective(
    heads: Sequence[LossInputs],
    identities: Tensor,
    margin: Margin = 0.3,
    smoothing: float = 0.0,
    normalise: bool = False,
    gather: Callable[[Tensor], Tensor] = lambda tensor: tensor,
    triplet_weight: float = 1.0,
) -> Losses:
    """Sum both losses over the heads: Equation 9 for BLNeck's one head, Equation 10 for FBLNeck's two.

    Args:
        heads: one or more heads with N rows each.
        identities: N integers.
        margin: of the triplet loss, a number or soft.
        smoothing: of the softmax loss.
        normalise: whether the triplet loss scales features to unit length.
        gather: joins a tensor's rows from all processes, so that the triplet loss mines over the whole batch.
        triplet_weight: of the triplet losses in the sum; the parts are without it. At 0 they have no gradient.
    """
    everyone = gather(identities)
    triplet = tuple(batch_hard_triplet(gather(head.triplet.float()), everyone, margin, normalise) for head in heads)
    softmax = tuple(softmax_loss(head.scores.float(), identities, smoothing) for head in heads)
    # At 0 the triplet losses are left out of the sum, for 0 times a gradient that is not finite is not 0.
    weighed = triplet if triplet_weight == 1 else tuple(triplet_weight * part for part in triplet if triplet_weight)
    return Losses(sum(weighed + softmax), triplet, softmax)  # type: ignore[arg-type]

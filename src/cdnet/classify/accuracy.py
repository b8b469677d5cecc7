"""How often the right class is among the first ones: a pure function of scores, and a network's run over a split."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from cdnet.errors import CdnetError


class Accuracy(NamedTuple):
    """Shares of the pictures, from 0 to 1, whose class has the highest score, and one of the five highest."""

    top1: float
    top5: float
    pictures: int


def ranks(scores: Tensor, labels: Tensor) -> Tensor:
    """Return the place of each picture's class in its scores, N integers from 0 for the highest.

    A class that is level with others comes after them, so that a network that cannot tell is not rewarded.

    Args:
        scores: N x C.
        labels: N integers in [0, C).
    """
    own = scores.gather(1, labels[:, None])
    return (scores >= own).sum(1) - 1


@torch.inference_mode()
def measure_accuracy(model: nn.Module, batches: Iterable[tuple[Tensor, Tensor]]) -> Accuracy:
    """Run a classifier over batches of normalised pictures and labels; it is left in the mode it was in.

    Raises:
        CdnetError: if a score is not finite.
    """
    was_training = model.training
    model.eval()
    places = []
    for images, labels in batches:
        scores = model(images).float()
        if not scores.isfinite().all():
            raise CdnetError("the network gives scores that are not finite numbers; lower --optim.lr")
        places.append(ranks(scores, labels).cpu())
    model.train(was_training)
    found = torch.cat(places)
    return Accuracy((found < 1).double().mean().item(), (found < 5).double().mean().item(), len(found))

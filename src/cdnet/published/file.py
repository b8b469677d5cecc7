"""A file of weights that others published, read, and what is wanted of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from cdnet.weights import TrainedOn


@dataclass(frozen=True)
class PublishedFile:
    """A published file, as each origin gets it.

    Args:
        path: where it is.
        tensors: what it holds, by their names there.
        trained_on: what the weights are to say of their training, as far as the file itself tells it.
        size: height and width of the pictures that the network is to get; None for those it was trained on.
        kind: ``reid`` or ``classes``; None for what the tensors tell.
    """

    path: Path
    tensors: dict[str, Tensor]
    trained_on: TrainedOn
    size: tuple[int, int] | None = None
    kind: str | None = None

"""A network that learns from a teacher: beside its heads, its feature mapped to as many numbers as the teacher has."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, nn

from cdnet.nn.model import ReidModel
from cdnet.nn.necks import Head


class Lesson(NamedTuple):
    """What learning from a teacher needs: the ``heads``, the inference ``feature`` N x D, and its map N x T."""

    heads: list[Head]
    feature: Tensor
    mapped: Tensor


class Taught(nn.Module):
    """A network in training with a linear map of its inference feature to the teacher's; the map serves training only.

    Args:
        network: the student.
        teacher_dim: numbers in the teacher's feature.
    """

    def __init__(self, network: ReidModel, teacher_dim: int) -> None:
        super().__init__()
        self.network = network
        self.map = nn.Linear(network.feature_dim, teacher_dim)

    def forward(self, images: Tensor) -> Lesson:
        """Map pictures N x 3 x H x W, in training mode, to a lesson."""
        heads = self.network(images)
        feature = self.network.neck.joined(heads)
        return Lesson(heads, feature, self.map(feature))

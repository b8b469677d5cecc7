"""A network that learns from a teacher: beside its heads, its feature mapped to as many numbers as the teacher has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from torch import Tensor, nn

from cdnet.nn.model import ReidModel
from cdnet.nn.necks import Head


class Lesson(NamedTuple):
    """What learning from a teacher needs: ``heads``, the ``features`` N x D that are compared, and their maps N x T."""

    heads: list[Head]
    features: list[Tensor]
    mapped: list[Tensor]


class Taught(nn.Module):
    """A network in training with a linear map of its inference feature to the teacher's; the map serves training only.

    Args:
        network: the student.
        teacher_dim: numbers in the teacher's feature.
        head_dims: numbers in each head's feature, if each is to have a map of its own in place of the joined one.
    """

    def __init__(self, network: ReidModel, teacher_dim: int, head_dims: Sequence[int] | None = None) -> None:
        super().__init__()
        self.network = network
        self.map = (
            nn.Linear(network.feature_dim, teacher_dim)
            if head_dims is None
            else nn.ModuleList(nn.Linear(dim, teacher_dim) for dim in head_dims)
        )

    def forward(self, images: Tensor) -> Lesson:
        """Map pictures N x 3 x H x W, in training mode, to a lesson."""
        heads = self.network(images)
        if isinstance(self.map, nn.ModuleList):
            features = [head.triplet for head in heads]
            return Lesson(heads, features, [one(feature) for one, feature in zip(self.map, features, strict=True)])
        feature = self.network.neck.joined(heads)
        return Lesson(heads, [feature], [self.map(feature)])

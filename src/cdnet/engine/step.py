"""What a step gives, by name, and the vector of all of it, whose sum over an epoch a checkpoint keeps."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Self

import torch
from torch import Tensor


@dataclass(frozen=True)
class StepValues:
    """What a step gives: a subclass has a field for each value, first the loss to watch.

    A value is a tensor of any shape, the same at every step, or None where this work has none.
    """

    def pack(self) -> Tensor:
        """Return all values in one vector of doubles, detached."""
        return torch.cat([value.detach().double().flatten() for value in self.given().values()])

    def unpack(self, vector: Tensor) -> Self:
        """Return by name what a vector of :meth:`pack` holds, in the shapes of this step's values."""
        given = self.given()
        parts = torch.split(vector, [value.numel() for value in given.values()])
        return replace(self, **{name: part.view(given[name].shape) for name, part in zip(given, parts, strict=True)})

    def given(self) -> dict[str, Tensor]:
        """Return the values that there are."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in values.items() if value is not None}


Logged = dict[str, float | list[float]]
"""Values as logs have them, by name."""


def rounded(value: Tensor) -> float | list[float]:
    """Return a number or a list of them as logs have them, of at most six digits behind the point."""
    return round(value.item(), 6) if value.dim() == 0 else [round(number, 6) for number in value.tolist()]

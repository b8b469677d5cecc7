"""The few transforms of torchvision that torchreid names, for a machine where no torchvision can be had.

They make the same calls of Pillow and PyTorch as torchvision's do, one picture at a time, so that torchreid is neither
faster nor slower for it. Where torchvision is installed, it is used.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

Step = Callable[[Any], Any]


def modules() -> dict[str, ModuleType]:
    """Return what stands for torchvision and its transforms, by their names."""
    package, transforms = ModuleType("torchvision"), ModuleType("torchvision.transforms")
    for step in (Compose, Resize, RandomHorizontalFlip, ToTensor, Normalize):
        setattr(transforms, step.__name__, step)
    transforms.ColorJitter = None  # type: ignore[attr-defined]  # named by torchreid, and no part of what is measured
    package.transforms = transforms  # type: ignore[attr-defined]
    return {"torchvision": package, "torchvision.transforms": transforms}


class Compose:
    """One step after the other."""

    def __init__(self, transforms: Sequence[Step]) -> None:
        self.transforms = transforms

    def __call__(self, picture: Any) -> Any:
        """Do all steps."""
        for step in self.transforms:
            picture = step(picture)
        return picture


class Resize:
    """To height x width, bilinear."""

    def __init__(self, size: tuple[int, int]) -> None:
        self.height, self.width = size

    def __call__(self, picture: Image.Image) -> Image.Image:
        """Resize."""
        return picture.resize((self.width, self.height), Image.Resampling.BILINEAR)


class RandomHorizontalFlip:
    """The mirror image, as often as not."""

    def __call__(self, picture: Image.Image) -> Image.Image:
        """Mirror or leave as it is."""
        return picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if torch.rand(1) < 0.5 else picture


class ToTensor:
    """Bytes H x W x 3 to floats 3 x H x W from 0 to 1."""

    def __call__(self, picture: Image.Image) -> Tensor:
        """Convert."""
        return torch.from_numpy(np.array(picture)).permute(2, 0, 1).contiguous().to(torch.float32).div(255)


class Normalize:
    """(value - mean) / deviation, channel by channel."""

    def __init__(self, mean: Sequence[float], std: Sequence[float]) -> None:
        self.mean, self.std = (torch.tensor(values).view(-1, 1, 1) for values in (mean, std))

    def __call__(self, picture: Tensor) -> Tensor:
        """Normalise a copy."""
        return picture.clone().sub_(self.mean).div_(self.std)

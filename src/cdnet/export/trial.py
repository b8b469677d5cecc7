"""Trying an exported file: it must give what PyTorch gives, on pictures that it is fed as its program feeds them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from cdnet.errors import CdnetError
from cdnet.evaluate.comparable import check_features
from cdnet.export.agreement import Agreement, agree
from cdnet.export.files import File
from cdnet.export.people import draw_people
from cdnet.export.targets import Target
from cdnet.runtime.network import Features
from cdnet.runtime.preprocessing import Preprocessing
from cdnet.weights import ModelSpec

BATCHES = (1, 7, 64)


@dataclass(frozen=True)
class Trial:
    """How a file agrees with PyTorch, by how many pictures it was given at once."""

    by_batch: dict[int, Agreement]

    @property
    def worst(self) -> Agreement:
        """The least that it reached, figure by figure."""
        all_of_them = self.by_batch.values()
        return Agreement(
            max(one.largest for one in all_of_them),
            *(min(getattr(one, key) for one in all_of_them) for key in ("cosine", "order", "nearest")),
        )


def wanted_features(model: nn.Module, spec: ModelSpec, fed: npt.NDArray[np.generic]) -> Features:
    """Return what PyTorch gives for pictures N x H x W x 3, RGB, 0 to 255.

    Args:
        model: the network itself, in evaluation mode.
        spec: what it wants.
        fed: bytes, or floats.

    Raises:
        CdnetError: if they tell nothing apart: not finite, all zeros, or all the same.
    """
    values = Preprocessing(spec.size, "rgb", 1.0, spec.mean, spec.std)(fed)  # type: ignore[arg-type]
    with torch.inference_mode():
        found = torch.cat([model(part) for part in torch.split(torch.from_numpy(values), 32)])
    check_features(found, found)
    return found.numpy()


def as_fed(target: Target, size: tuple[int, int]) -> npt.NDArray[np.generic]:
    """Return drawn pedestrians as a program brings them to height x width: N x H x W x 3, RGB, 0 to 255."""
    return np.stack([target.resize(picture, *size) for picture in draw_people(size).pictures])


def run_in_batches(file: File, values: npt.NDArray[np.float32], batch: int) -> Features:
    """Return the features of all pictures, N x D, so many at once.

    The last time it is as many as are left, and where the number is fixed, the last picture again and again.

    Raises:
        CdnetError: if the file cannot be run so.
    """
    count = len(values)
    if file.count is not None and count % batch:
        values = np.concatenate([values, np.repeat(values[-1:], batch - count % batch, axis=0)])
    return np.concatenate([file.run(values[start : start + batch]) for start in range(0, len(values), batch)])[:count]


def try_file(
    file: File, wanted: Features, fed: npt.NDArray[np.generic], outside: Preprocessing, precision: str
) -> Trial:
    """Run a file at each number of pictures that it takes, and compare it with PyTorch.

    Args:
        file: the file.
        wanted: features that PyTorch gives, N x D.
        fed: the pictures, as :func:`as_fed` gives them.
        outside: what is done to them before the file is given them.
        precision: fp32, fp16 or int8, for how near they have to be.

    Raises:
        CdnetError: if the file gives other features, or cannot be run.
    """
    values = outside(fed)  # type: ignore[arg-type]
    batches = BATCHES if file.count is None else (file.count,)
    found = {}
    for batch in batches:
        features = run_in_batches(file, values, batch)
        if features.shape != wanted.shape:
            raise CdnetError(f"the file gives {features.shape[1]} numbers a picture, and PyTorch {wanted.shape[1]}")
        found[batch] = agree(wanted, features)
        if not found[batch].enough(precision):
            raise CdnetError(f"the file differs from PyTorch, {batch} picture(s) at once: {found[batch].as_text()}")
    return Trial(found)

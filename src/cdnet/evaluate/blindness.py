"""Networks whose features mean nothing: zeros, the same for all pictures, or others in other company.

They are known by a few pictures that have nothing in common, before any work is done with them.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from cdnet.data.decode import Pixels
from cdnet.errors import CdnetError
from cdnet.evaluate.comparable import ALIKE, unit_length
from cdnet.runtime.network import Network

COUNT = 4
COMPANY = 0.1
"""Length of the difference that other pictures make to a feature, by its length, above which it is refused.

Files of 8 bits whose ranges are taken from what they are given differ a little.
"""
BLOCKS = (8, 4)
"""Fields of a colour of its own, down and across."""


def refuse_blind(network: Network, name: Path | str) -> int:
    """See that a network tells pictures apart that have nothing in common; return D, the numbers of a feature.

    Args:
        network: that is ready to run.
        name: how it is called in what is said of it.

    Raises:
        CdnetError: if its features are not finite, all zeros, all of one direction, or others for a picture that is
            given alone than for the same one among others.
    """
    pixels, step = unlike_pictures(*network.preprocessing.size), network.batch
    found = np.concatenate([network(pixels[start : start + step]) for start in range(0, COUNT, step)])
    seen = Direction()
    seen.look(torch.from_numpy(found))
    if not found.any():
        raise CdnetError(f"{name} gives nothing but zeros, whatever picture it is given; {_why(name)}")
    if seen.one:
        raise CdnetError(f"{name} gives the same features, whatever picture it is given; {_why(name)}")
    alone = network(pixels[-1:])[0]
    if step > 1 and float(np.linalg.norm(alone - found[-1])) > COMPANY * float(np.linalg.norm(found[-1])):
        raise CdnetError(
            f"{name} gives a picture other features when it is given with others; export it in evaluation mode"
        )
    return int(found.shape[1])


def unlike_pictures(height: int, width: int) -> Pixels:
    """Return a few pictures height x width, RGB, of fields whose colours were drawn by chance, the same every time."""
    colours = np.random.default_rng(0).integers(0, 256, (COUNT, *BLOCKS, 3), np.uint8)
    down, across = np.arange(height) * BLOCKS[0] // height, np.arange(width) * BLOCKS[1] // width
    return colours[:, down][:, :, across]


class Direction:
    """Whether all features that were looked at, part by part, have one direction; ``count`` says how many there were.

    Those that are all zeros have none, and are passed over.
    """

    def __init__(self) -> None:
        self.one, self.count = True, 0
        self._first: Tensor | None = None

    def look(self, features: Tensor) -> None:
        """Look at N x D more."""
        self.count += len(features)
        features = features[features.any(1)] if self.one else features[:0]
        if not len(features):
            return
        unit = unit_length(features)
        self._first = unit[0] if self._first is None else self._first
        self.one = float((unit - self._first).norm(dim=1).max()) <= ALIKE


def _why(name: Path | str) -> str:
    given = Path(name).suffix.lower() in (".onnx", ".xml")
    return "its weights are broken" + (", or its input is to be of another range" if given else "")

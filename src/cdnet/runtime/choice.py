"""Which runtime computes the features of our weights: the fastest one that is installed and gives the same features.

``PREFERRED`` puts the fastest first, as far as is known: of the two that compute in 32 bits outside PyTorch, which one
is faster differs by network, batch and machine.
None is taken by its name alone: on some of the pictures that are to be computed it first has to agree with the plain
network in PyTorch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from cdnet.data.decode import Pixels
from cdnet.errors import CdnetError
from cdnet.runtime.names import AUTO
from cdnet.runtime.network import Network
from cdnet.runtime.own_network import WAYS, OwnNetwork
from cdnet.runtime.torch_network import TorchNetwork

PREFERRED = ("openvino-bf16", "openvino", "onnxruntime", "torch")
WORTH_IT = 300
"""Pictures from which on another runtime than PyTorch saves more time than it takes to be made ready."""

BATCH = 64
"""Pictures at once, which threads share."""

TRIED = 16
"""Pictures on which a runtime has to agree with PyTorch."""

LARGEST_ERROR = {True: 1e-3, False: 0.1}
"""Of features of 32 and of 16 bits: length of their error, by their length, for no picture more than this.

If every feature of the shipped network had an error as long as the second, in a random direction, its mAP on
Market-1501 would be 0.07 lower (`results/runtimes.csv`).
"""


@dataclass(frozen=True)
class Chosen:
    """A network that is ready in a runtime, the runtime's name, and how it agreed with PyTorch on some pictures."""

    network: OwnNetwork
    name: str
    error: float
    pictures: int

    def as_text(self) -> str:
        """Return one line that says what computes the features."""
        return (
            f"features by --runtime {self.name} ({self.network.device.type}); on {self.pictures} of the pictures they "
            f"differ from the network's definition by at most {100 * self.error:.2g} % of their length"
        )

    def to_json(self) -> dict[str, object]:
        """Return all but the network."""
        return {"name": self.name, "device": self.network.device.type, "error": self.error, "on": self.pictures}


def open_own(
    weights: Path | str, name: str, pixels: Pixels, count: int, device: torch.device, tell: Callable[[str], object]
) -> Chosen:
    """Make our weights ready in a runtime that agrees with PyTorch on some of the pictures.

    Args:
        weights: a file, a run's folder, or the name of a shipped network.
        name: one of ``RUNTIMES``, or ``AUTO``, which takes the first of ``PREFERRED`` that is installed and agrees, and
            on a GPU PyTorch.
        pixels: N x H x W x 3 bytes, some of what is to be computed.
        count: how many pictures are to be computed in all.
        device: where PyTorch computes.
        tell: is told why a preferred runtime was not taken.

    Raises:
        CdnetError: if the runtime that is asked for cannot be had, or gives other features than PyTorch.
    """
    some = np.array(pixels[:: max(1, len(pixels) // TRIED)][:TRIED])
    wanted = TorchNetwork(weights, len(some))(some)
    for candidate in _candidates(name, count, device):
        try:
            network = OwnNetwork(weights, candidate, BATCH, device)
            error = largest_error(network, some, wanted)
            # On a GPU PyTorch rounds the factors of a convolution by default.
            if error > LARGEST_ERROR[network.runtime.exact and device.type == "cpu"]:
                raise CdnetError(
                    f"--runtime {candidate} gives features that differ from PyTorch's by {100 * error:.2g} % on one of "
                    f"{len(some)} pictures, more than its rounding explains; use --runtime torch"
                )
        except CdnetError as refusal:
            if name != AUTO or candidate == PREFERRED[-1]:
                raise
            tell(f"{refusal}; going on with the next")
            continue
        return Chosen(network, candidate, error, len(some))
    raise AssertionError("PyTorch is always among the candidates")


def largest_error(network: Network, pixels: Pixels, wanted: np.ndarray) -> float:
    """Return the length of the error of features by the length of those wanted, for the picture where it is largest."""
    found = np.concatenate([network(pixels[i : i + network.batch]) for i in range(0, len(pixels), network.batch)])
    lengths = np.linalg.norm(wanted, axis=1)
    return float((np.linalg.norm(found - wanted, axis=1) / np.maximum(lengths, np.finfo(np.float32).tiny)).max())


def _candidates(name: str, count: int, device: torch.device) -> tuple[str, ...]:
    if name != AUTO:
        return (name,)
    if device.type != "cpu" or count < WORTH_IT:
        return PREFERRED[-1:]
    return tuple(each for each in PREFERRED if WAYS[each].lacks() is None)

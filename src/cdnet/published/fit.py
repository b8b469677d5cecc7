"""A network of ours filled with a published file's tensors, name by name, and tried before it is believed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path

import torch
from torch import Tensor

from cdnet.classify.network import Classifier
from cdnet.classify.weights import ClassifierSpec, save_classifier
from cdnet.errors import CdnetError
from cdnet.nn.backbone import scale_channels
from cdnet.nn.model import MAX_WIDTH, ReidModel
from cdnet.published.tensors import describe, printable
from cdnet.weights import ModelSpec, save_weights, try_on_shapes

Names = tuple[tuple[str, str], ...]
"""Parts of our names and what the published files have in their place."""

COUNTER = "num_batches_tracked"


@dataclass(frozen=True)
class Converted:
    """A published network in our form.

    Args:
        model: in evaluation mode, with its heads where the file has them, so that it can be trained on or compared.
        spec: what it is and what it wants as input; of a classifier, with its classes.
        origin: whose it is, in words.
        notes: what whoever uses it has to know, a sentence each.
        exact: whether it gives the features that it was trained for; else it is only to start from.
    """

    model: ReidModel
    spec: ModelSpec | ClassifierSpec
    origin: str
    notes: tuple[str, ...] = ()
    exact: bool = True

    @property
    def network(self) -> ModelSpec:
        """The network's part of the spec."""
        return self.spec.network if isinstance(self.spec, ClassifierSpec) else self.spec

    def try_on_shapes(self) -> None:
        """Run one picture through the network on shapes alone.

        Raises:
            CdnetError: if the pictures are too small for it.
        """
        if isinstance(self.spec, ClassifierSpec):
            self.spec.try_on_shapes()
        else:
            try_on_shapes(self.spec)

    def save(self, path: Path) -> None:
        """Write the weights: a classifier whole, any other network without the heads, which inference drops.

        Raises:
            CdnetError: if the file cannot be written.
        """
        if isinstance(self.spec, ClassifierSpec):
            assert isinstance(self.model, Classifier)
            save_classifier(path, self.model, self.spec)
        else:
            save_weights(path, self.model, self.spec)


def published_name(name: str, names: Names) -> str:
    """Return what a published file calls one of our tensors."""
    for ours, theirs in names:
        name = name.replace(ours, theirs)
    return name


def find_width(channels: Sequence[int], full: Sequence[int], refusal: str) -> float:
    """Return the width multiplier with the fewest decimals that scales the ``full`` channels to these.

    Raises:
        CdnetError: if there is none.
    """
    least = max(have / at_one for have, at_one in zip(channels, full, strict=True))
    for decimals in range(7) if 0 < least <= MAX_WIDTH else ():
        scale = float(f"1e{decimals}")
        width = ceil(round(least * scale, 6)) / scale
        if [scale_channels(at_one, width) for at_one in full] == list(channels):
            return width
    raise CdnetError(
        f"{refusal} has {', '.join(map(str, channels))} channels, which no width makes of {', '.join(map(str, full))}"
    )


def rows(tensors: dict[str, Tensor], name: str, refusal: str) -> int:
    """Return how many channels, identities or classes a tensor is for: the length of its first axis.

    Raises:
        CdnetError: if there is no such tensor or it is empty; ``refusal`` is how the error begins, and names the file.
    """
    if name not in tensors:
        raise CdnetError(f"{refusal} has no {name}")
    tensor = tensors[name]
    if not tensor.dim() or not tensor.numel():
        raise CdnetError(f"{refusal} has {name} of the shape {describe(tensor)}")
    return tensor.shape[0]


def fill_network(
    model: ReidModel, given: dict[str, Tensor], names: Names, refusal: str, dropped: Collection[str] = ()
) -> ReidModel:
    """Give a network, which may be on the device ``meta``, the tensors that go by its names there, as 32-bit floats.

    Args:
        model: with fresh weights.
        given: the file's tensors.
        names: how its names differ from ours.
        refusal: how an error begins; it names the file.
        dropped: tensors that the file may have and the network has not.

    Returns:
        The network in evaluation mode, on the CPU.

    Raises:
        CdnetError: if a tensor is missing, left over, of another shape or kind, or has numbers that are not finite.
    """
    wanted = model.state_dict()
    theirs = {published_name(name, names): name for name in wanted}
    left = sorted(given.keys() - theirs.keys() - set(dropped))
    if left:
        raise CdnetError(f"{refusal} has {printable(left[0])}")
    taken = {}
    for name, ours in theirs.items():
        if name.endswith(COUNTER) and name not in given:  # files from before torch 0.4.1 lack these counters
            taken[ours] = torch.tensor(0)
            continue
        if name not in given:
            raise CdnetError(f"{refusal} has no {name}")
        if given[name].shape != wanted[ours].shape:
            raise CdnetError(f"{refusal} has {name} of the shape {describe(given[name])}, not {describe(wanted[ours])}")
        taken[ours] = _checked(name, given[name], wanted[ours].dtype, refusal)
    model.load_state_dict(taken, assign=True)
    return model.eval()


def _checked(name: str, tensor: Tensor, dtype: torch.dtype, refusal: str) -> Tensor:
    if tensor.is_floating_point() != dtype.is_floating_point:
        wanted = "floats" if dtype.is_floating_point else "an integer"
        raise CdnetError(
            f"{refusal} has {name} as {str(tensor.dtype).removeprefix('torch.')}, and {wanted} belong there"
        )
    tensor = tensor.to(dtype).clone(memory_format=torch.contiguous_format)
    if not tensor.isfinite().all():
        raise CdnetError(f"{refusal} has {name} with numbers that are not finite as 32-bit floats")
    if name.endswith("running_var") and (tensor < 0).any():
        raise CdnetError(f"{refusal} has {name} with a variance below 0")
    return tensor


@torch.inference_mode()
def see_that_it_works(converted: Converted, path: Path) -> None:
    """Run two unlike pictures through a network, for weights may have every shape right and be no weights.

    Raises:
        CdnetError: if the pictures are too small for it, what comes out is not finite, or is the same for both.
    """
    pictures = torch.randn(2, 3, *converted.network.size, generator=torch.Generator().manual_seed(0))
    first, second = converted.model(pictures)
    if not (first.isfinite().all() and second.isfinite().all()):
        raise CdnetError(f"{path}: the network gives numbers that are not finite, so these are not trained weights")
    if torch.equal(first, second):
        raise CdnetError(
            f"{path}: the network gives the same numbers for unlike pictures, so these are not trained weights"
        )

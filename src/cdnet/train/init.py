"""Starting from trained weights: the backbone, and what fits of the neck; classifiers always begin anew.

The paper fine-tunes from ImageNet weights (Section 4.2) and does not say what becomes of the neck. Here FNeck's squeeze
and the heads' fully connected layers, each with its batch norm, are kept where the weights have all of them in the same
shapes, and begin anew where they have not. Weights of the same network at half, a third or a smaller whole part of the
width are widened first, so that training goes on from what they compute.
"""

from __future__ import annotations

import re
from collections.abc import Container
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from cdnet.engine.seeds import generator_of
from cdnet.errors import CdnetError
from cdnet.nn.model import ReidModel
from cdnet.nn.widening import computes_alike, fits, times_wider, widened
from cdnet.tensor_file import read_safetensors, refuse_not_finite
from cdnet.weights import ModelSpec, find_weights

BACKBONE = "backbone."
NECK = "neck."
CLASSIFIER = "classifier"
HEAD = "head."
STRIPES = f"{NECK}fneck.{HEAD}"


@dataclass(frozen=True)
class Start:
    """Tensors that training starts from, by their names in the training network: all of its backbone, and of the neck
    what ``neck`` has; ``times`` is how often most channels of the file stand in them, and ``unlike`` names what of the
    neck the file has in other shapes."""

    path: str
    backbone: dict[str, Tensor]
    neck: dict[str, Tensor]
    times: int
    unlike: tuple[str, ...]

    def give(self, network: ReidModel) -> None:
        """Put the tensors into a network in its training form."""
        wanted = network.state_dict()
        wanted.update(self.backbone | self.neck)
        network.load_state_dict(wanted)

    def as_text(self) -> str:
        """Say what is kept and what begins anew."""
        parts = sorted({name.removeprefix(NECK).rsplit(".", 1)[0] for name in self.neck})
        kept = f"the backbone and the neck's {', '.join(parts)} are" if parts else "the backbone alone is"
        kept += f" widened {self.times} times and" if self.times > 1 else ""
        unlike = f", also {', '.join(self.unlike)}, not all of which they have in these shapes" if self.unlike else ""
        return f"starting from {self.path}: {kept} kept, the rest begins anew{unlike}"


def read_start(path: str, spec: ModelSpec, seed: int = 0) -> Start:
    """Return what a training run takes from a weights file.

    Args:
        path: a ``.safetensors`` file, a run's folder, or a shipped network's name.
        spec: the network that is to start from them.
        seed: the run's, from which the shares of widened weights are drawn.

    Raises:
        CdnetError: if there is no such file, it is cut short, or a tensor is not the network's or not finite; it names
            the first.
    """
    file_path = find_weights(path)
    _, tensors = read_safetensors(file_path)
    given = {name: tensor for name, tensor in tensors.items() if name.startswith(BACKBONE)}
    if not given:
        raise CdnetError(f"{file_path}: a safetensors file without a backbone of cdnet; --init needs cdnet's weights")
    with torch.device("meta"):
        wanted = spec.build(identities=2).state_dict()
    backbone = {name: tensor for name, tensor in wanted.items() if name.startswith(BACKBONE)}
    theirs = {_part_of_fblneck(name, tensors): tensor for name, tensor in tensors.items() if name.startswith(NECK)}
    parts = {name: part for name in wanted if (part := _part_of_fblneck(name, wanted)) in theirs}
    parts = {name: part for name, part in parts.items() if CLASSIFIER not in name}
    times = times_wider(given, backbone)
    if times > 1:
        generator, narrow = generator_of(seed, times), given
        given = {name: widened(tensor, backbone[name].shape, generator) for name, tensor in given.items()}
        for name, part in parts.items():
            # What reads FNeck's stripes, whose number the width does not change, has no copies of its inputs.
            if not part.startswith(STRIPES) and fits(theirs[part].shape, wanted[name].shape):
                theirs[part] = widened(theirs[part], wanted[name].shape, generator)
        refuse_not_finite(narrow, file_path)
        _refuse_unlike(narrow, given, spec, times, file_path)
    for name, tensor in backbone.items():
        if name not in given:
            raise CdnetError(f"{file_path}: no {name}, so it is of another network; give its --genotype")
        if given[name].shape != tensor.shape:
            shapes = ["x".join(map(str, one.shape)) or "a number" for one in (given[name], tensor)]
            raise CdnetError(
                f"{file_path}: {name} is {shapes[0]}, and the network's is {shapes[1]}; "
                f"give the --genotype and --width of the weights"
            )
    unknown = sorted(given.keys() - backbone.keys())
    if unknown:
        raise CdnetError(f"{file_path}: {unknown[0]} is not the network's; give the weights' --genotype")
    neck, unlike = _whole_layers({name: theirs[part] for name, part in parts.items()}, wanted)
    refuse_not_finite(given | neck, file_path)
    return Start(str(path), given, neck, times, unlike)


def _whole_layers(given: dict[str, Tensor], wanted: dict[str, Tensor]) -> tuple[dict[str, Tensor], tuple[str, ...]]:
    """Return the tensors of those layers of the neck that are given whole, and the names of those of which a part is.

    A head's fully connected layer and its batch norm, whose statistics are of what that layer gives, are one.
    """
    layers: dict[str, list[str]] = {}
    for name in wanted:
        if name.startswith(NECK) and CLASSIFIER not in name:
            layer = name.partition(HEAD)[0] + "head" if HEAD in name else re.sub(r"(\.\d+)?\.\w+$", "", name)
            layers.setdefault(layer.removeprefix(NECK), []).append(name)
    kept: dict[str, Tensor] = {}
    unlike = []
    for layer, names in layers.items():
        if all(name in given and given[name].shape == wanted[name].shape for name in names):
            kept |= {name: given[name] for name in names}
        elif any(name in given for name in names):
            unlike.append(layer)
    return kept, tuple(unlike)


def _refuse_unlike(narrow: dict[str, Tensor], wide: dict[str, Tensor], spec: ModelSpec, times: int, path: Path) -> None:
    pair = [replace(spec, width=width, neck="blneck").build().eval() for width in (spec.width / times, spec.width)]
    for network, tensors in zip(pair, (narrow, wide), strict=True):
        state = {name.removeprefix(BACKBONE): tensor for name, tensor in tensors.items()}
        try:
            network.backbone.load_state_dict(state)
        except RuntimeError:
            raise CdnetError(f"{path}: of another network than a narrower one; give the weights' --genotype") from None
    if not computes_alike(pair[0].backbone, pair[1].backbone, spec.size):
        raise CdnetError(
            f"{path}: widened {times} times they would not compute what they do, for channels lie side by side in this "
            f"network; give weights of --width {spec.width:g}"
        )


def _part_of_fblneck(name: str, names: Container[str]) -> str:
    # BLNeck and FNeck, which alone has a squeeze, stand alone or as the halves of FBLNeck.
    if not name.startswith((f"{NECK}head.", f"{NECK}squeeze.")):
        return name
    half = "fneck" if f"{NECK}squeeze.weight" in names else "blneck"
    return f"{NECK}{half}.{name.removeprefix(NECK)}"

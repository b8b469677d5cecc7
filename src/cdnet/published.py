"""Published weights in our form: torchreid's OSNet, and ResNet-50 by the names that torchvision gave it.

Only tensors are taken from a file, by :func:`torch.load` with ``weights_only`` or from safetensors.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from cdnet.errors import CdnetError
from cdnet.nn.backbone import STEM_CHANNELS
from cdnet.nn.model import ReidModel
from cdnet.weights import SUFFIX, ModelSpec

Names = tuple[tuple[str, str], ...]

OSNET_NAMES: Names = (
    ("neck.conv.0.", "conv5.conv."),
    ("neck.conv.1.", "conv5.bn."),
    ("neck.fc.", "fc."),
    ("backbone.stem.0.", "conv1.conv."),
    ("backbone.stem.1.", "conv1.bn."),
    ("backbone.down1.0.", "conv2.2.0.conv."),
    ("backbone.down1.1.", "conv2.2.0.bn."),
    ("backbone.down2.0.", "conv3.2.0.conv."),
    ("backbone.down2.1.", "conv3.2.0.bn."),
    ("backbone.stage1.", "conv2."),
    ("backbone.stage2.", "conv3."),
    ("backbone.stage3.", "conv4."),
    (".reduce.0.", ".conv1.conv."),
    (".reduce.1.", ".conv1.bn."),
    (".streams.0.0.", ".conv2a."),
    (".streams.1.", ".conv2b."),
    (".streams.2.", ".conv2c."),
    (".streams.3.", ".conv2d."),
    (".pointwise.", ".conv1."),
    (".depthwise.", ".conv2."),
    (".gate.squeeze.", ".gate.fc1."),
    (".gate.restore.", ".gate.fc2."),
    (".expand.0.", ".conv3.conv."),
    (".expand.1.", ".conv3.bn."),
    (".shortcut.0.", ".downsample.conv."),
    (".shortcut.1.", ".downsample.bn."),
)
"""Parts of our names and what the published files have in their place."""

RESNET_NAMES: Names = (
    ("backbone.stem.0.", "conv1."),
    ("backbone.stem.1.", "bn1."),
    ("backbone.stage", "layer"),
    (".reduce.0.", ".conv1."),
    (".reduce.1.", ".bn1."),
    (".middle.0.", ".conv2."),
    (".middle.1.", ".bn2."),
    (".expand.0.", ".conv3."),
    (".expand.1.", ".bn3."),
    (".shortcut.", ".downsample."),
)

CLASSIFIERS = ("classifier.weight", "classifier.bias", "fc.weight", "fc.bias")
"""What inference drops; OSNet's own ``fc.0.weight`` and the like stay."""

COUNTER = "num_batches_tracked"


def convert(path: Path, size: tuple[int, int] = (256, 128)) -> tuple[ReidModel, ModelSpec]:
    """Read a published file and return the network that it holds, in evaluation mode, and its spec.

    OSNet comes with its own head (``fcneck``), at the width that its tensors have, and without instance norm only.
    ResNet-50 comes with the global average alone (``blneck``), and its last stride is 1, whatever it was before.

    Args:
        path: a torch file of a state dict, perhaps under the key ``state_dict``, or safetensors.
        size: height and width of the pictures that the network gets.

    Raises:
        CdnetError: if the file holds anything but tensors, or those of another network.
    """
    tensors = read_tensors(path)
    if "conv1.conv.weight" in tensors:
        stem, name, neck, names = "conv1.conv.weight", "osnet", "fcneck", OSNET_NAMES
    elif "conv1.weight" in tensors:
        stem, name, neck, names = "conv1.weight", "resnet50", "blneck", RESNET_NAMES
    else:
        raise CdnetError(f"{path}: the names of its tensors are neither those of OSNet nor those of ResNet-50")
    origin = {"published": path.name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    spec = ModelSpec(name, sum(tensors[stem].shape[:1]) / STEM_CHANNELS, neck, size=size, trained_on=origin)
    with torch.device("meta"):
        wanted = spec.build().state_dict()
    taken = _renamed(tensors, wanted, names, f"{path}: not {name} as published, for it")
    model = spec.build()
    model.load_state_dict(taken)
    return model.eval(), spec


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Return a published file's tensors by their names there.

    Raises:
        CdnetError: if there is no such file, or it does not hold tensors alone.
    """
    if not path.is_file():
        raise CdnetError(f"{path}: no such file")
    try:
        found = load_file(path) if path.suffix == SUFFIX else torch.load(path, "cpu", weights_only=True)
    except Exception as error:  # what a broken or a hostile pickle raises can be anything
        raise CdnetError(
            f"{path}: not a file of tensors alone ({type(error).__name__}); save its state_dict() by itself"
        ) from None
    if isinstance(found, dict) and isinstance(found.get("state_dict"), dict):
        found = found["state_dict"]
    if not isinstance(found, dict) or not all(isinstance(tensor, Tensor) for tensor in found.values()):
        raise CdnetError(f"{path}: no state dict, which maps names to tensors")
    return {str(name).removeprefix("module."): tensor for name, tensor in found.items()}


def published_name(name: str, names: Names) -> str:
    """Return what a published file calls one of our tensors."""
    for ours, theirs in names:
        name = name.replace(ours, theirs)
    return name


def _renamed(given: dict[str, Tensor], wanted: dict[str, Tensor], names: Names, refusal: str) -> dict[str, Tensor]:
    theirs = {published_name(name, names): name for name in wanted}
    left = sorted(given.keys() - theirs.keys() - set(CLASSIFIERS))
    if left:
        raise CdnetError(f"{refusal} has {left[0]}")
    taken = {}
    for name, ours in theirs.items():
        if name.endswith(COUNTER):  # files from before torch 0.4.1 lack these counters
            given.setdefault(name, torch.tensor(0))
        if name not in given:
            raise CdnetError(f"{refusal} has no {name}")
        tensor = given[name]
        if tensor.shape != wanted[ours].shape:
            raise CdnetError(f"{refusal} has {name} of the shape {'x'.join(map(str, tensor.shape))}")
        taken[ours] = tensor
    return taken

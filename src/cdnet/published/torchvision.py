"""ResNet-50 by the names that torchvision gave it, which torchreid kept: the global average alone (``blneck``)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from cdnet.nn.backbone import STEM_CHANNELS
from cdnet.nn.baselines.resnet50 import STAGES
from cdnet.published.fit import Converted, Names, fill_network, find_width, refuse_classes, rows
from cdnet.weights import ModelSpec

ORIGIN = "ResNet-50 by torchvision's names"
STEM = "conv1.weight"
CLASSIFIERS = ("fc.weight", "fc.bias", "classifier.weight", "classifier.bias")

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


def recognise(tensors: dict[str, Tensor]) -> bool:
    """Tell whether these are the names of a ResNet."""
    return STEM in tensors and any(name.startswith("layer1.") for name in tensors)


def take(
    tensors: dict[str, Tensor],
    path: Path,
    size: tuple[int, int] | None,
    trained_on: dict[str, Any],
    kind: str | None = None,
) -> Converted:
    """Return the network that ResNet-50's tensors are; its last stride is 1, whatever it was before.

    Raises:
        CdnetError: if they are not all of such a network.
    """
    refuse_classes(kind, ORIGIN, path)
    refusal = f"{path}: not resnet50 as published, for it"
    ends = (STEM, *(f"layer{number}.0.conv3.weight" for number in range(1, 5)))
    channels = [rows(tensors, name, refusal) for name in ends]
    width = find_width(channels, (STEM_CHANNELS, *(at_one for at_one, _, _ in STAGES)), refusal)
    changed = "its last stride is 1 here, and 2 as published"
    trained_on = trained_on | {"changed": changed}
    notes = [f"{changed}, so that its features are others: start from it, and evaluate what was trained"]
    counts = [rows(tensors, name, refusal) for name in CLASSIFIERS if name in tensors]
    if counts:
        trained_on = trained_on | {"classes": counts[0]}
        notes.append(f"its classifier of {counts[0]:,} classes or identities is left out")
    spec = ModelSpec("resnet50", width, "blneck", size=size or (256, 128), trained_on=trained_on)
    with torch.device("meta"):
        model = spec.build()
    filled = fill_network(model, tensors, RESNET_NAMES, refusal, CLASSIFIERS)
    return Converted(filled, spec, ORIGIN, tuple(notes), exact=False)

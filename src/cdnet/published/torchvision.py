"""ResNet-50 by the names that torchvision gave it, which torchreid kept: the global average alone (``blneck``)."""

from __future__ import annotations

from torch import Tensor

from cdnet.nn.backbone import STEM_CHANNELS
from cdnet.nn.baselines.resnet50 import STAGES
from cdnet.published.baseline import Baseline
from cdnet.published.file import PublishedFile
from cdnet.published.fit import Converted, Names, rows
from cdnet.weights import TrainedOn

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


RESNET = Baseline(
    origin="ResNet-50 by torchvision's names",
    genotype="resnet50",
    neck="blneck",
    ends=(STEM, *(f"layer{number}.0.conv3.weight" for number in range(1, 5))),
    channels=(STEM_CHANNELS, *(at_one for at_one, _, _ in STAGES)),
    names=RESNET_NAMES,
)


def recognise(tensors: dict[str, Tensor]) -> bool:
    """Tell whether these are the names of a ResNet."""
    return STEM in tensors and any(name.startswith("layer1.") for name in tensors)


def take(file: PublishedFile) -> Converted:
    """Return the network that ResNet-50's tensors are; its last stride is 1, whatever it was before.

    Raises:
        CdnetError: if they are not all of such a network.
    """
    said: TrainedOn = {"changed": "its last stride is 1 here, and 2 as published"}
    notes = [f"{said['changed']}, so that its features are others: start from it, and evaluate what was trained"]
    counts = [rows(file.tensors, name, RESNET.refusal(file.path)) for name in CLASSIFIERS if name in file.tensors]
    if counts:
        said["classes"] = counts[0]
        notes.append(f"its classifier of {counts[0]:,} classes or identities is left out")
    return RESNET.read(file, said, tuple(notes), dropped=CLASSIFIERS, exact=False)

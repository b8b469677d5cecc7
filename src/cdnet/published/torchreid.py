"""OSNet as torchreid has it: with its own head (``fcneck``), at the width of its tensors, without instance norm."""

from __future__ import annotations

from torch import Tensor

from cdnet.nn.backbone import STAGE_CHANNELS, STEM_CHANNELS
from cdnet.published.baseline import Baseline
from cdnet.published.file import PublishedFile
from cdnet.published.fit import Converted, Names, rows

STEM = "conv1.conv.weight"
CLASSIFIER = ("classifier.weight", "classifier.bias")

OSNET_NAMES: Names = (
    ("neck.classifier.", "classifier."),
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


OSNET = Baseline(
    origin="torchreid's OSNet",
    genotype="osnet",
    neck="fcneck",
    ends=(STEM, "conv2.2.0.conv.weight", "conv3.2.0.conv.weight", "conv5.conv.weight"),
    channels=(STEM_CHANNELS, *STAGE_CHANNELS),
    names=OSNET_NAMES,
)


def recognise(tensors: dict[str, Tensor]) -> bool:
    """Tell whether these are the names of OSNet."""
    return STEM in tensors


def take(file: PublishedFile) -> Converted:
    """Return the network that OSNet's tensors are, with its classifier if there is one.

    Raises:
        CdnetError: if they are not all of such a network.
    """
    if not all(name in file.tensors for name in CLASSIFIER):
        return OSNET.read(file, {}, ())
    count = rows(file.tensors, CLASSIFIER[0], OSNET.refusal(file.path))
    notes = (f"trained on {count:,} identities, or on as many classes",)
    return OSNET.read(file, {"identities": count}, notes, identities=count)

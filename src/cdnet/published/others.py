"""Files of other projects that are told apart and refused: a network that is nearly ours gives other features."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple


class Other(NamedTuple):
    """A network that is not read: what it is, how their names show it, and why they are not read."""

    what: str
    shown_by: Callable[[list[str]], bool]
    reason: str


def _some(pattern: str) -> Callable[[list[str]], bool]:
    found = re.compile(pattern)
    return lambda names: any(found.match(name) for name in names)


def _all_of(*patterns: str) -> Callable[[list[str]], bool]:
    tests = [_some(pattern) for pattern in patterns]
    return lambda names: all(test(names) for test in tests)


OTHERS = (
    Other(
        "a checkpoint of a run of cdnet",
        _some(r"backbone\.(stem\.0|down1\.0)\.weight$"),
        "give the run's folder, or its weights.safetensors, to any command as it is",
    ),
    Other(
        "fast-reid's ResNet",
        _all_of(r"backbone\.layer1\.", r"(heads|backbone)\."),
        "its stem pools without padding, so that the same weights would give other features here",
    ),
    Other("a network of fast-reid", _all_of(r"backbone\.", r"heads\."), "none of its networks is one of ours"),
    Other(
        "the strong baseline's ResNet (Bag of Tricks) or one made after it",
        _some(r"base\.layer1\."),
        "its stem has no ReLU, so that the same weights would give other features here",
    ),
    Other(
        "a transformer",
        _some(r"(\w+\.){0,3}(cls_token|pos_embed|class_embedding|patch_embed\.|visual\.)"),
        "none of the networks here is one",
    ),
    Other(
        "OSNet, MobileNetV2 or GDAS of the authors' release",
        _some(r"base\.(conv1\.conv|features|cells\.0\.preprocess0|stem\.0)\."),
        "of the release CDNet and CNet are read",
    ),
    Other(
        "torchreid's OSNet-AIN",
        _some(r"(pool2\.0\.conv\.|conv\d\.\d\.conv2\.\d\.layers\.)"),
        "it has instance norm in its blocks, and OSNet without it is read",
    ),
    Other(
        "torchreid's OSNet-IBN",
        lambda names: (
            _some(r"conv\d\.\d\.IN\.")(names) or ("conv1.bn.weight" in names and "conv1.bn.running_mean" not in names)
        ),
        "it has instance norm behind its blocks, and OSNet without it is read",
    ),
    Other(
        "an IBN-Net",
        _some(r"layer\d\.\d+\.bn1\.(IN|BN)\.|(layer\d\.\d+\.)?IN\."),
        "it has instance norm in its blocks, and ResNet-50 without it is read",
    ),
    Other("an SE-ResNet", _some(r"layer\d\.\d+\.se(_module)?\."), "ResNet-50 without it is read"),
    Other(
        "ResNet-18 or ResNet-34",
        lambda names: "layer1.0.conv2.weight" in names and "layer1.0.conv3.weight" not in names,
        "ResNet-50 is read",
    ),
    Other("ResNet-101 or ResNet-152", _some(r"layer3\.6\."), "ResNet-50 is read"),
    Other(
        "torchreid's ResNet-50 with a fully connected layer",
        _all_of(r"layer1\.0\.conv3\.", r"fc\.0\.weight"),
        "its feature comes behind that layer, and ResNet-50 with the global average is read",
    ),
    Other("torchreid's ResNet-50-mid", _some(r"fc_fusion\."), "ResNet-50 with the global average is read"),
)
"""From the most particular to the most general; the first that fits is named."""


def name_other(names: list[str]) -> str:
    """Return which network has these names and why it is not read, or an empty text if that is not known."""
    for other in OTHERS:
        if other.shown_by(names):
            return f"this is {other.what}, which is not read: {other.reason}"
    return ""

"""Networks that the paper compares with, by name.

A constructor takes the width multiplier and returns a module whose ``forward`` maps pictures N x 3 x H x W to
:class:`~cdnet.nn.backbone.FeatureMaps` and whose ``channels`` are those of the three maps. What is named here is a
``--genotype`` of every command and can be saved. One's own backbone joins the same way, ``BASELINES["mine"] = Mine``,
or without a name: ``ReidModel(mine, create_neck("fblneck", mine.channels))``.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from cdnet.nn.baselines.gdas import GDASBackbone
from cdnet.nn.baselines.osnet import OSNetBackbone
from cdnet.nn.baselines.resnet50 import ResNet50Backbone

BASELINES: dict[str, Callable[[float], nn.Module]] = {
    "osnet": OSNetBackbone,
    "resnet50": ResNet50Backbone,
    "gdas": GDASBackbone,
}

"""The network that GDAS found on CIFAR-10, as a backbone (Table 12).

Dong and Yang, *Searching for a Robust Neural Architecture in Four GPU Hours*, CVPR 2019. A cell takes the outputs of
the two cells before it, makes four nodes, each the sum of two operations on earlier nodes, and gives the nodes side by
side.

Which of GDAS's networks Table 12 measured, the paper does not say. This is the published one for CIFAR-10, 36 channels
and three stages of 6 cells, on the stem of OSNet and CDNet. At 256x128 it has 3.36 M parameters and 1100.2 M MACs, with
FNeck's squeeze 3.44 M and 1109.6 M; the table prints 4.0 M and 1109.2 M, and no usual stem and head that we tried gives
both. The published one for ImageNet (50 channels, 4 cells a stage, its own stem) has 4.54 M and 378.9 M at that size.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from cdnet.nn.backbone import STEM_CHANNELS, FeatureMaps, Stem, initialise, scale_channels
from cdnet.nn.blocks import conv1x1_bn

CHANNELS = 36
CELLS = 6

Edge = tuple[str, int]
"""An operation and the node it is applied to; nodes 0 and 1 are the cell's two inputs, the older one first."""

NORMAL: tuple[tuple[Edge, Edge], ...] = (
    (("skip", 0), ("skip", 1)),
    (("skip", 0), ("separable5", 2)),
    (("separable3", 3), ("skip", 0)),
    (("separable5", 4), ("separable3", 3)),
)
REDUCE: tuple[tuple[Edge, Edge], ...] = (
    (("separable5", 0), ("separable3", 1)),
    (("separable5", 2), ("separable5", 1)),
    (("dilated5", 2), ("separable3", 1)),
    (("separable5", 0), ("separable5", 1)),
)
"""The published cells ("GDAS_V1"): the second halves the picture's sides and starts a stage."""

States = tuple[Tensor, Tensor]
"""The outputs of the last two cells, the older one first."""


def pointwise(in_channels: int, out_channels: int) -> nn.Sequential:
    """Return ReLU, 1x1 convolution and batch norm, in the order of these cells."""
    return nn.Sequential(nn.ReLU(), *conv1x1_bn(in_channels, out_channels))


def depthwise(channels: int, kernel: int, stride: int = 1, dilation: int = 1) -> nn.Sequential:
    """Return ReLU, a depthwise convolution, a 1x1 convolution and batch norm."""
    padding = dilation * (kernel // 2)
    convolution = nn.Conv2d(channels, channels, kernel, stride, padding, dilation, groups=channels, bias=False)
    return nn.Sequential(nn.ReLU(), convolution, *conv1x1_bn(channels, channels))


def operation(name: str, channels: int, stride: int) -> nn.Module:
    """Make an operation that maps N x C x H x W to the same channels, H and W divided by the stride.

    A separable convolution is applied twice, the stride in the first.
    """
    if name == "skip":
        assert stride == 1
        return nn.Identity()
    kernel = int(name[-1])
    if name.startswith("dilated"):
        return depthwise(channels, kernel, stride, dilation=2)
    return nn.Sequential(depthwise(channels, kernel, stride), depthwise(channels, kernel))


class Halve(nn.Module):
    """1x1 convolutions of stride 2 on the even and on the odd pixels, side by side; no pixel is left out unseen."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        half = out_channels // 2
        self.even = nn.Conv2d(in_channels, half, 1, stride=2, bias=False)
        self.odd = nn.Conv2d(in_channels, out_channels - half, 1, stride=2, bias=False)
        self.bn = nn.BatchNorm2d(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        """Map N x C x H x W to N x C' x H/2 x W/2, rounded up."""
        x = x.relu()
        shifted = nn.functional.pad(x, (0, 1, 0, 1))[:, :, 1:, 1:]
        return self.bn(torch.cat([self.even(x), self.odd(shifted)], dim=1))  # type: ignore[no-any-return]


class Cell(nn.Module):
    """One cell, whose output has four times its ``channels``.

    Args:
        inputs: channels of the older and of the newer input.
        channels: of each node.
        reduce: halve the sides.
        halve_older: the older input is twice as large as the newer one, for the cell between them halves.
    """

    def __init__(self, inputs: tuple[int, int], channels: int, reduce: bool, halve_older: bool) -> None:
        super().__init__()
        self.older = (Halve if halve_older else pointwise)(inputs[0], channels)
        self.newer = pointwise(inputs[1], channels)
        self.nodes = REDUCE if reduce else NORMAL
        self.edges = nn.ModuleList(
            operation(name, channels, 2 if reduce and source < 2 else 1) for node in self.nodes for name, source in node
        )

    def forward(self, older: Tensor, newer: Tensor) -> Tensor:
        """Map the outputs of the two cells before to N x 4 C x H x W."""
        made = [self.older(older), self.newer(newer)]
        for number, (first, second) in enumerate(self.nodes):
            edges = self.edges[2 * number], self.edges[2 * number + 1]
            made.append(edges[0](made[first[1]]) + edges[1](made[second[1]]))
        return torch.cat(made[2:], dim=1)


class Cells(nn.Module):
    """Cells in a row, all normal ones or a single one that reduces; ``outputs`` are the channels of the last two.

    Args:
        inputs: channels of the two outputs before.
        channels: of each node.
        count: of cells.
        reduce: halve the sides.
        halve_older: of the first cell.
    """

    def __init__(
        self, inputs: tuple[int, int], channels: int, count: int, reduce: bool = False, halve_older: bool = False
    ) -> None:
        super().__init__()
        self.cells = nn.ModuleList()
        for number in range(count):
            self.cells.append(Cell(inputs, channels, reduce, halve_older and number == 0))
            inputs = (inputs[1], 4 * channels)
        self.outputs = inputs

    def forward(self, states: States) -> States:
        """Take the outputs of the two cells before, and return those of the last two."""
        older, newer = states
        for cell in self.cells:
            older, newer = newer, cell(older, newer)
        return older, newer


class GDASBackbone(nn.Module):
    """Three stages of six normal cells, one that reduces between any two; fmap1 and fmap2 are the outputs of those two.

    Args:
        width: multiplies the channels of the stem and of every node.
    """

    def __init__(self, width: float = 1.0) -> None:
        super().__init__()
        stem, nodes = scale_channels(STEM_CHANNELS, width), scale_channels(CHANNELS, width)
        self.stem = Stem(stem)
        self.stage1 = Cells((stem, stem), nodes, CELLS)
        self.down1 = Cells(self.stage1.outputs, 2 * nodes, 1, reduce=True)
        self.stage2 = Cells(self.down1.outputs, 2 * nodes, CELLS, halve_older=True)
        self.down2 = Cells(self.stage2.outputs, 4 * nodes, 1, reduce=True)
        self.stage3 = Cells(self.down2.outputs, 4 * nodes, CELLS, halve_older=True)
        self.channels = tuple(part.outputs[1] for part in (self.down1, self.down2, self.stage3))
        initialise(self)

    def forward(self, x: Tensor) -> FeatureMaps:
        """Map normalised pictures N x 3 x H x W to the three feature maps."""
        pooled = self.stem(x)
        states = self.down1(self.stage1((pooled, pooled)))
        fmap1 = states[1]
        states = self.down2(self.stage2(states))
        fmap2 = states[1]
        return FeatureMaps(fmap1, fmap2, self.stage3(states)[1])

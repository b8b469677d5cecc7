"""The network that GDAS found for re-identification, as a backbone (Table 12).

Dong and Yang, *Searching for a Robust Neural Architecture in Four GPU Hours*, CVPR 2019, is the search; which network
it found for Table 12, the paper does not say, and the authors' release does: six cells, each with operations of its
own. A cell takes the outputs of the two cells before it, makes four nodes, each the sum of two operations on earlier
nodes, and gives the nodes side by side. The third and the fifth cell halve the picture's sides and double the channels.

With FBLNeck, which takes the outputs of the last two cells, Table 12's 4.0 M parameters and 1109.2 M MACs come out. The
parameters are with a 1x1 convolution after the last cell, a quarter of them all, that FBLNeck never asks for.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from cdnet.nn.backbone import STEM_CHANNELS, FeatureMaps, initialise, scale_channels
from cdnet.nn.blocks import conv1x1_bn

Edge = tuple[str, int]
"""An operation and the node it is applied to; nodes 0 and 1 are the cell's two inputs, the older one first."""

Node = tuple[Edge, Edge]

CELLS: tuple[tuple[Node, Node, Node, Node], ...] = (
    (
        (("separable5", 1), ("max", 0)),
        (("separable5", 1), ("max", 0)),
        (("separable3", 0), ("dilated3", 2)),
        (("max", 3), ("separable3", 2)),
    ),
    (
        (("max", 0), ("max", 1)),
        (("dilated5", 1), ("dilated5", 2)),
        (("max", 3), ("dilated3", 2)),
        (("separable5", 4), ("average", 3)),
    ),
    (
        (("max", 0), ("max", 1)),
        (("skip", 0), ("separable3", 2)),
        (("max", 3), ("max", 0)),
        (("max", 0), ("average", 3)),
    ),
    (
        (("average", 0), ("average", 1)),
        (("dilated5", 0), ("max", 1)),
        (("separable5", 1), ("average", 2)),
        (("skip", 4), ("average", 1)),
    ),
    (
        (("separable3", 1), ("separable5", 0)),
        (("separable5", 0), ("separable3", 1)),
        (("dilated5", 0), ("dilated5", 3)),
        (("dilated5", 0), ("separable3", 4)),
    ),
    (
        (("separable5", 0), ("separable5", 1)),
        (("average", 0), ("separable5", 2)),
        (("separable3", 2), ("separable3", 3)),
        (("average", 2), ("separable3", 4)),
    ),
)
"""Each cell's nodes 2 to 5, as the release's ``genotype_model`` has them."""

REDUCING = (2, 4)
"""The cells, counted from 0, that halve the sides."""


def pointwise(in_channels: int, out_channels: int, stride: int = 1, affine: bool = True) -> nn.Sequential:
    """Return ReLU, 1x1 convolution and batch norm; with stride 2 it looks at every other pixel of every other row."""
    convolution = nn.Conv2d(in_channels, out_channels, 1, stride, bias=False)
    return nn.Sequential(nn.ReLU(), convolution, nn.BatchNorm2d(out_channels, affine=affine))


def depthwise(channels: int, kernel: int, stride: int = 1, dilation: int = 1) -> nn.Sequential:
    """Return ReLU, a depthwise convolution, a 1x1 convolution and batch norm."""
    padding = dilation * (kernel // 2)
    convolution = nn.Conv2d(channels, channels, kernel, stride, padding, dilation, groups=channels, bias=False)
    return nn.Sequential(nn.ReLU(), convolution, *conv1x1_bn(channels, channels))


def operation(name: str, channels: int, stride: int) -> nn.Module:
    """Make an operation that maps N x C x H x W to the same channels, H and W divided by the stride and rounded up.

    A separable convolution is applied twice, the stride in the first; an average leaves out what is beyond the edge.
    """
    if name == "skip":
        return nn.Identity() if stride == 1 else pointwise(channels, channels, stride)
    if name == "max":
        return nn.MaxPool2d(3, stride, padding=1)
    if name == "average":
        return nn.AvgPool2d(3, stride, padding=1, count_include_pad=False)
    kernel = int(name[-1])
    if name.startswith("dilated"):
        return depthwise(channels, kernel, stride, dilation=2)
    return nn.Sequential(depthwise(channels, kernel, stride), depthwise(channels, kernel))


class Cell(nn.Module):
    """One cell, whose output has four times its ``channels``.

    Args:
        nodes: what it computes.
        inputs: channels of the older and of the newer input.
        channels: of each node.
        reduce: halve the sides.
        halve_older: the older input is twice as large as the newer one, for what lies between them halves.
    """

    def __init__(
        self, nodes: tuple[Node, ...], inputs: tuple[int, int], channels: int, reduce: bool, halve_older: bool
    ) -> None:
        super().__init__()
        self.older = pointwise(inputs[0], channels, 2 if halve_older else 1, affine=False)
        self.newer = pointwise(inputs[1], channels, affine=False)
        self.nodes = nodes
        self.edges = nn.ModuleList(
            operation(name, channels, 2 if reduce and source < 2 else 1) for node in nodes for name, source in node
        )

    def forward(self, older: Tensor, newer: Tensor) -> Tensor:
        """Map the outputs of the two cells before to N x 4 C x H x W."""
        made = [self.older(older), self.newer(newer)]
        for number, (first, second) in enumerate(self.nodes):
            edges = self.edges[2 * number], self.edges[2 * number + 1]
            made.append(edges[0](made[first[1]]) + edges[1](made[second[1]]))
        return torch.cat(made[2:], dim=1)


class GDASBackbone(nn.Module):
    """Two stems and six cells; the maps are the outputs of both cells that halve the sides, and of the last.

    ``unused`` is the release's 1x1 convolution that stands before its other necks. No pass goes through it, and nothing
    trains it; it is here to be counted, as Table 12 does.

    Args:
        width: multiplies the channels of the stems and of every node.
    """

    def __init__(self, width: float = 1.0) -> None:
        super().__init__()
        channels = scale_channels(STEM_CHANNELS, width)
        self.stem0 = nn.Sequential(
            nn.Conv2d(3, channels // 2, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(channels // 2),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels // 2, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
        )
        self.stem1 = nn.Sequential(
            nn.ReLU(), nn.Conv2d(channels, channels, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(channels)
        )
        inputs, outputs = (channels, channels), []
        for number, nodes in enumerate(CELLS):
            if number in REDUCING:
                channels *= 2
            # Before the first cell it is the second stem that halves.
            halve_older = number - 1 in (-1, *REDUCING)
            self.add_module(f"cell{number + 1}", Cell(nodes, inputs, channels, number in REDUCING, halve_older))
            inputs = (inputs[1], 4 * channels)
            outputs.append(inputs[1])
        self.channels = (outputs[2], outputs[4], outputs[5])
        self.unused = nn.Sequential(*conv1x1_bn(outputs[5], outputs[5]), nn.ReLU()).requires_grad_(False)
        initialise(self)

    def forward(self, x: Tensor) -> FeatureMaps:
        """Map normalised pictures N x 3 x H x W, at least 32x32, to the three feature maps."""
        older = self.stem0(x)
        newer, outputs = self.stem1(older), []
        for number in range(len(CELLS)):
            older, newer = newer, self.get_submodule(f"cell{number + 1}")(older, newer)
            outputs.append(newer)
        return FeatureMaps(outputs[2], outputs[4], outputs[5])

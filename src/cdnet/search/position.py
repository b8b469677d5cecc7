"""Where the MBlocks of a space's networks stand: their channels and the resolution that they work at."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from cdnet.nn.blocks import CDBlock
from cdnet.nn.model import create_model
from cdnet.search.space import SearchSpace


class Position(NamedTuple):
    """An MBlock's channels, and height and width of its input."""

    in_channels: int
    out_channels: int
    height: int
    width: int


def find_positions(space: SearchSpace, width: float, size: tuple[int, int]) -> list[Position]:
    """return the position of each MBlock, from the first stage to the last; nothing is computed.

    Args:
        space: the search space.
        width: width multiplier of its networks.
        size: height and width of the pictures.
    """
    positions: list[Position] = []

    def note(_block: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        positions.append(Position(inputs[0].shape[1], output.shape[1], inputs[0].shape[2], inputs[0].shape[3]))

    with torch.device("meta"), torch.no_grad():
        network = create_model(space.genotype([0] * space.mblocks, "shapes"), width).eval()
        for module in network.modules():
            if isinstance(module, CDBlock):
                module.register_forward_hook(note)
        network(torch.empty(1, 3, *size))
    return positions

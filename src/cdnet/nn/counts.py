"""Parameters and multiply-accumulates, as the paper's tables count them.

A MAC is one multiply-add of a convolution or a linear layer; norms, activations and pools count nothing. The
paper prints MACs under the name FLOPs.
"""

from __future__ import annotations

import copy
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

STAGES = ("stem", "stage1", "down1", "stage2", "down2", "stage3")


class Counts(NamedTuple):
    """Parameters and MACs of one module at one input size."""

    params: int
    macs: int


class StageCounts(NamedTuple):
    """One part of a backbone: name, shape C x H x W of its output, parameters, MACs, and its blocks in words."""

    name: str
    shape: tuple[int, ...]
    params: int
    macs: int
    blocks: str


def count_params(module: nn.Module) -> int:
    """Return the number of parameters, buffers left out."""
    return sum(parameter.numel() for parameter in module.parameters())


def count(module: nn.Module, height: int, width: int) -> Counts:
    """Count one evaluation pass over one picture 3 x height x width.

    Nothing is computed: the module is copied to torch's meta device and run there on shapes alone.
    """
    macs, _ = _pass(module, torch.empty(1, 3, height, width, device="meta"))
    return Counts(count_params(module), macs)


def count_stages(backbone: nn.Module, height: int, width: int) -> list[StageCounts]:
    """Count the parts of a backbone, from the stem to stage 3, each on the output of the one before."""
    x = torch.empty(1, 3, height, width, device="meta")
    counts = []
    for name in STAGES:
        stage = getattr(backbone, name)
        macs, x = _pass(stage, x)
        counts.append(StageCounts(name, tuple(x.shape[1:]), count_params(stage), macs, _blocks(stage)))
    return counts


def _pass(module: nn.Module, x: Tensor) -> tuple[int, Tensor]:
    shapes = copy.deepcopy(module).to("meta").eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        output = shapes(x)
    return counter.get_total_flops() // 2, output


def _blocks(stage: nn.Module) -> str:
    return " ".join(str(block) for block in getattr(stage, "choices", ()))

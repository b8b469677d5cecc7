"""Parameters and multiply-accumulates, as the paper's tables count them.

A MAC is one multiply-add of a convolution or a linear layer; norms, activations and pools count nothing. The
paper prints MACs under the name FLOPs.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from cdnet.model_input import parse_size
from cdnet.nn.model import create_model


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


@dataclass(frozen=True)
class NetworkCounts:
    """A network's counts at inference: of its backbone, of the whole with what its neck has then, and part by part.

    Args:
        genotype: a shipped name, a genotype file, or a baseline.
        width: width multiplier.
        size: height x width of the input.
        neck: by its name.
        backbone: without the neck.
        whole: with it; FBLNeck's part at inference is FNeck's squeeze.
        stages: the backbone's parts.
    """

    genotype: str
    width: float
    size: str
    neck: str
    backbone: Counts
    whole: Counts
    stages: list[StageCounts]

    @property
    def of_neck(self) -> Counts:
        """What the neck adds."""
        return Counts(self.whole.params - self.backbone.params, self.whole.macs - self.backbone.macs)


def count_params(module: nn.Module) -> int:
    """Return the number of parameters, buffers left out."""
    return sum(parameter.numel() for parameter in module.parameters())


def count(module: nn.Module, height: int, width: int, channels: int = 3) -> Counts:
    """Count one evaluation pass over one picture, or feature map, channels x height x width.

    Nothing is computed: the module is copied to torch's meta device and run there on shapes alone.
    """
    shapes = _on_shapes(module)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        shapes(torch.empty(1, channels, height, width, device="meta"))
    return Counts(count_params(module), counter.get_total_flops() // 2)


def count_stages(backbone: nn.Module, height: int, width: int) -> list[StageCounts]:
    """Count the parts that a backbone is made of, in the order in which its pass over one picture runs them.

    Parts that the pass leaves out come last, without a shape or MACs.
    """
    shapes = _on_shapes(backbone)
    counts: list[StageCounts] = []
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        for name, part in shapes.named_children():
            _watch(name, part, counter, counts)
        shapes(torch.empty(1, 3, height, width, device="meta"))
    seen = {stage.name for stage in counts}
    left_out = [(name, part) for name, part in shapes.named_children() if name not in seen]
    return counts + [StageCounts(name, (), count_params(part), 0, "not used") for name, part in left_out]


def count_network(genotype: str, width: float, size: str, neck: str = "fblneck") -> NetworkCounts:
    """Count a network that is named, stage by stage.

    Raises:
        CdnetError: if there is no such genotype, neck or size, or the width is out of range.
    """
    height, across = parse_size(size)
    model = create_model(genotype, width, neck)
    backbone, whole = count(model.backbone, height, across), count(model, height, across)
    stages = count_stages(model.backbone, height, across)
    return NetworkCounts(genotype, width, size, neck, backbone, whole, stages)


def _watch(name: str, part: nn.Module, counter: FlopCounterMode, counts: list[StageCounts]) -> None:
    """Append a part's counts when it has run; of several outputs the last one's shape is taken."""
    started = 0

    def before(_part: nn.Module, _inputs: object) -> None:
        nonlocal started
        started = counter.get_total_flops()

    def after(_part: nn.Module, _inputs: object, output: Tensor | tuple[Tensor, ...]) -> None:
        macs = (counter.get_total_flops() - started) // 2
        last = output if isinstance(output, Tensor) else output[-1]
        counts.append(StageCounts(name, tuple(last.shape[1:]), count_params(part), macs, _blocks(part)))

    part.register_forward_pre_hook(before)
    part.register_forward_hook(after)


def _on_shapes(module: nn.Module) -> nn.Module:
    return copy.deepcopy(module).to("meta").eval()


def _blocks(stage: nn.Module) -> str:
    return " ".join(str(block) for block in getattr(stage, "choices", ()))

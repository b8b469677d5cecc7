"""The supernet: the backbone of Figure 4 with an MBlock wherever a CDBlock is to be found (Figure 3 a)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import reduce
from typing import Any

import torch
from torch import Tensor, nn

from cdnet.nn.backbone import FeatureMaps, StagedBackbone
from cdnet.nn.blocks import CDBlock
from cdnet.nn.necks import BLNeck, Head
from cdnet.search.gate import Gate, Selection
from cdnet.search.space import SearchSpace

ALPHA_START = 1e-3
"""Every architecture parameter's first value, as in the authors' code."""


class MBlock(nn.Module):
    """One branch a candidate of the space, each the CDBlock that training uses; only selected branches are computed."""

    def __init__(self, in_channels: int, out_channels: int, space: SearchSpace) -> None:
        super().__init__()
        self.branches = nn.ModuleList(
            CDBlock(in_channels, out_channels, (choice.k1, choice.k2), choice.repeats) for choice in space.candidates
        )

    def forward(self, x: Tensor, selection: Selection) -> Tensor:
        """Map N x C x H x W to the weighted sum of the selected branches' outputs (Equation 5)."""
        if selection.hard:
            outputs = (self.branches[branch](x) for branch in selection.branches)
            return StraightThroughSum.apply(selection.weights, *outputs)  # type: ignore[no-any-return, no-untyped-call]
        total: Tensor | None = None
        for branch, weight in zip(selection.branches, selection.weights, strict=True):
            y = self.branches[branch](x) * weight
            total = y if total is None else total + y
        assert total is not None
        return total


class StraightThroughSum(torch.autograd.Function):
    """The weighted sum of Equation 5 where every weight is exactly 1: nothing is multiplied, forwards or backwards.

    A weight's gradient is the product of its branch's output with the gradient of the sum (Equation 8).
    """

    @staticmethod
    def forward(ctx: Any, weights: Tensor, *outputs: Tensor) -> Tensor:
        """Add up outputs N x C x H x W, one a weight."""
        ctx.dtype = weights.dtype
        ctx.save_for_backward(*(outputs if weights.requires_grad else ()))
        return reduce(torch.add, outputs) if len(outputs) > 1 else outputs[0].view_as(outputs[0])

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of the weights and of each output."""
        (gradient,) = gradients
        towards_outputs = (gradient,) * (len(ctx.needs_input_grad) - 1)
        if not ctx.saved_tensors:
            return None, *towards_outputs
        # Channels last, as everything is in the search, flattens to a view.
        flat, *outputs = (tensor.movedim(1, -1).reshape(-1).to(ctx.dtype) for tensor in (gradient, *ctx.saved_tensors))
        return torch.stack([output @ flat for output in outputs]), *towards_outputs


class MStage(nn.ModuleList):
    """The MBlocks of one stage; the first changes the channels."""

    def __init__(self, in_channels: int, channels: int, count: int, space: SearchSpace) -> None:
        super().__init__(MBlock(width, channels, space) for width in [in_channels] + [channels] * (count - 1))

    def forward(self, x: Tensor, selections: Iterator[Selection]) -> Tensor:
        """Map N x C x H x W through each MBlock, by the next of the selections."""
        for mblock in self:
            x = mblock(x, next(selections))
        return x


class Supernet(StagedBackbone):
    """The backbone with stages of MBlocks, and BLNeck's head alone (Equation 9).

    ``alpha`` is M x n, a row for each MBlock from the first stage to the last.
    """

    def __init__(self, space: SearchSpace, width: float = 1.0, identities: int | None = None) -> None:
        super().__init__(width, lambda stage, c_in, channels: MStage(c_in, channels, space.blocks[stage], space))
        self.space = space
        self.neck = BLNeck(self.channels, identities)
        self.alpha = nn.Parameter(torch.full((space.mblocks, len(space.candidates)), ALPHA_START))

    def select(self, gate: Gate, generator: torch.Generator, searching: bool = True) -> list[Selection]:
        """Let a gate select each MBlock's branches; without ``searching``, the weights carry no gradient to alpha."""
        alpha = self.alpha if searching else self.alpha.detach()
        return [gate(row, generator) for row in alpha]

    def forward(self, x: Tensor, selections: Sequence[Selection]) -> Tensor | list[Head]:  # type: ignore[override]
        """Map pictures N x 3 x H x W to BLNeck's head (training mode) or its features (evaluation mode)."""
        left = iter(selections)
        fmap1 = self.down1(self.stage1(self.stem(x), left))
        fmap2 = self.down2(self.stage2(fmap1, left))
        fmaps = FeatureMaps(fmap1, fmap2, self.stage3(fmap2, left))
        return self.neck.heads(fmaps) if self.training else self.neck.features(fmaps)

    def weights(self) -> list[nn.Parameter]:
        """Return the network parameters w: everything but alpha."""
        return [parameter for name, parameter in self.named_parameters() if name != "alpha"]

    def chosen(self) -> list[int]:
        """Return each MBlock's candidate of the greatest alpha, as the derivation takes it (Section 4.1)."""
        return [int(index) for index in self.alpha.argmax(1)]

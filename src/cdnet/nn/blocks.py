"""The blocks of the Combined Depth Space: adaptive gate, CBlock, CDBlock (Section 3.1, Figures 2 and 3)."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

from torch import Tensor, nn

from cdnet.nn.lite import lite_k, lites


def conv1x1_bn(in_channels: int, out_channels: int) -> list[nn.Module]:
    """Return a 1x1 convolution without bias and its batch norm."""
    return [nn.Conv2d(in_channels, out_channels, 1, bias=False), nn.BatchNorm2d(out_channels)]


class AdaptiveGate(nn.Module):
    """Weights of each channel, in (0, 1), from the whole picture's average (Section 3.1).

    One gate serves both branches of a CBlock, so that the fusion depends on the input alone.
    """

    def __init__(self, channels: int, reduction: int = 4) -> None:
        super().__init__()
        squeezed = max(1, channels // reduction)
        self.squeeze = nn.Conv2d(channels, squeezed, 1)
        self.relu = nn.ReLU(inplace=True)
        self.restore = nn.Conv2d(squeezed, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map N x C x H x W to weights N x C x 1 x 1."""
        pooled = x.mean((2, 3), keepdim=True)
        return self.restore(self.relu(self.squeeze(pooled))).sigmoid()  # type: ignore[no-any-return]


class Bottleneck(nn.Module):
    """1x1 to a quarter of the channels, something, 1x1 back, and the shortcut around all of it."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        middle = out_channels // 4
        self.reduce = nn.Sequential(*conv1x1_bn(in_channels, middle), nn.ReLU(inplace=True))
        self.expand = nn.Sequential(*conv1x1_bn(middle, out_channels))
        same = in_channels == out_channels
        self.shortcut = nn.Identity() if same else nn.Sequential(*conv1x1_bn(in_channels, out_channels))
        self.relu = nn.ReLU(inplace=True)

    def transform(self, x: Tensor) -> Tensor:
        """Map N x M x H x W to the same shape, M being a quarter of C'."""
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        """Map N x C x H x W to N x C' x H x W."""
        return self.relu(self.expand(self.transform(self.reduce(x))) + self.shortcut(x))  # type: ignore[no-any-return]


class CBlock(Bottleneck):
    """Combined block: Lite k1 and Lite k2 side by side, fused by one gate (Figure 2 c).

    Args:
        in_channels: channels C of the input.
        out_channels: channels C' of the output, a multiple of 4; the branches have C'/4.
        kernels: the pair (k1, k2).
    """

    def __init__(self, in_channels: int, out_channels: int, kernels: tuple[int, int]) -> None:
        super().__init__(in_channels, out_channels)
        self.branch1 = lite_k(out_channels // 4, kernels[0])
        self.branch2 = lite_k(out_channels // 4, kernels[1])
        self.gate = AdaptiveGate(out_channels // 4)

    def transform(self, x: Tensor) -> Tensor:
        """Return the weighted sum of the two branches, channel by channel."""
        small, large = self.branch1(x), self.branch2(x)
        return self.gate(small) * small + self.gate(large) * large  # type: ignore[no-any-return]


class StdBlock(Bottleneck):
    """The single branch of CDNet_std in Table 7: the Lite 3x3 of both kernels in a row, and no gate."""

    def __init__(self, in_channels: int, out_channels: int, kernels: tuple[int, int]) -> None:
        super().__init__(in_channels, out_channels)
        self.branch = lites(out_channels // 4, sum(kernel // 2 for kernel in kernels))

    def transform(self, x: Tensor) -> Tensor:
        """Return the branch's output."""
        return self.branch(x)  # type: ignore[no-any-return]


BLOCKS: dict[str, Callable[[int, int, tuple[int, int]], nn.Module]] = {"CBlock": CBlock, "StdBlock": StdBlock}


class CDBlock(nn.Sequential):
    """``repeats`` CBlocks of one kernel pair in a row; the first changes the channels (Figure 3 c)."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernels: tuple[int, int],
        repeats: int = 1,
        block: str = "CBlock",
    ) -> None:
        widths = [in_channels] + [out_channels] * repeats
        make = BLOCKS[block]
        super().__init__(*(make(c_in, c_out, kernels) for c_in, c_out in pairwise(widths)))

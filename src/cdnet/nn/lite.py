"""Lite k: a large depthwise kernel out of small ones (Section 3.1, Figure 2 a and b, Equation 1)."""

from __future__ import annotations

from torch import Tensor, nn


class Lite3x3(nn.Module):
    """Lite 3x3: a linear 1x1 convolution, then depthwise 3x3, batch norm and ReLU (Figure 2 a).

    Maps N x C x H x W to N x C' x H x W.
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.pointwise = nn.Conv2d(in_channels, out_channels, 1, bias=False)
        self.depthwise = nn.Conv2d(out_channels, out_channels, 3, padding=1, groups=out_channels, bias=False)
        self.bn = nn.BatchNorm2d(out_channels)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """Map N x C x H x W to N x C' x H x W."""
        return self.relu(self.bn(self.depthwise(self.pointwise(x))))  # type: ignore[no-any-return]


def lites(channels: int, count: int) -> nn.Sequential:
    """Return ``count`` Lite 3x3 in a row, C channels throughout."""
    return nn.Sequential(*(Lite3x3(channels, channels) for _ in range(count)))


def lite_k(channels: int, kernel: int) -> nn.Sequential:
    """Return Lite k, floor(k/2) Lite 3x3 in a row with the receptive field of a k x k kernel (Equation 1)."""
    return lites(channels, kernel // 2)

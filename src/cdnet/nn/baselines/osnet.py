"""OSNet, the baseline of Tables 3, 9 and 10: four streams of 1 to 4 Lite 3x3 in every block.

Zhou et al., *Omni-Scale Feature Learning for Person Re-Identification*, ICCV 2019. It shares Lite 3x3, the stem and
the stages' channels with CDNet, which keeps two of its four streams.
"""

from __future__ import annotations

from torch import Tensor, nn

from cdnet.nn.backbone import STAGE_CHANNELS, STEM_CHANNELS, FeatureMaps, Stem, initialise
from cdnet.nn.blocks import conv1x1_bn
from cdnet.nn.lite import lites

OSNET = "osnet"
STREAMS = 4
FC_CHANNELS = 512


class ChannelGate(nn.Module):
    """OSNet's unified aggregation gate: channel weights in (0, 1), squeezed by 16, shared by the four streams."""

    def __init__(self, channels: int, reduction: int = 16) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(channels, channels // reduction, 1)
        self.relu = nn.ReLU(inplace=True)
        self.restore = nn.Conv2d(channels // reduction, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return x weighted channel by channel."""
        weights = self.restore(self.relu(self.squeeze(x.mean((2, 3), keepdim=True)))).sigmoid()
        return x * weights  # type: ignore[no-any-return]


class OSBlock(nn.Module):
    """Omni-scale block: streams of 1, 2, 3 and 4 Lite 3x3, gated, summed, and a shortcut."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        middle = out_channels // 4
        self.reduce = nn.Sequential(*conv1x1_bn(in_channels, middle), nn.ReLU(inplace=True))
        self.streams = nn.ModuleList(lites(middle, count) for count in range(1, STREAMS + 1))
        self.gate = ChannelGate(middle)
        self.expand = nn.Sequential(*conv1x1_bn(middle, out_channels))
        same = in_channels == out_channels
        self.shortcut = nn.Identity() if same else nn.Sequential(*conv1x1_bn(in_channels, out_channels))
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """Map N x C x H x W to N x C' x H x W."""
        reduced = self.reduce(x)
        fused = sum(self.gate(stream(reduced)) for stream in self.streams)
        return self.relu(self.expand(fused) + self.shortcut(x))  # type: ignore[no-any-return]


class OSNetBackbone(nn.Module):
    """OSNet's body without its last 1x1 convolution and fully connected layer, as Table 9 puts FBLNeck on it."""

    def __init__(self, width: float = 1.0) -> None:
        super().__init__()
        # OSNet's own rounding: its published widths need no more than the integer part.
        stem, c1, c2, c3 = (int(channels * width) for channels in (STEM_CHANNELS, *STAGE_CHANNELS))
        self.channels = (c1, c2, c3)
        self.stem = Stem(stem)
        self.stage1 = nn.Sequential(OSBlock(stem, c1), OSBlock(c1, c1))
        self.down1 = self._transition(c1)
        self.stage2 = nn.Sequential(OSBlock(c1, c2), OSBlock(c2, c2))
        self.down2 = self._transition(c2)
        self.stage3 = nn.Sequential(OSBlock(c2, c3), OSBlock(c3, c3))
        initialise(self)

    @staticmethod
    def _transition(channels: int) -> nn.Sequential:
        return nn.Sequential(*conv1x1_bn(channels, channels), nn.ReLU(inplace=True), nn.AvgPool2d(2, stride=2))

    def forward(self, x: Tensor) -> FeatureMaps:
        """Map normalised pictures N x 3 x H x W to the three feature maps."""
        fmap1 = self.down1(self.stage1(self.stem(x)))
        fmap2 = self.down2(self.stage2(fmap1))
        return FeatureMaps(fmap1, fmap2, self.stage3(fmap2))


class OSNet(nn.Module):
    """The published network with its own head: a 1x1 convolution, global average, and a 512-d fully connected layer."""

    def __init__(self, width: float = 1.0) -> None:
        super().__init__()
        self.backbone = OSNetBackbone(width)
        channels = self.backbone.channels[2]
        self.conv5 = nn.Sequential(*conv1x1_bn(channels, channels), nn.ReLU(inplace=True))
        self.fc = nn.Sequential(nn.Linear(channels, FC_CHANNELS), nn.BatchNorm1d(FC_CHANNELS), nn.ReLU(inplace=True))
        initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        """Map normalised pictures N x 3 x H x W to features N x 512."""
        return self.fc(self.conv5(self.backbone(x).fmap3).mean((2, 3)))  # type: ignore[no-any-return]

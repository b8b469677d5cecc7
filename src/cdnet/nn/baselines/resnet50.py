"""ResNet-50 with the last stride 1, the backbone of Bag of Tricks (Table 12).

He et al., *Deep Residual Learning for Image Recognition*, CVPR 2016; Luo et al., *Bag of Tricks and a Strong Baseline
for Deep Person Re-identification*, 2019, whose network is this one with BNNeck. Table 12 comes out: 4053.3 M MACs, and
25.1 M parameters, of which 1.5 M are the classifier of Market-1501's 751 identities, which inference drops.
"""

from __future__ import annotations

from torch import Tensor, nn

from cdnet.nn.backbone import STEM_CHANNELS, FeatureMaps, Stem, initialise, scale_channels
from cdnet.nn.blocks import Bottleneck, conv1x1_bn

STAGES = ((256, 3, 1), (512, 4, 2), (1024, 6, 2), (2048, 3, 1))
"""Channels, blocks and stride of each stage; for classification the last stride is 2."""


class ResidualBlock(Bottleneck):
    """1x1, 3x3, 1x1, the stride in the 3x3 and in the shortcut, as torchvision has it."""

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__(in_channels, out_channels)
        middle = out_channels // 4
        self.middle = nn.Sequential(
            nn.Conv2d(middle, middle, 3, stride, padding=1, bias=False), nn.BatchNorm2d(middle), nn.ReLU(inplace=True)
        )
        if stride != 1:
            convolution, norm = conv1x1_bn(in_channels, out_channels)
            convolution.stride = (stride, stride)  # type: ignore[assignment]
            self.shortcut = nn.Sequential(convolution, norm)

    def transform(self, x: Tensor) -> Tensor:
        """Map N x M x H x W to N x M x H' x W', H' and W' smaller by the stride."""
        return self.middle(x)  # type: ignore[no-any-return]


class ResNet50Backbone(nn.Module):
    """ResNet-50 without its classifier; fmap1, fmap2 and fmap3 are the outputs of its last three stages.

    Their sizes are those of CDNet's maps, 32x16, 16x8 and 16x8 at 256x128, so that every neck finds what it expects.

    Args:
        width: multiplies the channels of the stem and of every stage.
    """

    def __init__(self, width: float = 1.0) -> None:
        super().__init__()
        stem = scale_channels(STEM_CHANNELS, width)
        self.stem = Stem(stem)
        c1, c2, c3, c4 = widths = [scale_channels(channels, width) for channels, _, _ in STAGES]
        self.channels = (c2, c3, c4)
        inputs = [stem, c1, c2, c3]
        self.stage1, self.stage2, self.stage3, self.stage4 = (
            nn.Sequential(ResidualBlock(c_in, c, stride), *(ResidualBlock(c, c, 1) for _ in range(blocks - 1)))
            for c_in, c, (_, blocks, stride) in zip(inputs, widths, STAGES, strict=True)
        )
        initialise(self)

    def forward(self, x: Tensor) -> FeatureMaps:
        """Map normalised pictures N x 3 x H x W to the three feature maps."""
        fmap1 = self.stage2(self.stage1(self.stem(x)))
        fmap2 = self.stage3(fmap1)
        return FeatureMaps(fmap1, fmap2, self.stage4(fmap2))

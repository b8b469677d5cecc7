"""The network of Figure 4: stem, three stages of CDBlocks, a DownSample between any two stages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from torch import Tensor, nn

from cdnet.genotype import CDChoice, Genotype
from cdnet.nn.blocks import CDBlock, conv1x1_bn

STEM_CHANNELS = 64
STAGE_CHANNELS = (256, 384, 512)


class FeatureMaps(NamedTuple):
    """What a backbone hands to a neck; at 256x128 fmap1 is 32x16, fmap2 and fmap3 are 16x8.

    ``fmap1`` and ``fmap2`` are the outputs of the two DownSamples, ``fmap3`` that of the last stage.
    """

    fmap1: Tensor
    fmap2: Tensor
    fmap3: Tensor


def scale_channels(channels: int, width: float) -> int:
    """Return ``channels`` times the width multiplier beta, rounded down to a multiple of 4 (at least 4)."""
    return max(4, int(channels * width) // 4 * 4)


class Stem(nn.Sequential):
    """7x7 convolution with stride 2, batch norm, ReLU, then 3x3 max-pool with stride 2."""

    def __init__(self, channels: int) -> None:
        super().__init__(
            nn.Conv2d(3, channels, 7, stride=2, padding=3, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, stride=2, padding=1),
        )

    def narrow(self) -> None:
        """Put a 3x3 convolution with fresh weights in the place of the 7x7, as the authors have on CIFAR-100."""
        wide: nn.Conv2d = self[0]  # type: ignore[assignment]
        self[0] = nn.Conv2d(3, wide.out_channels, 3, stride=wide.stride, padding=1, bias=False)  # type: ignore[arg-type]
        initialise(self[0])

    def reduce_by(self, factor: int) -> None:
        """Make the stem shrink pictures by 4 (Figure 4), 2 (no pool) or 1 (no stride either); its weights stay."""
        assert factor in (1, 2, 4)
        self[0].stride = (1, 1) if factor == 1 else (2, 2)  # type: ignore[assignment]
        self[3] = nn.MaxPool2d(3, stride=2, padding=1) if factor == 4 else nn.Identity()


class DownSample(nn.Sequential):
    """1x1 convolution, batch norm and ReLU at the same channels, then 2x2 average pool (Figure 3 b)."""

    def __init__(self, channels: int) -> None:
        super().__init__(*conv1x1_bn(channels, channels), nn.ReLU(inplace=True), nn.AvgPool2d(2, stride=2))


class Stage(nn.Sequential):
    """The CDBlocks of one stage, as a genotype chooses them; the first changes the channels."""

    def __init__(self, in_channels: int, channels: int, choices: Sequence[CDChoice], block: str) -> None:
        widths = [in_channels] + [channels] * (len(choices) - 1)
        super().__init__(
            *(
                CDBlock(c_in, channels, (choice.k1, choice.k2), choice.repeats, block)
                for c_in, choice in zip(widths, choices, strict=True)
            )
        )
        self.choices = tuple(choices)


class StagedBackbone(nn.Module):
    """Stem, three stages and the DownSamples between them, whatever the stages are made of.

    ``channels`` are those of fmap1, fmap2 and fmap3.

    Args:
        width: width multiplier beta.
        make_stage: takes a stage's number (from 0), its input's channels and its own, and makes it.
    """

    def __init__(self, width: float, make_stage: Callable[[int, int, int], nn.Module]) -> None:
        super().__init__()
        stem = scale_channels(STEM_CHANNELS, width)
        c1, c2, c3 = (scale_channels(channels, width) for channels in STAGE_CHANNELS)
        self.channels = (c1, c2, c3)
        self.stem = Stem(stem)
        self.stage1 = make_stage(0, stem, c1)
        self.down1 = DownSample(c1)
        self.stage2 = make_stage(1, c1, c2)
        self.down2 = DownSample(c2)
        self.stage3 = make_stage(2, c2, c3)
        initialise(self)

    def forward(self, x: Tensor) -> FeatureMaps:
        """Map normalised pictures N x 3 x H x W, at least 32x32, to the three feature maps."""
        fmap1 = self.down1(self.stage1(self.stem(x)))
        fmap2 = self.down2(self.stage2(fmap1))
        return FeatureMaps(fmap1, fmap2, self.stage3(fmap2))


class Backbone(StagedBackbone):
    """The searched network without its neck; any genotype, any width, any input of at least 32x32."""

    def __init__(self, genotype: Genotype, width: float = 1.0) -> None:
        super().__init__(width, lambda stage, c_in, c: Stage(c_in, c, genotype.stages[stage], genotype.block))


def initialise(module: nn.Module) -> None:
    """Initialise convolutions by He's normal rule (fan-out) and linear layers by a normal of deviation 0.01."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
        elif isinstance(layer, nn.Linear):
            nn.init.normal_(layer.weight, std=0.01)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)

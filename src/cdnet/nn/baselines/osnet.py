"""OSNet, the baseline of Tables 3, 9 and 10: four streams of 1 to 4 Lite 3x3 in every block.

Zhou et al., *Omni-Scale Feature Learning for Person Re-Identification*, ICCV 2019. It shares Lite 3x3, the stem and
the stages' channels with CDNet, which keeps two of its four streams. The published network has
:class:`~cdnet.nn.necks.FCNeck` on it.
"""

from __future__ import annotations

from torch import Tensor, nn

from cdnet.nn.backbone import StagedBackbone
from cdnet.nn.blocks import AdaptiveGate, Bottleneck
from cdnet.nn.lite import lites

STREAMS = 4
GATE_REDUCTION = 16


class OSBlock(Bottleneck):
    """Omni-scale block: streams of 1, 2, 3 and 4 Lite 3x3, weighted by one shared gate and summed."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(in_channels, out_channels)
        middle = out_channels // 4
        self.streams = nn.ModuleList(lites(middle, count) for count in range(1, STREAMS + 1))
        self.gate = AdaptiveGate(middle, GATE_REDUCTION)

    def transform(self, x: Tensor) -> Tensor:
        """Return the weighted sum of the streams, channel by channel."""
        streams = [stream(x) for stream in self.streams]
        first, *others = (self.gate(y) * y for y in streams)
        return sum(others, start=first)  # type: ignore[no-any-return]


class OSNetBackbone(StagedBackbone):
    """OSNet's body without its last 1x1 convolution and fully connected layer, as Table 9 puts FBLNeck on it."""

    def __init__(self, width: float = 1.0) -> None:
        super().__init__(width, lambda _stage, c_in, c: nn.Sequential(OSBlock(c_in, c), OSBlock(c, c)))

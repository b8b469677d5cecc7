"""What a network wants done to a picture's bytes before it sees them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from cdnet.data.decode import Pixels


@dataclass(frozen=True)
class Preprocessing:
    """How bytes become a network's input: order of channels, range, then (value - mean) / deviation.

    Args:
        size: height and width.
        channels: the order in which the network wants them.
        range: the value that a byte of 255 becomes, before mean and deviation.
        mean: of each channel in the network's order and range.
        std: deviation of each channel in the network's order and range.
    """

    size: tuple[int, int]
    channels: Literal["rgb", "bgr"] = "rgb"
    range: float = 1.0
    mean: tuple[float, ...] = (0.0, 0.0, 0.0)
    std: tuple[float, ...] = (1.0, 1.0, 1.0)

    def __call__(self, pixels: Pixels) -> npt.NDArray[np.float32]:
        """Map RGB bytes N x H x W x 3 to the network's input N x 3 x H x W."""
        values = pixels[..., ::-1] if self.channels == "bgr" else pixels
        scaled = values.astype(np.float32) * np.float32(self.range / 255)
        normal = (scaled - np.array(self.mean, np.float32)) / np.array(self.std, np.float32)
        return np.ascontiguousarray(normal.transpose(0, 3, 1, 2))

    def to_json(self) -> dict[str, object]:
        """Return it as plain values."""
        return asdict(self)

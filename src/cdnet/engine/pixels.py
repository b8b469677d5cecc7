"""Decoded pictures at a run's hand: in a GPU's memory where there is room for all, else read batch by batch."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

Rows = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]


class PixelsAtHand:
    """Gives rows of pictures as bytes on the device.

    Args:
        pixels: all pictures, N x H x W x 3 bytes, to be kept on a GPU that has three times their room free; None if
            they are of other sizes than the run wants.
        read: gives the pictures of some rows, n x H x W x 3 bytes, where they are not kept.
        device: where they go.
    """

    def __init__(self, pixels: Bytes | None, read: Callable[[Rows], Bytes], device: torch.device) -> None:
        self._read, self._device = read, device
        self._kept: Tensor | None = None
        if pixels is not None and device.type == "cuda" and pixels.nbytes <= torch.cuda.mem_get_info(device)[0] // 3:
            self._kept = torch.from_numpy(np.array(pixels)).to(device)

    def __getitem__(self, rows: Rows) -> Tensor:
        """Return pictures n x H x W x 3, bytes, on the device."""
        if self._kept is not None:
            return self._kept[torch.from_numpy(rows).to(self._device)]
        return torch.from_numpy(self._read(rows)).to(self._device)

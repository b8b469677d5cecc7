"""Turning a picture upright, where its EXIF data say that the camera was held otherwise."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

UPRIGHT = 1

Pixels = npt.NDArray[np.uint8]


def known_orientation(value: object) -> int:
    """Return an EXIF orientation, 1 to 8; anything else means nothing and counts as upright."""
    return value if isinstance(value, int) and 1 <= value <= 8 else UPRIGHT


def turn(pixels: Pixels, orientation: int) -> Pixels:
    """Return pixels H x W x 3 as they are to be seen: from 5 on, W x H x 3.

    Args:
        pixels: as stored.
        orientation: of EXIF, 1 to 8: where the stored picture's first row and first column belong.
    """
    if orientation == UPRIGHT:
        return pixels
    if orientation >= 5:  # rows and columns change places
        pixels = pixels.transpose(1, 0, 2)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)

"""What networks are fed: how large pictures are, and what they are normalised by."""

from __future__ import annotations

import re

from cdnet.errors import CdnetError

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
"""Of ImageNet's pictures, channel by channel in RGB, for values in [0, 1]."""


def parse_size(size: str) -> tuple[int, int]:
    """Return (height, width) of a size such as ``256x128``.

    Raises:
        CdnetError: if it is not of that form, or a side is below 32 or above 2048.
    """
    match = re.fullmatch(r"(\d{1,9})x(\d{1,9})", size.strip())
    if match is None:
        raise CdnetError(f"{size!r} is no size; write height x width, such as 256x128")
    height, width = int(match[1]), int(match[2])
    if not (32 <= height <= 2048 and 32 <= width <= 2048):
        raise CdnetError(f"the size {size} has a side outside 32 to 2048")
    return height, width

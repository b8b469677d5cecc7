"""What a recipe says of the pictures: where they are, and how large."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from cdnet.errors import CdnetError


@dataclass
class DataRecipe:
    """Which pictures.

    Args:
        root: folder or CSV file with the pictures.
        layout: auto, msmt17, msmt17-trainval (its validation pictures too), dukemtmc, cuhk03-np, veri, market1501,
            folders (those of persons), camera-folders (cameras above persons) or csv.
        holdout: share of the identities held out for the test where the layout gives no split.
        cache: folder for decoded pictures; by default ~/.cache/cdnet.
    """

    root: Path | None = None
    layout: str = "auto"
    holdout: float = 0.3
    cache: Path | None = None


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

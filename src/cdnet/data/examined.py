"""What can be said of a data set as a whole, once its layout has been read: conflicts, and what was passed over."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from cdnet.data.conflicts import find_conflicts
from cdnet.data.files_below import files_below
from cdnet.data.pictures import SPLITS, ReidData


def examined(data: ReidData) -> ReidData:
    """Return the data set with ``conflicts``, ``passed_over`` and ``genuine``, for which no picture is to be opened.

    Raises:
        CdnetError: if a folder cannot be read.
    """
    others = (entry for place in _places(data) for entry in files_below(place).others)
    return replace(
        data,
        conflicts=data.conflicts or find_conflicts(data),
        passed_over=tuple(f"{path}: {what}" for path, what in others),
        genuine=data.genuine or data.is_as_published(),
    )


def _places(data: ReidData) -> list[Path]:
    # All below the root of one's own pictures; a published data set has more in it than the folders it is read from.
    if not data.root.is_dir():
        return []
    if not data.published:
        return [data.root]
    paths = {picture.path.parent for split in SPLITS for picture in data.split(split)}
    inside = (path.relative_to(data.root) for path in paths if path.is_relative_to(data.root))
    return sorted({data.root / path.parts[0] for path in inside if path.parts})

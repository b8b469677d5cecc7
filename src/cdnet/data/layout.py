"""Finding out which layout a path has, and reading it."""

from __future__ import annotations

from pathlib import Path

from cdnet.data.market1501 import is_market1501, read_market1501
from cdnet.data.own import read_csv, read_folders
from cdnet.data.pictures import ReidData
from cdnet.errors import CdnetError

LAYOUTS = ("auto", "market1501", "folders", "csv")


def read_data(root: Path | str, layout: str = "auto", holdout: float = 0.3) -> ReidData:
    """Read a data set: Market-1501's folders, a folder per identity, or a CSV file.

    Args:
        root: a folder, or a CSV file. A folder with ``Market-1501-v15.09.15`` inside means that one.
        layout: one of ``LAYOUTS``; ``auto`` looks.
        holdout: share of the identities, 0 to 1, held out for the test where the layout gives no split.

    Raises:
        CdnetError: if nothing is there, no picture is there, or the layout is unknown or does not fit.
    """
    try:
        return _read(Path(root), layout, holdout)
    except OSError as error:
        raise CdnetError(f"{error.filename or root} could not be read: {error.strerror or error}") from error


def _read(root: Path, layout: str, holdout: float) -> ReidData:
    if layout not in LAYOUTS:
        raise CdnetError(f"unknown layout {layout!r}; known are {', '.join(LAYOUTS)}")
    if not 0 <= holdout <= 1:
        raise CdnetError(f"the holdout is a share from 0 to 1, not {holdout}")
    if not root.exists():
        raise CdnetError(f"{root}: no such folder or CSV file; --data.root names where the pictures are")
    if layout == "csv" or (layout == "auto" and root.is_file()):
        if not root.is_file():
            raise CdnetError(f"{root}: the layout csv needs a CSV file, not a folder")
        return _with_pictures(read_csv(root, holdout))
    if not root.is_dir():
        raise CdnetError(f"{root}: the layout {layout} needs a folder, not a file")
    nested = root / "Market-1501-v15.09.15"
    if nested.is_dir() and layout != "folders":
        root = nested
    if layout == "market1501" or (layout == "auto" and is_market1501(root)):
        return _with_pictures(read_market1501(root))
    return _with_pictures(read_folders(root, holdout))


def _with_pictures(data: ReidData) -> ReidData:
    if not (data.train or data.query or data.gallery or data.unparsed):
        raise CdnetError(f"{data.root}: no pictures there (read as {data.name})")
    return data

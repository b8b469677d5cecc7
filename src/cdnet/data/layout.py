"""Finding out which layout a path has, and reading it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from cdnet.data import dukemtmc, market1501, msmt17
from cdnet.data.csv_file import read_csv
from cdnet.data.dukemtmc import is_dukemtmc, read_dukemtmc
from cdnet.data.examined import examined
from cdnet.data.market1501 import is_market1501, read_market1501
from cdnet.data.msmt17 import is_msmt17, read_msmt17
from cdnet.data.own import read_folders
from cdnet.data.pictures import ReidData
from cdnet.errors import CdnetError

LAYOUTS = ("auto", "market1501", "dukemtmc", "msmt17", "msmt17-trainval", "folders", "csv")

READERS: dict[str, Callable[[Path], ReidData]] = {
    "market1501": read_market1501,
    "dukemtmc": read_dukemtmc,
    "msmt17": read_msmt17,
    "msmt17-trainval": partial(read_msmt17, validation=True),
}
ARCHIVES: dict[str, tuple[str, ...]] = {
    "market1501": (market1501.ARCHIVE,),
    "dukemtmc": (dukemtmc.ARCHIVE,),
    "msmt17": tuple(msmt17.ARCHIVES.values()),
    "msmt17-trainval": tuple(msmt17.ARCHIVES.values()),
    "auto": (market1501.ARCHIVE, dukemtmc.ARCHIVE, *msmt17.ARCHIVES.values()),
}
"""The folders that each layout's archives unpack to."""
SOURCES = {
    "market1501": market1501.SOURCE,
    "dukemtmc": dukemtmc.SOURCE,
    "msmt17": msmt17.SOURCE,
    "msmt17-trainval": msmt17.SOURCE,
}


def read_data(root: Path | str, layout: str = "auto", holdout: float = 0.3) -> ReidData:
    """Read a data set: Market-1501, DukeMTMC-reID, MSMT17, a folder per identity, or a CSV file.

    Args:
        root: a folder, or a CSV file. A folder with ``Market-1501-v15.09.15``, ``DukeMTMC-reID``, ``MSMT17_V1`` or
            ``MSMT17_V2`` inside means that one.
        layout: one of ``LAYOUTS``; ``auto`` looks. ``msmt17-trainval`` trains on MSMT17's validation pictures too.
        holdout: share of the identities, 0 to 1, held out for the test where the layout gives no split.

    Raises:
        CdnetError: if nothing is there, no picture is there, or the layout is unknown or does not fit.
    """
    try:
        return examined(_read(Path(root), layout, holdout))
    except OSError as error:
        raise CdnetError(f"{error.filename or root} could not be read: {error.strerror or error}") from error


def _read(root: Path, layout: str, holdout: float) -> ReidData:
    if layout not in LAYOUTS:
        raise CdnetError(f"unknown layout {layout!r}; known are {', '.join(LAYOUTS)}")
    if not 0 <= holdout <= 1:
        raise CdnetError(f"the holdout is a share from 0 to 1, not {holdout}")
    if not root.exists():
        source = f"; {SOURCES[layout]}" if layout in SOURCES else ""
        raise CdnetError(f"{root}: no such folder or CSV file; --data.root names where the pictures are{source}")
    if layout == "csv" or (layout == "auto" and not root.is_dir()):
        if root.is_dir():
            raise CdnetError(f"{root}: the layout csv needs a CSV file, not a folder")
        return _with_pictures(read_csv(root, holdout))
    if not root.is_dir():
        raise CdnetError(f"{root}: the layout {layout} needs a folder, not a file")
    root = _inside(root, layout)
    if layout == "auto":
        layout = _recognised(root)
    return _with_pictures(READERS[layout](root) if layout in READERS else read_folders(root, holdout))


def _inside(root: Path, layout: str) -> Path:
    # Some archives unpack to a folder within a folder of the same name.
    found = [name for name in ARCHIVES.get(layout, ()) if (root / name).is_dir()]
    if len(found) > 1:
        raise CdnetError(f"{root}: holds {' and '.join(found)}; name one of these folders")
    return _inside(root / found[0], layout) if found else root


def _recognised(root: Path) -> str:
    if is_msmt17(root):
        return "msmt17"
    if is_dukemtmc(root):
        return "dukemtmc"
    return "market1501" if is_market1501(root) else "folders"


def _with_pictures(data: ReidData) -> ReidData:
    if not (data.train or data.query or data.gallery or data.unparsed):
        raise CdnetError(f"{data.root}: no pictures there (read as {data.name})")
    return data

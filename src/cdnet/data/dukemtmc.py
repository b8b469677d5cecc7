"""DukeMTMC-reID as it lies on disk (Ristani et al., ECCV workshops 2016; Zheng et al., ICCV 2017).

Its authors withdrew DukeMTMC in 2019. This reads a copy that is already there, so that results of before can be
compared with; nothing here offers one. The folders are Market-1501's, the names ``IDENTITY_cCAMERA_fFRAME.jpg``.
There is no junk; the gallery has 408 identities more than the queries, which are distractors and stay.
"""

from __future__ import annotations

import re
from pathlib import Path

from cdnet.data.market1501 import FOLDERS, read_three_folders
from cdnet.data.pictures import SUFFIXES, ReidData

NAME = "DukeMTMC-reID"
ARCHIVE = "DukeMTMC-reID"
SOURCE = "DukeMTMC-reID was withdrawn by its authors in 2019 and is no longer given out"
PUBLISHED = {"train": (16_522, 702, 8), "query": (2_228, 702, 8), "gallery": (17_661, 1_110, 8)}
"""Pictures, identities and cameras."""

_NAME = re.compile(r"(?P<identity>\d+)_c(?P<camera>\d+)_f\d+(\.jpe?g|\.png|\.bmp)", re.IGNORECASE)


def is_dukemtmc(root: Path) -> bool:
    """Tell whether most names of the first of Market-1501's folders that has pictures are of this data set's form."""
    for folder in FOLDERS.values():
        paths = (root / folder).iterdir() if (root / folder).is_dir() else ()
        names = [p.name for p in paths if p.suffix.lower() in SUFFIXES and not p.name.startswith(".")]
        if names:
            return 2 * sum(_NAME.fullmatch(name) is not None for name in names) > len(names)
    return False


def read_dukemtmc(root: Path) -> ReidData:
    """Read the three folders; one that is missing gives an empty split.

    Raises:
        CdnetError: if none of them is there, or one cannot be read.
    """
    return read_three_folders(NAME, root, _NAME, "0001_c2_f0046182.jpg", SOURCE, PUBLISHED)

"""DukeMTMC-reID as it lies on disk (Ristani et al., ECCV workshops 2016; Zheng et al., ICCV 2017).

Its authors withdrew DukeMTMC in 2019. This reads a copy that is already there, so that results of before can be
compared with; nothing here offers one. The folders are Market-1501's, the names ``IDENTITY_cCAMERA_fFRAME.jpg``.
There is no junk; the gallery has 408 identities more than the queries, which are distractors and stay.
"""

from __future__ import annotations

import re
from pathlib import Path

from cdnet.data.market1501 import EXPECTED
from cdnet.data.named_files import NamedFiles, is_named, read_named
from cdnet.data.pictures import ReidData

ARCHIVE = "DukeMTMC-reID"
SOURCE = "DukeMTMC-reID was withdrawn by its authors in 2019 and is no longer given out"
PUBLISHED = {"train": (16_522, 702, 8), "query": (2_228, 702, 8), "gallery": (17_661, 1_110, 8)}
"""Pictures, identities and cameras."""

FILES = NamedFiles(
    "DukeMTMC-reID",
    re.compile(r"(?P<identity>\d+)_c(?P<camera>\d+)_f\d+", re.ASCII),
    "0001_c2_f0046182.jpg",
    SOURCE,
    PUBLISHED,
)


def is_dukemtmc(root: Path) -> bool:
    """Tell whether most names of the first split that has pictures are of this data set's form."""
    return is_named(root, FILES)


def read_dukemtmc(root: Path) -> ReidData:
    """Read the three folders; one that is missing gives an empty split.

    Raises:
        CdnetError: if none of them is there, or one cannot be read.
    """
    return read_named(root, FILES, EXPECTED)

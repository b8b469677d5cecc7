"""Market-1501 as it lies on disk (Zheng et al., ICCV 2015).

Names are ``IDENTITY_cCAMERAsSEQUENCE_FRAME_BOX.jpg``; some end in ``.jpg.jpg``, and a folder may hold a Thumbs.db.
Identity -1 is junk, which the protocol ignores; identity 0 is a distractor, which stays in the gallery.
"""

from __future__ import annotations

import re
from pathlib import Path

from cdnet.data.named_files import NamedFiles, is_named, read_named
from cdnet.data.pictures import ReidData
from cdnet.data.split_folders import subfolders

ARCHIVE = "Market-1501-v15.09.15"
SOURCE = "Market-1501 is on its authors' page, https://zheng-lab.cecs.anu.edu.au/Project/project_reid.html"
EXPECTED = "bounding_box_train, query, bounding_box_test"
PUBLISHED = {"train": (12_936, 751, 6), "query": (3_368, 750, 6), "gallery": (15_913, 751, 6)}
"""Pictures, identities and cameras; the gallery's are without the junk and with the distractors as one identity."""

_FOLDERS = ("bounding_box_train", "bounding_box_test")
FILES = NamedFiles(
    "market1501",
    re.compile(r"(?P<identity>-1|\d+)_c(?P<camera>\d+)s\d+_\d+_\d+", re.ASCII),
    "0002_c1s1_000451_03.jpg",
    SOURCE,
    PUBLISHED,
)


def is_market1501(root: Path) -> bool:
    """Tell whether a folder has this data set's names in its splits, or its folders with pictures or nothing in them.

    A folder for each person below ``bounding_box_train`` is a layout of one's own.
    """
    own = [folder for folder in subfolders(root) if folder.name.casefold() in _FOLDERS]
    return is_named(root, FILES) or any(not subfolders(folder) for folder in own)


def read_market1501(root: Path) -> ReidData:
    """Read the three folders; one that is missing gives an empty split.

    Raises:
        CdnetError: if none of them is there, or one cannot be read.
    """
    return read_named(root, FILES, EXPECTED)

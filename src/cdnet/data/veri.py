"""VeRi-776 as it lies on disk (Liu et al., ECCV 2016), and data sets that name their files as it does.

The folders are ``image_train``, ``image_query`` and ``image_test``, the names ``IDENTITY_cCAMERA_FRAME_BOX.jpg``, such
as ``0001_c001_00030600_0.jpg``; what follows the camera makes no difference. It shows vehicles; the layout serves
people as well.
"""

from __future__ import annotations

import re
from pathlib import Path

from cdnet.data.named_files import NamedFiles, is_named, read_named
from cdnet.data.pictures import ReidData

ARCHIVE = "VeRi"
SOURCE = "VeRi-776 is given out by its authors on request, see https://github.com/JDAI-CV/VeRidataset"

FILES = NamedFiles(
    "veri",
    re.compile(r"(?P<identity>-1|\d+)_c(?P<camera>\d+)_\w+", re.ASCII),
    "0001_c001_00030600_0.jpg",
    SOURCE,
    {},
)


def is_veri(root: Path) -> bool:
    """Tell whether most names of the first split that has pictures are of this data set's form."""
    return is_named(root, FILES)


def read_veri(root: Path) -> ReidData:
    """Read the three folders; one that is missing gives an empty split.

    Raises:
        CdnetError: if none of them is there, or one cannot be read.
    """
    return read_named(root, FILES, "image_train, image_query, image_test")

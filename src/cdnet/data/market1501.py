"""Market-1501 as it lies on disk (Zheng et al., ICCV 2015).

Names are ``IDENTITY_cCAMERAsSEQUENCE_FRAME_BOX.jpg``; some end in ``.jpg.jpg``, and a folder may hold a Thumbs.db.
Identity -1 is junk, which the protocol ignores; identity 0 is a distractor, which stays in the gallery.
"""

from __future__ import annotations

import re
from pathlib import Path

from cdnet.data.pictures import Picture, ReidData, picture_files

NAME = "market1501"
FOLDERS = {"train": "bounding_box_train", "query": "query", "gallery": "bounding_box_test"}
JUNK = "-1"

_NAME = re.compile(r"(?P<identity>-1|\d+)_c(?P<camera>\d+)s\d+_\d+_\d+(\.jpe?g|\.png|\.bmp)+", re.IGNORECASE)


def is_market1501(root: Path) -> bool:
    """Tell whether a folder has the training or the gallery folder; ``query`` alone is also a layout of one's own."""
    return any((root / folder).is_dir() for folder in ("bounding_box_train", "bounding_box_test"))


def read_market1501(root: Path) -> ReidData:
    """Read the three folders; one that is missing gives an empty split."""
    splits: dict[str, tuple[Picture, ...]] = {}
    unparsed: list[str] = []
    junk = 0
    for split, folder in FOLDERS.items():
        pictures = []
        for path in picture_files(root / folder) if (root / folder).is_dir() else []:
            match = _NAME.fullmatch(path.name)
            if match is None:
                unparsed.append(f"{path}: the name is not of the form 0002_c1s1_000451_03.jpg")
            elif match["identity"] == JUNK:
                junk += 1
            else:
                pictures.append(Picture(path, match["identity"], match["camera"]))
        splits[split] = tuple(pictures)
    ignored = {"junk (identity -1)": junk} if junk else {}
    return ReidData(NAME, root, **splits, ignored=ignored, unparsed=tuple(unparsed))

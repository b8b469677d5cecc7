"""Market-1501 as it lies on disk (Zheng et al., ICCV 2015).

Names are ``IDENTITY_cCAMERAsSEQUENCE_FRAME_BOX.jpg``; some end in ``.jpg.jpg``, and a folder may hold a Thumbs.db.
Identity -1 is junk, which the protocol ignores; identity 0 is a distractor, which stays in the gallery.
"""

from __future__ import annotations

import re
from pathlib import Path

from cdnet.data.pictures import Picture, ReidData, picture_files
from cdnet.errors import CdnetError

NAME = "market1501"
ARCHIVE = "Market-1501-v15.09.15"
SOURCE = "Market-1501 is on its authors' page, https://zheng-lab.cecs.anu.edu.au/Project/project_reid.html"
FOLDERS = {"train": "bounding_box_train", "query": "query", "gallery": "bounding_box_test"}
JUNK = "-1"
PUBLISHED = {"train": (12_936, 751, 6), "query": (3_368, 750, 6), "gallery": (15_913, 751, 6)}
"""Pictures, identities and cameras; the gallery's are without the junk and with the distractors as one identity."""

_NAME = re.compile(r"(?P<identity>-1|\d+)_c(?P<camera>\d+)s\d+_\d+_\d+(\.jpe?g|\.png|\.bmp)+", re.IGNORECASE)


def is_market1501(root: Path) -> bool:
    """Tell whether a folder has the training or the gallery folder; ``query`` alone is also a layout of one's own."""
    return any((root / folder).is_dir() for folder in ("bounding_box_train", "bounding_box_test"))


def read_market1501(root: Path) -> ReidData:
    """Read the three folders; one that is missing gives an empty split.

    Raises:
        CdnetError: if none of them is there, or one cannot be read.
    """
    return read_three_folders(NAME, root, _NAME, "0002_c1s1_000451_03.jpg", SOURCE, PUBLISHED)


def read_three_folders(
    name: str,
    root: Path,
    pattern: re.Pattern[str],
    example: str,
    source: str,
    published: dict[str, tuple[int, int, int]],
) -> ReidData:
    """Read ``bounding_box_train``, ``query`` and ``bounding_box_test``; one that is missing gives an empty split.

    Args:
        name: of the data set.
        root: the folder that holds them.
        pattern: of a whole name, with the groups ``identity`` and ``camera``; the identity -1 is junk.
        example: a name of that form, for complaints.
        source: how to come by the data set, for complaints.
        published: pictures, identities and cameras of each split.

    Raises:
        CdnetError: if none of the three is there, one cannot be read, or no picture has a name of that form.
    """
    if not any((root / folder).is_dir() for folder in FOLDERS.values()):
        raise CdnetError(f"{root}: holds no folder {', '.join(FOLDERS.values())}; {source}")
    splits: dict[str, tuple[Picture, ...]] = {}
    unparsed: list[str] = []
    junk = 0
    for split, folder in FOLDERS.items():
        pictures = []
        for path in picture_files(root / folder) if (root / folder).is_dir() else []:
            match = pattern.fullmatch(path.name)
            if match is None:
                unparsed.append(f"{path}: the name is not of the form {example}")
            elif match["identity"] == JUNK:
                junk += 1
            else:
                pictures.append(Picture(path, match["identity"], match["camera"]))
        splits[split] = tuple(pictures)
    if unparsed and not junk and not any(splits.values()):
        raise CdnetError(
            f"{root}: none of the {len(unparsed):,} pictures there has a name of {name}'s form, {example}; "
            "if they are another data set's, --data.layout auto finds out whose"
        )
    return ReidData(
        name,
        root,
        train=splits["train"],
        query=splits["query"],
        gallery=splits["gallery"],
        ignored={"junk (identity -1)": junk} if junk else {},
        unparsed=tuple(unparsed),
        published=published,
    )

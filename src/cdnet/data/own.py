"""One's own pictures, a folder per identity.

``ROOT/train/IDENTITY/*``, and for the evaluation ``ROOT/query/IDENTITY/*`` with ``ROOT/gallery/IDENTITY/*``,
or ``ROOT/test/IDENTITY/*``, where every picture is a query to all the others. With ``ROOT/IDENTITY/*`` alone, a part of
the identities is held out for the test, chosen by their names, so that a new folder moves no other. A name with ``_c``
and a number, as Market-1501 has it, gives the camera.
"""

from __future__ import annotations

import re
from pathlib import Path

from cdnet.data.holdout import FOLDERS, held_out, hold_out, with_test
from cdnet.data.pictures import Picture, ReidData, picture_files

_CAMERA = re.compile(r"_c(\d+)")


def read_folders(root: Path, holdout: float) -> ReidData:
    """Read a folder per identity.

    Args:
        root: the folder.
        holdout: share of the identities, 0 to 1, that is held out for the test where no split is given.
    """
    unparsed: list[str] = []
    if any((root / name).is_dir() for name in FOLDERS):
        groups = {name: _identities(root / name, unparsed) for name in FOLDERS}
        others = (path for path in picture_files(root) if path.relative_to(root).parts[0] not in FOLDERS)
        unparsed += (f"{path}: lies beside the folders train, query, gallery or test, not in one" for path in others)
        return with_test("folders", root, groups, unparsed)
    groups = hold_out(_identities(root, unparsed), holdout)
    return with_test(f"folders, {held_out(groups)}", root, groups, unparsed)


def _identities(folder: Path, unparsed: list[str]) -> list[Picture]:
    pictures: list[Picture] = []
    for path in picture_files(folder) if folder.is_dir() else []:
        parts = path.relative_to(folder).parts
        if len(parts) < 2:
            unparsed.append(f"{path}: lies in no identity's folder")
            continue
        camera = _CAMERA.search(path.stem)
        pictures.append(Picture(path, parts[0], camera[1] if camera else None))
    return pictures

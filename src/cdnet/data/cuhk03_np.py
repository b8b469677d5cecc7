"""CUHK03 by its new protocol (Li et al., CVPR 2014; Zhong et al., CVPR 2017), as it lies on disk.

The pictures were cropped twice, by a detector and by hand: the folders ``detected`` and ``labeled`` hold
Market-1501's three folders each, with names such as ``0001_c1_0.png``: identity, camera, number.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from cdnet.data.named_files import NamedFiles, is_named, read_named
from cdnet.data.pictures import ReidData
from cdnet.data.split_folders import find_split_folders, subfolders
from cdnet.errors import CdnetError

PUBLISHED = {
    "detected": {"train": (7_365, 767, 2), "query": (1_400, 700, 2), "gallery": (5_332, 700, 2)},
    "labeled": {"train": (7_368, 767, 2), "query": (1_400, 700, 2), "gallery": (5_328, 700, 2)},
}
"""Pictures, identities and cameras of both croppings."""

FILES = NamedFiles(
    "CUHK03-NP",
    re.compile(r"(?P<identity>\d+)_c(?P<camera>[12])_\d+", re.ASCII),
    "0001_c1_0.png",
    "CUHK03-NP is on the page of its authors, https://github.com/zhunzhong07/person-re-ranking",
    "CUHK03-NP",
)


def is_cuhk03_np(root: Path) -> bool:
    """Tell whether a folder, or ``detected`` or ``labeled`` in it, has splits with most names of this form."""
    return is_named(root, FILES) or any(is_named(folder, FILES) for folder in _croppings(root))


def read_cuhk03_np(root: Path) -> ReidData:
    """Read the three folders of one cropping.

    Args:
        root: one cropping, or the folder that holds one.

    Raises:
        CdnetError: if none is there, or both are and it is not said which.
    """
    if find_split_folders(root) is None:
        found = _croppings(root)
        if len(found) > 1:
            names = " and ".join(folder.name for folder in found)
            raise CdnetError(
                f"{root}: holds {names}, croppings of the same pictures; name one of them, such as {found[0]}"
            )
        if not found:
            raise CdnetError(f"{root}: holds neither detected nor labeled; {FILES.source}")
        return read_cuhk03_np(found[0])
    cropping = _cropping(root.absolute().name)
    if cropping is None:
        return read_named(root, FILES)
    files = replace(FILES, name=f"{FILES.name} {cropping}", published=PUBLISHED[cropping])
    return read_named(root, files)


def _croppings(root: Path) -> list[Path]:
    return [folder for folder in subfolders(root) if _cropping(folder.name) is not None]


def _cropping(name: str) -> str | None:
    match = re.search(r"(detect|label)(led|ed)?$", name.casefold())
    return {"detect": "detected", "label": "labeled"}[match[1]] if match is not None else None

"""MSMT17 as it lies on disk (Wei et al., CVPR 2018), version 1 or version 2.

Four lists name the pictures, one a line: ``0000/0000_045_12_0303morning_0006_2.jpg 0``, where the path is below the
folder of the training or the test pictures, the third field of the name is the camera, and the identity follows.
Version 1 has the folders ``train`` and ``test``; version 2, where faces are blurred, ``mask_train_v2`` and
``mask_test_v2``. Lists and names are alike in both, so the folders alone tell the versions apart.

Identities count from 0 in the training lists and again in the test lists, for other people: here they are ``train/0``
and ``test/0``. The authors train on list_train.txt and keep list_val.txt, pictures of the same identities, for
validation; so does the release of CDNet's authors, on version 1. Later papers often train on both.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from cdnet.data.pictures import Picture, ReidData, picture_files
from cdnet.errors import CdnetError
from cdnet.files import refuse_no_file

ARCHIVES = {"V1": "MSMT17_V1", "V2": "MSMT17_V2"}
SOURCE = "MSMT17 is given out by its authors on request, see https://www.pkuvmc.com/dataset.html"
FOLDERS = {
    "V1": {"train": "train", "test": "test"},
    "V2": {"train": "mask_train_v2", "test": "mask_test_v2"},
}
LISTS = {"train": "train", "val": "train", "query": "test", "gallery": "test"}
"""Which folder's pictures each list names."""
PUBLISHED = {"train": (30_248, 1_041, 15), "query": (11_659, 3_060, 15), "gallery": (82_161, 3_060, 15)}
"""Pictures, identities and cameras, the same for both versions."""
PUBLISHED_TRAIN_AND_VAL = (32_621, 1_041, 15)

MAX_BYTES = 64 * 2**20
"""Of a list; the longest has some 4 million."""
_LINE = re.compile(
    r"(?P<path>\d+/\d+_\d+_(?P<camera>\d+)_\w+\.jpe?g)\s+(?P<identity>\d{1,9})", re.IGNORECASE | re.ASCII
)
_NAME = re.compile(r"\d{4}_\d{3}_\d{2}_\d{4}(morning|noon|afternoon)_\w+\.jpe?g", re.IGNORECASE | re.ASCII)
_SUFFIX = re.compile(r"\.jpe?g$", re.IGNORECASE)


def is_msmt17(root: Path) -> bool:
    """Tell whether a folder has this data set's name, a list, a folder of version 2, or its names below ``train``.

    ``train`` and ``test`` alone are also a layout of one's own.
    """
    if root.absolute().name in ARCHIVES.values():
        return True
    if any(_list(root, name).is_file() for name in LISTS):
        return True
    if any((root / folder).is_dir() for folder in FOLDERS["V2"].values()):
        return True
    train = root / FOLDERS["V1"]["train"]
    first = min(train.glob("[0-9]*/"), default=None) if train.is_dir() else None
    return first is not None and any(_NAME.fullmatch(path.name) for path in picture_files(first))


def read_msmt17(root: Path, validation: bool = False) -> ReidData:
    """Read the four lists and see which of their pictures are there.

    Args:
        root: the folder with the lists.
        validation: train on list_val.txt too; otherwise its pictures are counted as ignored.

    Returns:
        The data set, named ``MSMT17 V1`` or ``MSMT17 V2``. Pictures that are listed and not there are in ``missing``.

    Raises:
        CdnetError: if a list or folder is missing, the versions are mixed, or none of a list's pictures is there.
    """
    version = _version(root)
    folders = {part: root / folder for part, folder in FOLDERS[version].items()}
    for needed in (*folders.values(), *(_list(root, name) for name in LISTS)):
        if not needed.exists():
            raise CdnetError(f"{needed}: not there, so this MSMT17 {version} is not complete; {SOURCE}")
    there = {part: _there(folder) for part, folder in folders.items()}
    unparsed: list[str] = []
    missing: list[str] = []
    read: dict[str, tuple[Picture, ...]] = {}
    unlisted = {part: set(names) for part, names in there.items()}
    for name, part in LISTS.items():
        listed = _read_list(_list(root, name), folders[part], part, unparsed)
        read[name] = tuple(picture for path, picture in listed if path in there[part])
        if listed and not read[name]:
            raise CdnetError(
                f"{_list(root, name)}: none of the {len(listed):,} pictures that it names lies in {folders[part]}; "
                "the list is of another version, or the pictures are not unpacked"
            )
        missing += (str(picture.path) for path, picture in listed if path not in there[part])
        unlisted[part] -= {path for path, _ in listed}
    ignored = {
        "validation (list_val.txt)": 0 if validation else len(read["val"]),
        "in no list": sum(len(names) for names in unlisted.values()),
    }
    return ReidData(
        f"MSMT17 {version}" + (", train and val" if validation else ""),
        root,
        train=read["train"] + (read["val"] if validation else ()),
        query=read["query"],
        gallery=read["gallery"],
        ignored={reason: count for reason, count in ignored.items() if count},
        unparsed=tuple(unparsed),
        missing=tuple(missing),
        published=PUBLISHED | ({"train": PUBLISHED_TRAIN_AND_VAL} if validation else {}),
    )


def _list(root: Path, name: str) -> Path:
    return root / f"list_{name}.txt"


def _version(root: Path) -> str:
    found = {
        version: [folder for folder in folders.values() if (root / folder).is_dir()]
        for version, folders in FOLDERS.items()
    }
    versions = [version for version, folders in found.items() if folders]
    if not versions:
        expected = " or ".join(f"{', '.join(folders.values())} ({version})" for version, folders in FOLDERS.items())
        raise CdnetError(f"{root}: holds no folder {expected}; {SOURCE}")
    if len(versions) > 1:
        raise CdnetError(
            f"{root}: mixes {found['V1'][0]} of MSMT17 V1 with {found['V2'][0]} of V2; give each a folder of its own"
        )
    called = next((version for version, name in ARCHIVES.items() if root.absolute().name == name), versions[0])
    if called != versions[0]:
        raise CdnetError(
            f"{root}: is called {ARCHIVES[called]} and holds {found[versions[0]][0]} of MSMT17 {versions[0]}; "
            f"rename it to {ARCHIVES[versions[0]]}"
        )
    return versions[0]


def _there(folder: Path) -> set[str]:
    # As the lists write them. Listing folders is faster than asking for each picture, above all over a network.
    places = [place for place in os.scandir(folder) if place.is_dir()]
    names = ((place.name, name) for place in places for name in os.listdir(place))
    return {f"{place}/{name}" for place, name in names if _SUFFIX.search(name) and not name.startswith(".")}


def _read_list(file: Path, folder: Path, part: str, unparsed: list[str]) -> list[tuple[str, Picture]]:
    # Each picture with its path as it stands in the list.
    refuse_no_file(file)
    if file.stat().st_size > MAX_BYTES:
        raise CdnetError(f"{file}: more than the {MAX_BYTES:,} bytes that a list may have; unpack MSMT17 again")
    try:
        lines = file.read_text("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise CdnetError(f"{file}: not a text file ({error.reason})") from None
    pictures = []
    for number, line in enumerate(lines, 1):
        match = _LINE.fullmatch(line.strip())
        if match is not None:
            picture = Picture(folder / match["path"], f"{part}/{int(match['identity'])}", match["camera"])
            pictures.append((match["path"], picture))
        elif line.strip():
            unparsed.append(f"{file}, line {number}: not of the form 0000/0000_045_12_0303morning_0006_2.jpg 0")
    return pictures

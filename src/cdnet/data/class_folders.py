"""A folder a class, as ImageNet, Tiny-ImageNet and pictures of one's own lie on disk.

``ROOT/train/CLASS/**`` with ``ROOT/val/CLASS/**`` or ``ROOT/test/CLASS/**``; where both are there, ``val`` is the one
that is tested on, since ImageNet's and Tiny-ImageNet's ``test`` have no classes. Tiny-ImageNet's validation pictures
may also lie together, as published: ``val/images`` with ``val/val_annotations.txt``.

A class's number is its place in the order of the names, which for CIFAR-100 is the published number.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from cdnet.data.classes import ClassData, PictureFiles
from cdnet.data.files_below import files_below
from cdnet.data.pictures import picture_files
from cdnet.errors import CdnetError

NAME = "folders"
ANNOTATIONS = "val_annotations.txt"
TEST = ("val", "test")
MAX_BYTES = 64 * 2**20
"""Of annotations; Tiny-ImageNet's have some 350,000."""


def is_class_folders(root: Path) -> bool:
    """Tell whether a folder has a training folder and one to test on."""
    return (root / "train").is_dir() and any((root / name).is_dir() for name in TEST)


def count_class_folders(root: Path) -> int:
    """Return how many classes the training folder has, whatever lies in them."""
    return len(_class_folders(root / "train"))


def read_class_folders(root: Path) -> ClassData:
    """Read the training and the test folder.

    Raises:
        CdnetError: if a class has no pictures, a picture has no class, or the test has other classes than the training.
    """
    folders = [root / name for name in TEST if (root / name).is_dir()]
    if not (root / "train").is_dir() or not folders:
        raise CdnetError(f"{root}: no folder train/CLASS with a folder val/CLASS or test/CLASS beside it")
    others: list[str] = []
    train = _classes(root / "train", others)
    if len(train) < 2:
        raise CdnetError(f"{root / 'train'}: classification needs at least 2 folders with pictures, one a class")
    if (folders[0] / ANNOTATIONS).is_file() and (folders[0] / "images").is_dir():
        test = _annotated(folders[0])
    else:
        test = _classes(folders[0], others)
    unknown = sorted(test.keys() - train.keys())
    if unknown:
        raise CdnetError(f"{folders[0]}: the class {unknown[0]!r} is not among those of {root / 'train'}")
    if not any(test.values()):
        raise CdnetError(f"{folders[0]}: no pictures to test on")
    untested = sorted(train.keys() - test.keys())
    if untested:
        more = f" (and {len(untested) - 1} more classes)" if len(untested) > 1 else ""
        raise CdnetError(f"{folders[0]}: no pictures of the class {untested[0]!r}{more}, which {root / 'train'} has")
    classes = sorted(train)
    return ClassData(NAME, root, tuple(classes), _numbered(train, classes), _numbered(test, classes), {}, tuple(others))


def _class_folders(folder: Path) -> list[str]:
    return [entry.name for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith(".")]


def _classes(folder: Path, others: list[str]) -> dict[str, list[Path]]:
    found: dict[str, list[Path]] = {name: [] for name in _class_folders(folder)}
    below = files_below(folder)
    others += (f"{path}: {what}" for path, what in below.others)
    for path in below.pictures:
        parts = path.relative_to(folder).parts
        if len(parts) < 2:
            raise CdnetError(f"{path}: lies in no class's folder; move or remove it")
        found[parts[0]].append(path)
    empty = sorted(name for name, paths in found.items() if not paths)
    if empty:
        raise CdnetError(f"{folder / empty[0]}: a class without pictures; fill or remove the folder")
    return found


def _annotated(folder: Path) -> dict[str, list[Path]]:
    path = folder / ANNOTATIONS
    try:
        if path.stat().st_size > MAX_BYTES:
            raise CdnetError(f"{path}: more than the {MAX_BYTES:,} bytes that it may have; unpack the data set again")
        with path.open(newline="", encoding="utf-8") as file:
            rows = [row for row in csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE) if row]
    except (UnicodeDecodeError, csv.Error):
        raise CdnetError(f"{path}: not readable as lines of a picture's name, a tab and its class") from None
    found: dict[str, list[Path]] = {}
    for number, row in enumerate(rows, start=1):
        if len(row) < 2:
            raise CdnetError(f"{path}, line {number}: not a picture's name, a tab and its class")
        found.setdefault(row[1], []).append(folder / "images" / row[0])
    listed = {picture for paths in found.values() for picture in paths}
    there = set(picture_files(folder / "images"))
    if listed - there:
        raise CdnetError(f"{min(listed - there)}: listed in {ANNOTATIONS}, and not there; unpack the data set again")
    if there - listed:
        raise CdnetError(f"{min(there - listed)}: not listed in {ANNOTATIONS}; remove it, or list it")
    return found


def _numbered(groups: dict[str, list[Path]], classes: list[str]) -> PictureFiles:
    paths = [path for name in classes for path in groups.get(name, ())]
    counts = [len(groups.get(name, ())) for name in classes]
    return PictureFiles(paths, np.repeat(np.arange(len(classes), dtype=np.int64), counts))

"""Finding out how a classification data set lies on disk."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cdnet.data.cifar100 import find_cifar100, read_cifar100
from cdnet.data.class_folders import count_class_folders, is_class_folders, read_class_folders
from cdnet.data.classes import ClassData
from cdnet.errors import CdnetError

NESTED = ("tiny-imagenet-200",)


def read_class_data(root: Path) -> ClassData:
    """Read CIFAR-100 as published, or a folder a class.

    Args:
        root: an archive of CIFAR-100, the folder that it lies in or was unpacked to, or a folder with ``train`` and
            ``val`` or ``test``. A folder with ``tiny-imagenet-200`` inside means that one.

    Raises:
        CdnetError: if there is nothing like that, or it is not whole.
    """
    with _saying_what_failed(root):
        nested = [root / name for name in NESTED if is_class_folders(root / name)]
        place = root if is_class_folders(root) or not nested else nested[0]
        return _read(_place(place), root)


def find_class_data(root: Path, classes: int) -> ClassData:
    """Read the data set with so many classes that a path is, or that lies in a folder of it.

    Args:
        root: as :func:`read_class_data` takes it, or a folder with several such.
        classes: how many the data set has.

    Raises:
        CdnetError: if none there has so many, which says what there is, or several have; or it is not whole.
    """
    with _saying_what_failed(root):
        own = _place(root)
        folders = sorted(path for path in root.iterdir() if path.is_dir()) if root.is_dir() else []
        places = list(dict.fromkeys(place for place in (own, *map(_place, folders)) if place is not None))
        fitting = [place for place in places if _count(place) == classes]
        if len(fitting) > 1 and own not in fitting:
            names = " and ".join(place.name for place in fitting)
            raise CdnetError(f"{root}: holds {names} with {classes:,} classes each; name one of them")
        if fitting:
            return _read(own if own in fitting else fitting[0], root)
        if not places:
            return _read(None, root)
        raise CdnetError(f"no data set of {classes:,} classes is there, but {'; '.join(map(_describe, places))}")


@contextmanager
def _saying_what_failed(root: Path) -> Iterator[None]:
    if not root.exists():
        raise CdnetError(f"{root}: no such folder or archive; --data.root names where the pictures are")
    try:
        yield
    except OSError as error:
        raise CdnetError(f"{error.filename or root} could not be read: {error.strerror or error}") from error


def _place(path: Path) -> Path | None:
    return path if is_class_folders(path) else find_cifar100(path)


def _read(place: Path | None, root: Path) -> ClassData:
    if place is None:
        raise CdnetError(f"{root}: neither CIFAR-100 nor a folder with train/CLASS and val/CLASS or test/CLASS")
    return read_class_folders(place) if is_class_folders(place) else read_cifar100(place)


def _count(place: Path) -> int | None:
    # Of folders without reading what is in them, which may be a million pictures of another data set.
    if is_class_folders(place):
        return count_class_folders(place)
    try:
        return len(read_cifar100(place).classes)
    except CdnetError:
        return None


def _describe(place: Path) -> str:
    try:
        data = _read(place, place)
    except CdnetError as error:
        return str(error)
    return f"{place} with {len(data.classes):,} classes and {len(data.train):,} training pictures"

"""One picture of which two things are said that cannot both be true."""

from __future__ import annotations

from collections.abc import Iterator

from cdnet.data.pictures import SPLITS, Picture, ReidData
from cdnet.data.real_paths import RealPaths
from cdnet.data.spelling import camera_of, identity_of


def find_conflicts(data: ReidData) -> tuple[str, ...]:
    """Name the files that are two persons', of two cameras, or trained on and tested on.

    A link is the file that it leads to. One that is a query and in the gallery too is no conflict, for it is not
    matched with itself; a copy of a file is another file, and ``cdnet data check`` finds it among the duplicates.
    """
    seen: dict[str, tuple[Picture, str]] = {}
    found: dict[str, str] = {}
    for picture, split, real in _files(data):
        first, first_split = seen.setdefault(real, (picture, split))
        problem = _contradiction(first, first_split, picture, split)
        if problem is not None:
            alias = "" if first.path == picture.path else f" (the same file as {first.path})"
            found.setdefault(real, f"{picture.path}{alias}: {problem}")
    return tuple(found.values())


def _files(data: ReidData) -> Iterator[tuple[Picture, str, str]]:
    real = RealPaths()
    for split in SPLITS:
        for picture in data.split(split):
            yield picture, split, real(picture.path)


def _contradiction(first: Picture, first_split: str, second: Picture, second_split: str) -> str | None:
    if first is second:
        return None
    if first.identity != second.identity and identity_of(first.identity) != identity_of(second.identity):
        return f"given to two persons, {first.identity!r} and {second.identity!r}"
    cameras = [None if picture.camera is None else camera_of(picture.camera) for picture in (first, second)]
    if cameras[0] != cameras[1]:
        names = " and ".join("none" if picture.camera is None else repr(picture.camera) for picture in (first, second))
        return f"given to two cameras, {names}"
    if (first_split == "train") != (second_split == "train"):
        return f"in {first_split} and in {second_split}; nobody is trained on and tested on"
    return None

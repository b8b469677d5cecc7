"""Copies among one's own pictures: of two persons' one is wrong, and a query's tell nothing.

A copy is a picture of the same pixels, or one that was saved anew (:mod:`cdnet.data.looks`). Published data sets are
what they are, and are not looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cdnet.data.cache import Progress, silently
from cdnet.data.looks import Looks, alike, looks_of
from cdnet.data.pictures import SPLITS, Picture, ReidData
from cdnet.errors import CdnetError


@dataclass(frozen=True)
class Copies:
    """What copies there are: ``conflicts`` names pictures that are copies of another person's.

    ``queries`` counts those that have a copy of themselves in the gallery which counts as a match: another file, of the
    same identity, and not known to be by the same camera.
    """

    conflicts: tuple[str, ...] = ()
    queries: int = 0


def files_of(data: ReidData) -> list[Picture]:
    """Return each file of a data set once, in the order of the splits."""
    return list({picture.path: picture for split in SPLITS for picture in data.split(split)}.values())


def find_copies(data: ReidData, files: Sequence[Picture], looks: Looks) -> Copies:
    """Return the copies among the files of a data set.

    Args:
        data: identities and cameras have one name each.
        files: as :func:`files_of` gives them.
        looks: of each of them.
    """
    if data.genuine:
        return Copies()
    identities, cameras = _numbered([f.identity for f in files]), _numbered([f.camera for f in files])
    unknown = np.array([file.camera is None for file in files])
    query, gallery = (_within(files, data.split(split)) for split in ("query", "gallery"))
    original = np.full(len(files), len(files))
    copied = np.zeros(len(files), bool)
    for pair in alike(looks):
        one, other = np.minimum(*pair), np.maximum(*pair)
        strange = identities[one] != identities[other]
        np.minimum.at(original, other[strange], one[strange])
        for asked, found in ((one[~strange], other[~strange]), (other[~strange], one[~strange])):
            counts = query[asked] & gallery[found] & (unknown[asked] | (cameras[asked] != cameras[found]))
            copied[asked[counts]] = True
    pairs = ((files[n], files[first]) for n, first in enumerate(original.tolist()) if first < len(files))
    return Copies(tuple(_conflict(*pair) for pair in pairs), int(copied.sum()))


def refuse_copies(data: ReidData, folder: Path | None = None, progress: Progress = silently) -> Copies:
    """Return the copies in a data set, and refuse it where one is another person's.

    Args:
        data: with pictures.
        folder: of decoded pictures, where what they look like is kept; None means the default.
        progress: shows how far the looking is.

    Raises:
        CdnetError: with the first one that is another person's, or if the folder cannot be written.
    """
    if data.genuine:
        return Copies()
    files = files_of(data)
    found = find_copies(data, files, looks_of(files, str(data.root.resolve()), folder, progress))
    if found.conflicts:
        more = f" (and {len(found.conflicts) - 1} more)" if len(found.conflicts) > 1 else ""
        raise CdnetError(f"{found.conflicts[0]}{more}; decide for one, `cdnet data check` lists all")
    return found


def _conflict(picture: Picture, original: Picture) -> str:
    persons = f"{original.identity!r} and {picture.identity!r}"
    return f"{picture.path}: the same picture as {original.path}, and given to two persons, {persons}"


def _numbered(names: Sequence[str | None]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    numbers: dict[str | None, int] = {}
    return np.array([numbers.setdefault(name, len(numbers)) for name in names], np.int64)


def _within(files: Sequence[Picture], split: Sequence[Picture]) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    paths = {picture.path for picture in split}
    return np.array([file.path in paths for file in files])

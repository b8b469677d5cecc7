"""What of a data set was left out, or not taken as it stands, in sentences for whoever trains or evaluates on it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from cdnet.data.cache import CachedPictures
from cdnet.data.pictures import ReidData


def remarks(data: ReidData, splits: Iterable[CachedPictures]) -> list[str]:
    """Return a sentence for each kind of thing there is to be said.

    Args:
        data: the data set.
        splits: those that are used, decoded; a picture of two of them counts once.
    """
    splits = tuple(splits)
    found = of_pictures(
        [problem for split in splits for problem in split.broken], [path for split in splits for path in split.turned]
    )
    return [
        *found,
        *_lost(splits),
        *of_folders(data.passed_over),
        *_joined(data.joined),
        *_alike(data.alike),
        *data.notes,
    ]


def _lost(splits: Sequence[CachedPictures]) -> list[str]:
    # Somebody of whom no picture can be read is told apart from pictures that others have more of.
    lost = sorted(
        {identity for split in splits for identity in split.lost}
        - {picture.identity for split in splits for picture in split.pictures}
    )
    if not lost:
        return []
    people = (
        "1 identity of which no picture can be read is"
        if len(lost) == 1
        else (f"{len(lost):,} identities of which no picture can be read are")
    )
    return [f"{people} left out; first {lost[0]}"]


def _joined(joined: Sequence[str]) -> list[str]:
    if len(joined) < 2:
        return list(joined)
    return [f"{len(joined):,} names that are written in several ways are taken as one each; first {joined[0]}"]


def _alike(alike: Sequence[str]) -> list[str]:
    if len(alike) < 2:
        return list(alike)
    return [f"{len(alike):,} groups of names that are hardly different are taken as several; first {alike[0]}"]


def of_pictures(broken: Sequence[str], turned: Sequence[Path]) -> list[str]:
    """Return a sentence on pictures that were left out, and one on those that were turned, where there are such."""
    broken, turned = list(dict.fromkeys(broken)), list(dict.fromkeys(turned))
    found = []
    if broken:
        found.append(f"{len(broken):,} unreadable picture(s) left out; first {broken[0]}")
    if turned:
        found.append(f"{len(turned):,} picture(s) turned upright, as their EXIF data say; first {turned[0]}")
    return found


def of_folders(passed_over: Sequence[str]) -> list[str]:
    """Return a sentence on what lies among the pictures and is none, where there is such."""
    count = len(passed_over)
    return [f"{count:,} file(s) or folder(s) passed over; first {passed_over[0]}"] if count else []

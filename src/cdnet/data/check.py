"""What a data set holds and what is wrong with it, before anybody trains on it."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from cdnet.data.cache import Progress, silently
from cdnet.data.copies import two_persons
from cdnet.data.decode import BrokenPictureError, open_picture
from cdnet.data.matches import match_pictures
from cdnet.data.obstacles import LEAST_IDENTITIES, PURPOSES, obstacles, shared_identities
from cdnet.data.pictures import SPLITS, Picture, ReidData
from cdnet.data.threads import in_threads


@dataclass(frozen=True)
class SplitCounts:
    """One split: pictures, identities, cameras, pictures without a camera, identities with a single picture."""

    pictures: int
    identities: int
    cameras: int
    without_camera: int
    single: int


@dataclass(frozen=True)
class Check:
    """The findings on one data set.

    ``shared`` are identities of the training set that the queries or the gallery have too, ``duplicates`` groups of
    files with the same pixels (a file that one split lists twice appears twice), ``unmatched`` queries that no picture
    in the gallery can match, ``missing`` files that the data set's lists name and that are not there, ``conflicts``
    pictures of which two things are said that cannot both be true, ``passed_over`` what lies among the pictures and is
    none, ``turned`` how many pictures EXIF data turn, and ``notes`` what else was not taken as it stands. ``published``
    has each split's pictures, identities and cameras as the authors count them, and nothing where they do not.
    ``joined`` says which names were taken as one, ``alike`` which are hardly different and were not, and ``obstacles``
    what stands in the way of each purpose that was asked about.
    """

    name: str
    root: str
    splits: dict[str, SplitCounts]
    ignored: dict[str, int]
    unparsed: tuple[str, ...]
    unreadable: tuple[str, ...]
    shared: tuple[str, ...]
    unmatched: int
    duplicates: tuple[tuple[str, ...], ...] = field(default=())
    missing: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()
    passed_over: tuple[str, ...] = ()
    turned: int = 0
    notes: tuple[str, ...] = ()
    published: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    joined: tuple[str, ...] = ()
    alike: tuple[str, ...] = ()
    obstacles: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def sound(self) -> bool:
        """Whether nothing stands in the way of what was asked about: every name parses, every listed picture is there
        and reads, no picture is two persons', no identity is both trained and tested on, and there are no other
        obstacles."""
        wrong = self.unparsed or self.missing or self.unreadable or self.shared or self.conflicts
        return not (wrong or any(self.obstacles.values()))

    @property
    def empty(self) -> tuple[str, ...]:
        """Splits without pictures."""
        return tuple(name for name, counts in self.splits.items() if not counts.pictures)

    @property
    def unpublished(self) -> tuple[str, ...]:
        """Splits whose pictures, identities or cameras are not as many as published."""
        found = {name: (split.pictures, split.identities, split.cameras) for name, split in self.splits.items()}
        return tuple(name for name, counts in self.published.items() if found[name] != counts)


def check_data(
    data: ReidData,
    progress: Progress = silently,
    purposes: Sequence[str] = PURPOSES,
    identities: int = LEAST_IDENTITIES,
) -> Check:
    """Read every picture of a data set and report.

    Args:
        data: as read from disk.
        progress: shows how far the reading is.
        purposes: what the data set is to serve, of ``PURPOSES``.
        identities: of a batch of training and search.
    """
    listed: Counter[Path] = Counter()  # how often the same split has the same file
    for split in SPLITS:
        listed |= Counter(picture.path for picture in data.split(split))
    paths = list(listed)
    unreadable: list[str] = []
    unread: list[Path] = []
    groups: dict[str, list[str]] = {}
    turned = 0
    for path, found in zip(paths, progress(in_threads(_read, paths), "reading", len(paths)), strict=True):
        digest, problem, was_turned = found
        turned += was_turned
        if problem:
            unreadable.append(problem)
            unread.append(path)
        else:
            groups.setdefault(digest, []).extend([str(path)] * listed[path])
    conflicts = list(data.conflicts)
    if not conflicts and not data.published:
        of_path = {str(picture.path): picture for split in SPLITS for picture in data.split(split)}
        said = (two_persons([of_path[path] for path in group]) for group in groups.values())
        conflicts += (sentence for sentence in said if sentence is not None)
    # As training and evaluation will find it: without what cannot be read, and with what is said of the pixels.
    broken = set(unread)
    train, query, gallery = (
        tuple(picture for picture in data.split(split) if picture.path not in broken) for split in SPLITS
    )
    usable = replace(data, train=train, query=query, gallery=gallery, conflicts=tuple(conflicts))
    return Check(
        name=data.name,
        root=str(data.root),
        splits={split: _count(data.split(split)) for split in SPLITS},
        ignored=data.ignored,
        unparsed=data.unparsed,
        unreadable=tuple(unreadable),
        shared=shared_identities(data),
        unmatched=match_pictures(data.query, data.gallery).unmatched,
        duplicates=tuple(tuple(group) for group in groups.values() if len(group) > 1),
        missing=data.missing,
        conflicts=tuple(conflicts),
        passed_over=data.passed_over,
        turned=turned,
        notes=data.notes,
        published=data.published,
        joined=data.joined,
        alike=data.alike,
        obstacles={purpose: obstacles(usable, purpose, identities) for purpose in purposes},
    )


def _read(path: Path) -> tuple[str, str, bool]:
    # A digest of the pixels, what is wrong with the picture, and whether it was turned.
    try:
        pixels, turned = open_picture(path)
    except BrokenPictureError as error:
        return "", str(error), False
    digest = hashlib.sha256(repr(pixels.shape).encode())
    digest.update(np.ascontiguousarray(pixels).data)
    return digest.hexdigest(), "", turned


def _count(pictures: Iterable[Picture]) -> SplitCounts:
    pictures = tuple(pictures)
    of_identity = Counter(picture.identity for picture in pictures)
    return SplitCounts(
        pictures=len(pictures),
        identities=len(of_identity),
        cameras=len({picture.camera for picture in pictures} - {None}),
        without_camera=sum(picture.camera is None for picture in pictures),
        single=sum(count == 1 for count in of_identity.values()),
    )

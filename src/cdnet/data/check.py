"""What a data set holds and what is wrong with it, before anybody trains on it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from cdnet.data.cache import Progress, silently
from cdnet.data.copies import files_of, find_copies
from cdnet.data.decode import BrokenPictureError, open_picture
from cdnet.data.looks import DIGEST, Looks, row_of
from cdnet.data.matches import match_pictures
from cdnet.data.obstacles import LEAST_IDENTITIES, NEEDED, PURPOSES, obstacles, shared_identities
from cdnet.data.pictures import SPLITS, Picture, ReidData, counts_of
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
    in the gallery can match, ``copied`` those that are matched by a copy of themselves, ``missing`` files that the data
    set's lists name and that are not there, ``conflicts`` pictures of which two things are said that cannot both be
    true, ``passed_over`` what lies among the pictures and is none, ``turned`` how many pictures EXIF data turn, and
    ``notes`` what else was not taken as it stands. ``published`` has each split's pictures, identities and cameras as
    the authors count them, and nothing where they do not.
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
    copied: int = 0
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
        """Whether every name parses, every listed picture is there and reads, no picture is two persons', and nothing
        else stands in the way of what was asked about.

        A picture that cannot be read is the only one of these that the other commands leave out and go on."""
        wrong = self.unparsed or self.missing or self.unreadable or self.conflicts
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
    files = files_of(data)
    paths = [file.path for file in files]
    broken: dict[Path, str] = {}
    groups: dict[bytes, list[str]] = {}
    turned, rows = 0, list[bytes]()
    for path, found in zip(paths, progress(in_threads(_read, paths), "reading", len(paths)), strict=True):
        row, problem, was_turned = found
        turned += was_turned
        rows.append(row)
        if problem:
            broken[path] = problem
        else:
            groups.setdefault(row[:DIGEST], []).extend([str(path)] * listed[path])
    looks = Looks.of_rows(np.frombuffer(b"".join(rows), np.uint8).reshape(len(paths), -1))
    copies = find_copies(data, files, looks)
    conflicts = data.conflicts or copies.conflicts
    # As training and evaluation will find it: without what cannot be read, and with what is said of the pixels.
    train, query, gallery = (
        tuple(picture for picture in data.split(split) if picture.path not in broken) for split in SPLITS
    )
    usable = replace(data, train=train, query=query, gallery=gallery, conflicts=conflicts)
    return Check(
        name=data.name,
        root=str(data.root),
        splits={split: _count(data.split(split)) for split in SPLITS},
        ignored=data.ignored,
        unparsed=data.unparsed,
        unreadable=tuple(broken.values()),
        shared=shared_identities(data),
        unmatched=match_pictures(data.query, data.gallery).unmatched,
        copied=copies.queries,
        duplicates=tuple(tuple(group) for group in groups.values() if len(group) > 1),
        missing=data.missing,
        conflicts=conflicts,
        passed_over=data.passed_over,
        turned=turned,
        notes=data.notes,
        published=data.published,
        joined=data.joined,
        alike=data.alike,
        obstacles={
            purpose: _unread(data, purpose, broken) or obstacles(usable, purpose, identities) for purpose in purposes
        },
    )


def _read(path: Path) -> tuple[bytes, str, bool]:
    # What the picture looks like, what is wrong with it, and whether it was turned.
    try:
        pixels, turned = open_picture(path)
    except BrokenPictureError as error:
        return row_of(None), str(error), False
    return row_of(pixels), "", turned


def _unread(data: ReidData, purpose: str, broken: Mapping[Path, str]) -> tuple[str, ...]:
    # As decode_split says it, once a data set has been understood.
    if data.unparsed or data.missing or data.conflicts:
        return ()
    for split in NEEDED[purpose]:
        pictures = data.split(split)
        if pictures and all(picture.path in broken for picture in pictures):
            return (f"{data.root}: no picture of the split {split!r} can be read; first {broken[pictures[0].path]}",)
    return ()


def _count(pictures: Iterable[Picture]) -> SplitCounts:
    pictures = tuple(pictures)
    of_identity = Counter(picture.identity for picture in pictures)
    count, identities, cameras = counts_of(pictures)
    return SplitCounts(
        pictures=count,
        identities=identities,
        cameras=cameras,
        without_camera=sum(picture.camera is None for picture in pictures),
        single=sum(count == 1 for count in of_identity.values()),
    )

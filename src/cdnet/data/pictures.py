"""What a data set is: pictures with an identity and perhaps a camera, in three splits."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from cdnet.data.files_below import files_below
from cdnet.errors import CdnetError

__all__ = ["SPLITS", "Picture", "ReidData", "counts_of", "picture_files"]

SPLITS = ("train", "query", "gallery")


@dataclass(frozen=True)
class Picture:
    """One picture of one person; ``camera`` is None where it is not known."""

    path: Path
    identity: str
    camera: str | None = None


@dataclass(frozen=True)
class ReidData:
    """A data set as found on disk. A split may be empty; :meth:`require` refuses that where it matters.

    ``ignored`` counts pictures left out on purpose, by reason; ``unparsed`` lists those whose name or row says
    nothing that could be understood, ``missing`` the files that the data set's own lists name and that are not there,
    ``conflicts`` those of which two things are said that cannot both be true. ``passed_over`` names what lies among the
    pictures and is none, and ``notes`` says what else of the data set was not taken as it stands. ``joined`` says which
    names were taken as one, ``alike`` which are hardly different and were not.
    ``published`` has each split's pictures, identities and cameras as its authors count them, where they do, and
    ``genuine`` says that all that is there are pictures of a published data set, as its authors count them.
    """

    name: str
    root: Path
    train: tuple[Picture, ...] = ()
    query: tuple[Picture, ...] = ()
    gallery: tuple[Picture, ...] = ()
    ignored: dict[str, int] = field(default_factory=dict)
    unparsed: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()
    passed_over: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    published: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    joined: tuple[str, ...] = ()
    alike: tuple[str, ...] = ()
    genuine: bool = False

    def split(self, name: str) -> tuple[Picture, ...]:
        """Return a split by name, perhaps empty."""
        return {"train": self.train, "query": self.query, "gallery": self.gallery}[name]

    def is_as_published(self) -> bool:
        """Tell whether each split that has pictures has as many of them, of identities and of cameras as published."""
        there = {name: pictures for name in SPLITS if (pictures := self.split(name))}
        return bool(there) and all(counts_of(pictures) == self.published.get(name) for name, pictures in there.items())

    def require(self, name: str) -> tuple[Picture, ...]:
        """Return a split that must have pictures, of a data set that is whole and was understood.

        Raises:
            CdnetError: if the split is empty, a picture's name or row did not parse, a listed file is missing, or two
                things are said of one picture that cannot both be true.
        """
        if self.unparsed:
            more = f" (and {len(self.unparsed) - 1} more)" if len(self.unparsed) > 1 else ""
            raise CdnetError(f"{self.unparsed[0]}{more}; rename or remove it, `cdnet data check` lists all")
        if self.missing:
            raise CdnetError(
                f"{self.root}: {len(self.missing):,} of the listed pictures are not there, first {self.missing[0]}; "
                "complete the download, `cdnet data check` lists all"
            )
        if self.conflicts:
            more = f" (and {len(self.conflicts) - 1} more)" if len(self.conflicts) > 1 else ""
            raise CdnetError(f"{self.conflicts[0]}{more}; decide for one, `cdnet data check` lists all")
        pictures = self.split(name)
        if not pictures:
            raise CdnetError(f"{self.root}: the split {name!r} has no pictures (read as {self.name})")
        return pictures


def counts_of(pictures: Iterable[Picture]) -> tuple[int, int, int]:
    """Return how many pictures there are, and how many identities and known cameras they have."""
    pictures = tuple(pictures)
    cameras = {picture.camera for picture in pictures} - {None}
    return len(pictures), len({picture.identity for picture in pictures}), len(cameras)


def picture_files(folder: Path) -> list[Path]:
    """Return the pictures below a folder in a fixed order, as :func:`files_below` finds them."""
    return files_below(folder).pictures

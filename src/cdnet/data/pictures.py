"""What a data set is: pictures with an identity and perhaps a camera, in three splits."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from cdnet.errors import CdnetError

SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"}
SPLITS = ("train", "query", "gallery")


class UnreadableError(CdnetError):
    """A picture that work needs now cannot be read; with a whole one in its place the work can go on."""


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
    nothing that could be understood, ``missing`` the files that the data set's own lists name and that are not there.
    ``joined`` says which names were taken as one, ``alike`` which are hardly different and were not.
    ``published`` has each split's pictures, identities and cameras as its authors count them, where they do.
    """

    name: str
    root: Path
    train: tuple[Picture, ...] = ()
    query: tuple[Picture, ...] = ()
    gallery: tuple[Picture, ...] = ()
    ignored: dict[str, int] = field(default_factory=dict)
    unparsed: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    published: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    joined: tuple[str, ...] = ()
    alike: tuple[str, ...] = ()

    def split(self, name: str) -> tuple[Picture, ...]:
        """Return a split by name, perhaps empty."""
        return {"train": self.train, "query": self.query, "gallery": self.gallery}[name]

    def require(self, name: str) -> tuple[Picture, ...]:
        """Return a split that must have pictures, of a data set that is whole and was understood.

        Raises:
            CdnetError: if the split is empty, a picture's name or row did not parse, or a listed file is missing.
        """
        if self.unparsed:
            more = f" (and {len(self.unparsed) - 1} more)" if len(self.unparsed) > 1 else ""
            raise CdnetError(f"{self.unparsed[0]}{more}; rename or remove it, `cdnet data check` lists all")
        if self.missing:
            raise CdnetError(
                f"{self.root}: {len(self.missing):,} of the listed pictures are not there, first {self.missing[0]}; "
                "complete the download, `cdnet data check` lists all"
            )
        pictures = self.split(name)
        if not pictures:
            raise CdnetError(f"{self.root}: the split {name!r} has no pictures (read as {self.name})")
        return pictures


def picture_files(folder: Path) -> list[Path]:
    """Return the pictures below a folder in a fixed order; other files, such as Thumbs.db, are passed over.

    Links to folders are followed, once each. Hidden files and folders, such as .ipynb_checkpoints, are passed over.
    A link to a picture that is gone is returned: it is somebody's picture, and reading it says what is wrong.

    Raises:
        CdnetError: if the folder, or one below it, cannot be read.
    """
    found: list[Path] = []
    seen: set[str] = set()
    for place, folders, names in os.walk(folder, onerror=_unreadable, followlinks=True):
        real = os.path.realpath(place)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        paths = (Path(place, name) for name in names if not name.startswith("."))
        found += (path for path in paths if path.suffix.lower() in SUFFIXES)
    return sorted(found)


def _unreadable(error: OSError) -> NoReturn:
    raise CdnetError(f"{error.filename} could not be read: {error.strerror}") from error

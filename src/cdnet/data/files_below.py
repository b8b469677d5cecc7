"""The files below a folder: pictures, and what else lies there."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from cdnet.data.formats import SUFFIXES, content_format, is_picture
from cdnet.errors import CdnetError

KNOWN_FILES = frozenset(("thumbs.db", "desktop.ini"))
"""Files that systems leave beside pictures, in lower case; hidden ones besides."""
KNOWN_SUFFIXES = frozenset(
    f".{name}"
    for names in (
        "txt md log html csv tsv json jsonl xml yaml yml ini db xmp aae",
        "mat npy npz pkl md5 sha256 lnk url",
    )
    for name in names.split()
)
"""Endings of what is written beside pictures, about them."""
KNOWN_FOLDERS = frozenset(
    f".{name}"
    for names in ("git svn ipynb_checkpoints cache thumbnails", "AppleDouble Spotlight-V100 fseventsd Trashes Trash")
    for name in names.split()
)
"""Hidden folders that programs make."""


@dataclass(frozen=True)
class FilesBelow:
    """What lies below a folder: ``pictures``, and ``others``, each with what it is."""

    pictures: list[Path]
    others: list[tuple[Path, str]]


def files_below(folder: Path) -> FilesBelow:
    """Return what lies below a folder, in a fixed order.

    Links to folders are followed, but not back to a folder that they lie in, nor within one that has been seen. So a
    folder with two names is there twice, and what it shows is not lost. A link to a picture that is gone is a picture:
    it is somebody's, and reading it says what is wrong. What is known to lie beside pictures, such as Thumbs.db, hidden
    files and notes, is passed over; any other file that is no picture, a hidden picture or folder, and a folder that
    holds nothing are ``others``.

    Raises:
        CdnetError: if the folder, or one below it, cannot be read.
    """
    pictures: list[Path] = []
    others: list[tuple[Path, str]] = []
    seen: set[str] = set()
    for place, folders, names in os.walk(folder, onerror=_unreadable, followlinks=True):
        real = os.path.realpath(place)
        if real in seen:
            if _leads_back(Path(place), folder):
                folders.clear()
                continue
            folders[:] = [name for name in folders if not os.path.islink(os.path.join(place, name))]
        seen.add(real)
        if not folders and not names:
            others.append((Path(place), "an empty folder"))
        hidden = (name for name in folders if name.startswith(".") and name not in KNOWN_FOLDERS)
        others += ((Path(place, name), "a hidden folder") for name in hidden)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for path in (Path(place, name) for name in names):
            if path.name.startswith("."):
                # macOS keeps ._1.jpg beside 1.jpg; it is no picture by its content.
                if path.suffix.lower() in SUFFIXES and content_format(path) is not None:
                    others.append((path, "a hidden picture"))
            elif is_picture(path):
                pictures.append(path)
            elif path.suffix.lower() not in KNOWN_SUFFIXES and path.name.lower() not in KNOWN_FILES:
                others.append((path, _what(path)))
    return FilesBelow(sorted(pictures), sorted(others))


def _leads_back(place: Path, top: Path) -> bool:
    real = os.path.realpath(place)
    above = [parent for parent in place.parents if parent == top or top in parent.parents]
    return any(os.path.realpath(parent) == real for parent in above)


def _what(path: Path) -> str:
    found = content_format(path)
    return "no picture" if found is None else f"{found} by its content; give it that ending"


def _unreadable(error: OSError) -> NoReturn:
    raise CdnetError(f"{error.filename} could not be read: {error.strerror}") from error

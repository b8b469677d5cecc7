"""The files below a folder: pictures, and what else lies there."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

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
    holds nothing, or nothing but what is passed over, are ``others``.

    Raises:
        CdnetError: if the folder, or one below it, cannot be read.
    """
    pictures: list[Path] = []
    others: list[tuple[Path, str]] = []
    seen: set[tuple[int, int]] = set()
    without: set[str] = set()
    for place, folders, names in _walk(str(folder)):
        here = _which(place)
        if here in seen:
            if _leads_back(Path(place), folder):
                folders.clear()
                continue
            folders[:] = [name for name in folders if not os.path.islink(os.path.join(place, name))]
        seen.add(here)
        if not folders and not names:
            others.append((Path(place), "an empty folder"))
        else:
            without.add(str(Path(place)))
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
    return FilesBelow(sorted(pictures), sorted([*others, *_without_pictures(without, folder, pictures, others)]))


def _walk(top: str) -> Iterator[tuple[str, list[str], list[str]]]:
    """Yield each folder with the names of its folders, of which some may be taken out, and of its other files.

    As ``os.walk`` does, which calls itself for each level and ends at some thousand of them.
    """
    waiting = [top]
    while waiting:
        place = waiting.pop()
        folders: list[str] = []
        names: list[str] = []
        try:
            with os.scandir(place) as entries:
                for entry in entries:
                    (folders if is_folder(entry) else names).append(entry.name)
        except OSError as error:
            raise CdnetError(f"{error.filename} could not be read: {error.strerror}") from error
        yield place, folders, names
        waiting += [os.path.join(place, name) for name in reversed(folders)]


def is_folder(entry: os.DirEntry[str]) -> bool:
    """Tell whether an entry is a folder, or a link to one."""
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself
        return False


def _which(place: str | Path) -> tuple[int, int]:
    # Which folder it is, whatever it is called: to ask for its real path takes the longer the deeper it lies.
    status = os.stat(place)
    return status.st_dev, status.st_ino


def _leads_back(place: Path, top: Path) -> bool:
    here = _which(place)
    for parent in place.parents:
        if _which(parent) == here:
            return True
        if parent == top:
            return False
    return False


def _without_pictures(
    walked: set[str], top: Path, pictures: Iterable[Path], others: Iterable[tuple[Path, str]]
) -> Iterator[tuple[Path, str]]:
    # A person of whom there are only notes would vanish without a word; what is said already is not said again.
    said = {str(top)}
    for path in (*pictures, *(path for path, _ in others)):
        parent = _above(str(path))
        while parent not in said:
            said.add(parent)
            parent = _above(parent)
    for place in sorted(walked - said):
        if _above(place) in said:
            yield Path(place), "a folder without pictures"


def _above(path: str) -> str:
    return os.path.dirname(path) or os.curdir


def _what(path: Path) -> str:
    found = content_format(path)
    return "no picture" if found is None else f"{found} by its content; give it that ending"

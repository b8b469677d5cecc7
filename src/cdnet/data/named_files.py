"""Data sets whose files are named after identity and camera, in one folder a split."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cdnet.data.formats import SUFFIXES, UNREAD_SUFFIXES
from cdnet.data.junk import JUNK, JUNK_REASON
from cdnet.data.pictures import Picture, ReidData, picture_files
from cdnet.data.split_folders import SplitFolders, find_split_folders, subfolders
from cdnet.errors import CdnetError

_ENDINGS = SUFFIXES | UNREAD_SUFFIXES


class OtherNamesError(CdnetError):
    """No picture of a data set is named as it should be."""


@dataclass(frozen=True)
class NamedFiles:
    """A data set by how it names its folders and files; :func:`read_named` reads it.

    Args:
        name: of the data set.
        pattern: of a whole name without its endings, with the groups ``identity`` and ``camera``.
        example: a name of that form, for complaints.
        source: how to come by the data set, for complaints.
        archive: the folder that its archive unpacks to.
        folders: of training, query and gallery, for complaints.
        published: pictures, identities and cameras of each split, if known.
        telling: folders, in small letters, by which it is known even if there is nothing in them.
    """

    name: str
    pattern: re.Pattern[str]
    example: str
    source: str
    archive: str
    folders: str = "bounding_box_train, query, bounding_box_test"
    published: Mapping[str, tuple[int, int, int]] = field(default_factory=dict)
    telling: tuple[str, ...] = ()

    def match(self, file: str) -> re.Match[str] | None:
        """Return the match of a file's name, whatever endings of pictures it has."""
        return self.pattern.fullmatch(without_endings(file))


def without_endings(file: str) -> str:
    """Return a file's name without its endings of pictures, of which there may be two, as in ``.jpg.jpg``."""
    name, ending = os.path.splitext(file)
    while ending.lower() in _ENDINGS:
        file = name
        name, ending = os.path.splitext(file)
    return file


def is_named(root: Path, files: NamedFiles) -> bool:
    """Tell whether most names of the first split that has pictures directly in its folder are of a form.

    A folder that tells the data set says so too, unless there are folders in it, such as those of persons.
    """
    telling = [folder for folder in subfolders(root) if folder.name.casefold() in files.telling]
    if any(not subfolders(folder) for folder in telling):
        return True
    found = find_split_folders(root)
    for folder in found.used().values() if found is not None else ():
        names = _names(folder)
        if names:
            return 2 * sum(files.match(name) is not None for name in names) > len(names)
    return False


def _names(folder: Path) -> list[str]:
    return [p.name for p in folder.iterdir() if p.suffix.lower() in SUFFIXES and not p.name.startswith(".")]


def read_named(root: Path, files: NamedFiles) -> ReidData:
    """Read the folders of training, query and gallery; one that is missing gives an empty split.

    Args:
        root: the folder that holds them.
        files: how folders and files are named; the identity -1 is junk.

    Raises:
        CdnetError: if none of the three is there, one cannot be read, or no picture has a name of that form.
    """
    found = find_split_folders(root)
    if found is None:
        raise CdnetError(f"{root}: holds no folder {files.folders}; {files.source}")
    splits: dict[str, tuple[Picture, ...]] = {}
    strange: list[Path] = []
    ignored: Counter[str] = Counter()
    for split, folder in _parts(found).items():
        pictures = []
        for path in picture_files(folder) if folder is not None else []:
            match = files.match(path.name)
            if match is None:
                strange.append(path)
            elif match["identity"] == JUNK:
                ignored[JUNK_REASON] += 1
            else:
                pictures.append(Picture(path, match["identity"], match["camera"]))
        splits[split] = tuple(pictures)
    if strange and not ignored and not any(splits.values()):
        raise OtherNamesError(
            f"{root}: none of the {len(strange):,} pictures there has a name of {files.name}'s form, {files.example}, "
            f"but names such as {strange[0].name}; rename them, or make a folder for each person in those of the splits"
        )
    for folder, reason in found.ignored.items():
        if reason == "validation":
            ignored[f"{reason} ({folder.name})"] += len(picture_files(folder))
    return ReidData(
        files.name,
        root,
        train=splits["train"],
        query=splits["query"],
        gallery=splits["gallery"],
        ignored={reason: count for reason, count in ignored.items() if count},
        unparsed=tuple(f"{path}: the name is not of the form {files.example}" for path in strange),
        published=dict(files.published),
    )


def _parts(found: SplitFolders) -> dict[str, Path | None]:
    # Market-1501's bounding_box_test is the gallery, whether or not its queries are there.
    return {"train": found.train, "query": found.query, "gallery": found.gallery or found.test}

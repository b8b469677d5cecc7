"""Which folders divide a data set into training, query and gallery, under the names that projects give them.

``bounding_box_train``, ``image_query``, ``Probe``, ``test``, ``train_all``: capitals, separators and words such as
``images`` or ``set`` make no difference. A name with anything else in it, such as ``train2``, is none of these.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from cdnet.data.files_below import is_folder
from cdnet.errors import CdnetError

_FILLER = (
    r"(?:image|img|picture|pic|photo|boundingbox|boundingboxes|bbox|bboxes|box|boxes|crop|data|dataset|set|split|folder|"
    r"dir|reid|person|pedestrian|identity|identitie)s?"
)
_ROLES = {
    role: re.compile(f"(?:{_FILLER})*(?:{words})(?:{_FILLER})*")
    for role, words in {
        "train": "train|training",
        "train_all": "trainall|alltrain|trainval|trainandval|trainvalidation",
        "val": "val|valid|validation|dev",
        "query": "query|queries|probe|probes",
        "gallery": "gallery|galleries",
        "test": "test|testing|eval|evaluation",
        "multi-query": "multiquery|multiqueries|multiplequery|gt",
    }.items()
}
_CONTAINER = re.compile(f"(?:{_FILLER})+")
_SEPARATORS = re.compile(r"[\s_.-]+")
DIVIDING = {"train", "train_all", "query", "gallery", "test"}
"""One of these must be there; somebody may be called Val."""


def role_of(name: str) -> str | None:
    """Return which part of a data set a folder of this name holds, as it is called here, or None."""
    letters = _SEPARATORS.sub("", name.casefold())
    return next((role for role, pattern in _ROLES.items() if pattern.fullmatch(letters)), None)


def is_container(name: str) -> bool:
    """Tell whether a folder's name says only that there are pictures or data in it."""
    return _CONTAINER.fullmatch(_SEPARATORS.sub("", name.casefold())) is not None


@dataclass(frozen=True)
class SplitFolders:
    """The folders of a divided data set.

    ``train``, ``query``, ``gallery`` and ``test`` may be None; each picture of ``test`` is a query to all the others.
    ``ignored`` are folders whose pictures take no part, with the reason. ``notes`` say what was taken for what where
    the names alone do not.
    """

    train: Path | None = None
    query: Path | None = None
    gallery: Path | None = None
    test: Path | None = None
    ignored: dict[Path, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def used(self) -> dict[str, Path]:
        """Return the folders that there are, by the names ``train``, ``query``, ``gallery`` and ``test``."""
        found = {"train": self.train, "query": self.query, "gallery": self.gallery, "test": self.test}
        return {name: folder for name, folder in found.items() if folder is not None}

    def known(self) -> list[Path]:
        """Return all folders that have a part, be it that of being ignored."""
        return [*self.used().values(), *self.ignored]


def subfolders(folder: Path) -> list[Path]:
    """Return the folders directly in one, in a fixed order, without hidden ones and what macOS packs beside them."""
    with os.scandir(folder) as entries:  # which knows of most what they are, without asking for each
        names = [entry.name for entry in entries if not entry.name.startswith(".") and is_folder(entry)]
    return sorted(folder / name for name in names if name != "__MACOSX")


def find_split_folders(root: Path) -> SplitFolders | None:
    """Return the folders that divide a data set, or None if it is not divided.

    ``test`` beside ``query`` is the gallery, as in Market-1501. ``train_all`` has the pictures of ``train`` and of
    ``val``; without it ``val`` is ignored, unless there is nothing else to test on. ``test`` and ``val`` may be
    divided into query and gallery themselves.

    Raises:
        CdnetError: if two folders have the same part, or it cannot be told which part one has.
    """
    found = _by_role(root)
    if not DIVIDING & found.keys():
        return None
    ignored: dict[Path, str] = {}
    notes: list[str] = []
    train = found.get("train_all", found.get("train"))
    if "train_all" in found:
        all_name = found["train_all"].name
        ignored |= {found[role]: f"in {all_name} too" for role in ("train", "val") if role in found}
    query, gallery, test, val = (found.get(role) for role in ("query", "gallery", "test", "val"))
    if "multi-query" in found:
        ignored[found["multi-query"]] = "multiple queries"
    if val is not None and val not in ignored:
        if query or gallery or test:
            ignored[val] = "validation"
        else:
            test = val
            notes.append(f"{val.name} as the test")
    below = _by_role(test) if test is not None else {}
    if below.keys() & {"query", "gallery"}:
        if query or gallery or "test" in below:
            raise CdnetError(f"{root}: queries and gallery are divided both in it and in {test}; remove one of the two")
        query, gallery, test = below.get("query"), below.get("gallery"), None
    if test is not None and gallery is not None:
        beside = f"{query.name} and {gallery.name}" if query is not None else gallery.name
        raise CdnetError(
            f"{root}: what {test.name} is beside {beside} is not clear; rename it, or move it elsewhere: either all "
            "pictures of a folder test are searched for among each other, or those of query among those of gallery"
        )
    if test is not None and query is not None:
        if role_of(test.name) == "test" and _SEPARATORS.sub("", test.name.casefold()) == "test":
            notes.append(f"{test.name} as the gallery of {query.name}")
        gallery, test = test, None
    return SplitFolders(train, query, gallery, test, ignored, tuple(notes))


def _by_role(root: Path) -> dict[str, Path]:
    found: dict[str, list[Path]] = {}
    for folder in subfolders(root):
        role = role_of(folder.name)
        if role is not None:
            found.setdefault(role, []).append(folder)
    if any(_is_market(folder.name) for folders in found.values() for folder in folders):
        # As the archive has them, or one made of it; others beside them are somebody's additions.
        names = ("query", "gt_bbox")
        found = {
            role: [folder for folder in folders if _is_market(folder.name) or folder.name.casefold() in names]
            for role, folders in found.items()
        }
    for role, folders in found.items():
        if len(folders) > 1:
            names_found = " and ".join(folder.name for folder in folders)
            raise CdnetError(f"{root}: {names_found} are both there as {role}; remove or rename one of them")
    return {role: folders[0] for role, folders in found.items() if folders}


def _is_market(name: str) -> bool:
    return name.casefold().startswith("bounding_box_")

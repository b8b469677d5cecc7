"""Data sets of two cameras with a picture of each person in either, for tests alone: VIPeR and PRID 2011.

VIPeR (Gray and Tao, ECCV 2008) has ``cam_a`` and ``cam_b`` with names such as ``000_45.bmp``: person, then the angle of
view. PRID 2011 (Hirzer et al., SCIA 2011), single shot, has ``person_0001.png``; its first 200 persons are in both,
and beyond that a person of the one view is not the one with the same number in the other. Whoever is in view A is
searched for in view B, all of it. That is the protocol of PRID 2011's authors; with VIPeR it is twice as many people as
where half of them are trained on.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from cdnet.data.formats import SUFFIXES
from cdnet.data.named_files import without_endings
from cdnet.data.pictures import Picture, ReidData, picture_files
from cdnet.data.split_folders import subfolders
from cdnet.errors import CdnetError

VIEWS = ("cam_a", "cam_b")


@dataclass(frozen=True)
class TwoViews:
    """A data set of two views.

    Args:
        name: of the data set.
        pattern: of a whole name without its endings, with the group ``identity``.
        example: a name of that form, for complaints.
        source: how to come by the data set, for complaints.
        archives: the folders that its archive unpacks to.
        published: pictures, identities and cameras of each split.
        shared: the last number of a person who is in both views; None where all are.
    """

    name: str
    pattern: re.Pattern[str]
    example: str
    source: str
    archives: tuple[str, ...]
    published: dict[str, tuple[int, int, int]]
    shared: int | None = None


VIPER = TwoViews(
    "viper",
    re.compile(r"(?P<identity>\d{3})_\d{1,3}", re.ASCII),
    "000_45.bmp",
    "VIPeR is on its authors' page, https://vision.soe.ucsc.edu/node/178",
    ("VIPeR", "VIPeR.v1.0"),
    {"query": (632, 632, 1), "gallery": (632, 632, 1)},
)
PRID2011 = TwoViews(
    "prid2011",
    re.compile(r"person_(?P<identity>\d{4})", re.ASCII),
    "person_0001.png",
    "PRID 2011 is on its authors' page, https://www.tugraz.at/institute/icg/research/team-bischof/lrs/downloads/PRID11",
    ("prid_2011", "single_shot"),
    {"query": (200, 200, 1), "gallery": (749, 749, 1)},
    shared=200,
)


def is_two_views(root: Path, files: TwoViews) -> bool:
    """Tell whether a folder holds both views with pictures directly in them, most of them named so."""
    views = _views(root)
    names = [path.name for view in views.values() for path in view.iterdir() if path.suffix.lower() in SUFFIXES]
    return len(views) == len(VIEWS) and 2 * sum(_match(name, files) is not None for name in names) > len(names)


def read_two_views(root: Path, files: TwoViews) -> ReidData:
    """Read view A as the queries and view B as the gallery.

    Raises:
        CdnetError: if a view is not there, or cannot be read.
    """
    views = _views(root)
    for name in VIEWS:
        if name not in views:
            raise CdnetError(f"{root}: holds no folder {name}; {files.source}")
    found: dict[str, list[Picture]] = {name: [] for name in VIEWS}
    unparsed, alone = [], 0
    for number, name in enumerate(VIEWS, 1):
        for path in picture_files(views[name]):
            match = _match(path.name, files)
            if match is None or path.parent != views[name]:
                unparsed.append(f"{path}: the name is not of the form {name}/{files.example}")
            elif number == 1 and files.shared is not None and int(match["identity"]) > files.shared:
                alone += 1
            else:
                found[name].append(Picture(path, match["identity"], str(number)))
    return ReidData(
        files.name,
        root,
        query=tuple(found["cam_a"]),
        gallery=tuple(found["cam_b"]),
        ignored={"persons of view A who are not in view B": alone} if alone else {},
        unparsed=tuple(unparsed),
        published=dict(files.published),
    )


def _views(root: Path) -> dict[str, Path]:
    return {folder.name.casefold(): folder for folder in subfolders(root) if folder.name.casefold() in VIEWS}


def _match(name: str, files: TwoViews) -> re.Match[str] | None:
    return files.pattern.fullmatch(without_endings(name))

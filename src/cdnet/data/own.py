"""One's own pictures, a folder per identity.

``ROOT/train/IDENTITY/*``, and for the evaluation ``ROOT/query/IDENTITY/*`` with ``ROOT/gallery/IDENTITY/*``,
or ``ROOT/test/IDENTITY/*``, where every picture is a query to all the others. With ``ROOT/IDENTITY/*`` alone, a part of
the identities is held out for the test (:mod:`cdnet.data.holdout`). A name such as ``0002_c1_7.jpg`` gives the camera,
and so does a folder ``cam1`` below the person's, or above all persons'. Folders ``-1`` are junk, which is ignored.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal, NamedTuple

from cdnet.data.holdout import FOLDERS, held_out, hold_out, with_test
from cdnet.data.person_folders import are_cameras, camera_in_name, doubt, is_camera
from cdnet.data.pictures import Picture, ReidData, picture_files
from cdnet.data.spelling import camera_of
from cdnet.data.split_folders import find_split_folders, subfolders
from cdnet.errors import CdnetError

Top = Literal["ask", "identity", "camera"]
"""What the folders are that lie directly in a split, or in a data set without splits."""


def read_folders(root: Path, holdout: float, top: Top = "ask") -> ReidData:
    """Read a folder per identity.

    Args:
        root: the folder.
        holdout: share of the identities, 0 to 1, that is held out for the test where no split is given.
        top: what the topmost folders are: identities, or cameras with the identities below them. ``ask`` takes them for
            cameras where all are called so and hold folders, for identities where nothing speaks against it, and
            refuses otherwise.

    Raises:
        CdnetError: if it is not clear what the folders are.
    """
    found = find_split_folders(root)
    parts = found.used() if found is not None else {"all": root}
    files = {part: _files(folder) for part, folder in parts.items()}
    _refuse_flat(parts, files)
    top = _decide(parts, files) if top == "ask" else top
    unparsed: list[str] = []
    groups: dict[str, list[Picture]] = {name: [] for name in (*FOLDERS, "all")}
    for part, entries in files.items():
        groups[part] = _pictures(entries, top, unparsed)
    notes = [*(("cameras above persons",) if top == "camera" else ()), *(found.notes if found is not None else ())]
    everybody = groups.pop("all")
    ignored: dict[str, int] = {}
    if found is None:
        groups = hold_out(everybody, holdout)
        notes.append(held_out(groups))
    else:
        others = (path for path in picture_files(root) if not any(path.is_relative_to(f) for f in found.known()))
        unparsed += (f"{path}: lies beside the folders {_names(found.known())}, not in one" for path in others)
        ignored = {f"{reason} ({folder.name})": len(picture_files(folder)) for folder, reason in found.ignored.items()}
    data = with_test(", ".join(["folders", *notes]), root, groups, unparsed)
    return replace(data, ignored={reason: count for reason, count in ignored.items() if count} | data.ignored)


class _File(NamedTuple):
    """A picture's path, and its parts below the split's folder."""

    path: Path
    parts: tuple[str, ...]


def _files(folder: Path) -> list[_File]:
    return [_File(path, path.relative_to(folder).parts) for path in picture_files(folder)]


def _names(folders: list[Path]) -> str:
    names = [folder.name for folder in folders]
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else names[0]


def _refuse_flat(parts: dict[str, Path], files: dict[str, list[_File]]) -> None:
    # A few pictures that lie in no person's folder are strays; where all do, it is another layout.
    for part, entries in files.items():
        if entries and all(len(parts) == 1 for _, parts in entries):
            if set(parts) != {"all"} and len(subfolders(parts[part].parent)) > len(parts):
                beside = next(path for path in subfolders(parts[part].parent) if path not in parts.values())
                raise CdnetError(
                    f"{parts[part]}: is called as a part of a data set is, and pictures lie directly in it; if it is a "
                    f"person as {beside.name} is, rename it; else make a folder for each person there"
                )
            raise CdnetError(
                f"{parts[part]}: its pictures lie directly in it, such as {entries[0].path.name}, and such names tell "
                "no identity; make a folder for each person there, or name the person of each picture in a CSV file"
            )


def _decide(parts: dict[str, Path], files: dict[str, list[_File]]) -> Top:
    nested = {part: [file.parts for file in entries if len(file.parts) > 1] for part, entries in files.items()}
    nested = {part: entries for part, entries in nested.items() if entries}
    if nested and all(map(are_cameras, nested.values())):
        return "camera"
    for part, entries in nested.items():
        why = doubt(parts[part], entries)
        if why is not None:
            raise CdnetError(why)
    return "identity"


def _pictures(files: list[_File], top: Top, unparsed: list[str]) -> list[Picture]:
    level = 1 if top == "camera" else 0
    pictures: list[Picture] = []
    for path, parts in files:
        if len(parts) < level + 2:
            where = "no identity's folder below a camera's" if level else "no identity's folder"
            unparsed.append(f"{path}: lies in {where}")
            continue
        told = [parts[0]] if level else [part for part in parts[1:-1] if is_camera(part)]
        in_name = camera_in_name(path.stem)
        cameras = [*told, *([in_name] if in_name is not None else [])]
        if len({camera_of(camera) for camera in cameras}) > 1:
            unparsed.append(f"{path}: is of the camera {cameras[0]} by its folder, and {cameras[-1]} by its name")
            continue
        pictures.append(Picture(path, parts[level], cameras[-1] if cameras else None))
    return pictures

"""One's own pictures: a folder per identity, or a CSV file.

Folders: ``ROOT/train/IDENTITY/*``, and for the evaluation ``ROOT/query/IDENTITY/*`` with ``ROOT/gallery/IDENTITY/*``,
or ``ROOT/test/IDENTITY/*``, where every picture is a query to all the others. With ``ROOT/IDENTITY/*`` alone, a part of
the identities is held out for the test, chosen by their names, so that a new folder moves no other. A name with ``_c``
and a number, as Market-1501 has it, gives the camera.

CSV: a header with ``path``, ``identity``, and optionally ``camera`` and ``split`` (train, query, gallery or test);
paths are relative to the CSV's folder.
"""

from __future__ import annotations

import csv
import re
from pathlib import Path

from cdnet.data.holdout import FOLDERS, held_out, hold_out, with_test
from cdnet.data.pictures import Picture, ReidData, picture_files
from cdnet.errors import CdnetError

COLUMNS = ("path", "identity", "camera", "split")

_CAMERA = re.compile(r"_c(\d+)")


def read_folders(root: Path, holdout: float) -> ReidData:
    """Read a folder per identity.

    Args:
        root: the folder.
        holdout: share of the identities, 0 to 1, that is held out for the test where no split is given.
    """
    unparsed: list[str] = []
    if any((root / name).is_dir() for name in FOLDERS):
        groups = {name: _identities(root / name, unparsed) for name in FOLDERS}
        others = (path for path in picture_files(root) if path.relative_to(root).parts[0] not in FOLDERS)
        unparsed += (f"{path}: lies beside the folders train, query, gallery or test, not in one" for path in others)
        return with_test("folders", root, groups, unparsed)
    groups = hold_out(_identities(root, unparsed), holdout)
    return with_test(f"folders, {held_out(groups)}", root, groups, unparsed)


def read_csv(path: Path, holdout: float) -> ReidData:
    """Read a CSV of path, identity, camera, split; without a split column, hold out as :func:`read_folders` does.

    Raises:
        CdnetError: if the file is not readable as such a CSV.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.DictReader(file)
            header = rows.fieldnames or []
            missing = [column for column in COLUMNS[:2] if column not in header]
            if missing:
                raise CdnetError(f"{path}: no column {missing[0]!r}; the header needs path and identity")
            entries = [(rows.line_num, row) for row in rows]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CdnetError(f"{path}: not readable as a CSV file ({error})") from None
    unparsed: list[str] = []
    groups: dict[str, list[Picture]] = {name: [] for name in FOLDERS}
    for line, row in entries:
        cells = {column: (row.get(column) or "").strip() for column in COLUMNS}
        split = cells["split"].lower() or "train"
        if not cells["path"] or not cells["identity"]:
            unparsed.append(f"{path}, line {line}: no path or no identity")
        elif split not in groups:
            unparsed.append(f"{path}, line {line}: the split {split!r} is none of {', '.join(FOLDERS)}")
        else:
            groups[split].append(Picture(path.parent / cells["path"], cells["identity"], cells["camera"] or None))
    if "split" not in header:
        groups = hold_out(groups["train"], holdout)
        return with_test(f"csv, {held_out(groups)}", path, groups, unparsed)
    return with_test("csv", path, groups, unparsed)


def _identities(folder: Path, unparsed: list[str]) -> list[Picture]:
    pictures: list[Picture] = []
    for path in picture_files(folder) if folder.is_dir() else []:
        parts = path.relative_to(folder).parts
        if len(parts) < 2:
            unparsed.append(f"{path}: lies in no identity's folder")
            continue
        camera = _CAMERA.search(path.stem)
        pictures.append(Picture(path, parts[0], camera[1] if camera else None))
    return pictures

"""One's own pictures, listed in a CSV file.

Its header has ``path`` and ``identity``, and perhaps ``camera`` and ``split`` (train, query, gallery or test). Paths
are relative to the CSV's folder; they may begin with ``~`` and be written with backslashes. An empty camera is one that
is not known. Without a split column, a part of the identities is held out.
"""

from __future__ import annotations

import os
import re
import unicodedata
from dataclasses import replace
from pathlib import Path

from cdnet.data.csv_table import CsvRow, read_table
from cdnet.data.holdout import FOLDERS, held_out, hold_out, with_test
from cdnet.data.pictures import Picture, ReidData
from cdnet.data.spelling import camera_of, identity_of
from cdnet.errors import CdnetError

NEEDED = ("path", "identity")
OPTIONAL = ("camera", "split")
OTHER_NAMES = {
    "camera": re.compile(r"(cam|camera|webcam|kamera|cámara|câmera|caméra)s?(id|no|name|number)?( .*)?|cid|view ?id"),
    "split": re.compile(
        r"(.* )?(set|subset|partition|fold|phase|usage|split)|split .*|"
        r"(is ?)?(train|test|query)([ /](or )?(train|test|val|query).*)?"
    ),
}
"""What other tools call the optional columns; leaving one out unsaid would change every figure."""
NO_VALUE = frozenset(("nan", "<na>", "none", "null", "n/a", "#n/a", "#null!", "#ref!", "#value!", "#name?", "?", "-"))
"""What scripts and spreadsheets write where they have nothing, in lower case."""
NO_IDENTITY = NO_VALUE | {"unknown", "unlabeled", "unlabelled", "unidentified"}
NO_CAMERA = NO_VALUE | {"-1", "-1.0", "na", "unknown"}

_SHORTENED = re.compile(r"\d([.,]\d+)?[Ee]\+\d\d+")
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+-]+://")
_DRIVE = re.compile(r"[A-Za-z]:[\\/]")


def read_csv(path: Path, holdout: float) -> ReidData:
    """Read a CSV file of path, identity, camera and split.

    Args:
        path: the file.
        holdout: share of the identities, 0 to 1, that is held out for the test where there is no split column.

    Raises:
        CdnetError: if the file is not readable as such a table.
    """
    table = read_table(path, NEEDED, OPTIONAL)
    for column, names in OTHER_NAMES.items():
        other = next((name for name in table.columns if names.fullmatch(re.sub("[_-]", " ", name))), None)
        if other is not None and column not in table.columns:
            raise CdnetError(f"{path}: the column {other!r} is not read; call it {column!r}, or leave it out")
    unparsed: list[str] = []
    conflicts: list[str] = []
    groups: dict[str, list[Picture]] = {name: [] for name in FOLDERS}
    listed: dict[str, list[CsvRow]] = {}
    find = Finder(path.parent)
    for row in table.rows:
        place = f"{path}, line {row.line}"
        problem = _problem(row)
        if problem is not None:
            unparsed.append(f"{place}: {problem}")
            continue
        picture = Picture(find(row.cells["path"]), row.cells["identity"], row.cells.get("camera") or None)
        others = listed.setdefault(os.path.normpath(picture.path), [])
        said = next((f"{said} line {other.line}" for other in others if (said := _conflict(row, other))), None)
        if said is not None:
            conflicts.append(f"{place}: {row.cells['path']} {said}")
        others.append(row)
        groups[_split(row)].append(picture)
    if "split" in table.columns:
        found = with_test("csv", path, groups, unparsed)
    else:
        groups = hold_out(groups["train"], holdout)
        found = with_test(f"csv, {held_out(groups)}", path, groups, unparsed)
    unread = [repr(name) for name in dict.fromkeys(table.columns) if name and name not in (*NEEDED, *OPTIONAL)]
    notes = (f"{path}: columns that are not read: {', '.join(unread)}",) if unread else ()
    return replace(found, conflicts=tuple(conflicts), notes=notes)


def _split(row: CsvRow) -> str:
    return row.cells.get("split", "train").lower()


def _conflict(row: CsvRow, other: CsvRow) -> str | None:
    # What is wrong with a second row of a file; only as a query and in the gallery may one stand twice.
    if identity_of(row.cells["identity"]) != identity_of(other.cells["identity"]):
        return f"is {row.cells['identity']!r}, and {other.cells['identity']!r} in"
    if camera_of(row.cells.get("camera", "")) != camera_of(other.cells.get("camera", "")):
        return f"is of the camera {row.cells['camera']!r}, and of {other.cells['camera']!r} in"
    if {_split(row), _split(other)} == {"query", "gallery"}:
        return None
    return "is listed already, in" if "split" not in row.cells else f"is for {_split(row)}, and listed already in"


def _problem(row: CsvRow) -> str | None:
    cells = row.cells
    if not cells["path"] or not cells["identity"]:
        return "no path or no identity"
    if cells["identity"].lower() in NO_IDENTITY:
        return f"the identity {cells['identity']!r} is what is written for none; leave the row out, or rename it"
    if _SHORTENED.fullmatch(cells["identity"]):
        return (
            f"the identity {cells['identity']} is a number that a spreadsheet has shortened, as it may have others to "
            "the same; save the column as text"
        )
    if cells.get("camera", "").lower() in NO_CAMERA:
        return f"the camera {cells['camera']!r} is none; name it, or leave the cell empty where it is not known"
    if "split" in cells and cells["split"].lower() not in FOLDERS:
        which = f"the split {cells['split']!r} is none of" if cells["split"] else "no split; write one of"
        return f"{which} {', '.join(FOLDERS)}"
    if _ADDRESS.match(cells["path"]):
        return f"{cells['path']} is an address; download the picture, and write its path"
    if os.name != "nt" and _DRIVE.match(cells["path"]) and not Path(cells["path"]).exists():
        return f"{cells['path']} is a path of a Windows drive; write it relative to the CSV file's folder"
    return None


class Finder:
    """Finds the files that paths of a CSV file mean."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._names: dict[Path, dict[str, str]] = {}

    def __call__(self, text: str) -> Path:
        """Return the file of a path as it stands in a cell; where none is found, where it should be."""
        # As it stands, if that is there; else with slashes for backslashes, and in the Unicode form that the disk has.
        path = self._folder / text
        plain = "\\" not in text and text.isascii() and not text.startswith("~")
        if plain or os.path.lexists(path):
            return path
        path = self._folder / os.path.expanduser(text.replace("\\", "/"))
        return path if text.isascii() or os.path.lexists(path) else self._in_another_form(path)

    def _in_another_form(self, path: Path) -> Path:
        found = Path(path.anchor)
        for part in path.parts[1:] if path.anchor else path.parts:
            found /= part if part.isascii() else self._names_in(found).get(unicodedata.normalize("NFC", part), part)
        return found

    def _names_in(self, folder: Path) -> dict[str, str]:
        if folder not in self._names:
            try:
                self._names[folder] = {unicodedata.normalize("NFC", name): name for name in os.listdir(folder)}
            except OSError:
                self._names[folder] = {}
        return self._names[folder]

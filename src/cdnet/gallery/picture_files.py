"""Which picture files are to be added, and what their names and folders say of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from cdnet.data.files_below import files_below
from cdnet.data.junk import JUNK_REASON
from cdnet.data.names import by_folder, by_name, form_of
from cdnet.data.remarks import of_folders
from cdnet.data.split_folders import find_split_folders
from cdnet.errors import CdnetError
from cdnet.gallery.adding import Labelled
from cdnet.gallery.picture_table import is_table, listed


def labelled(
    places: Sequence[Path], persons: str, camera: str | None = None, time: datetime | None = None, note: str = ""
) -> tuple[list[Labelled], list[str]]:
    """Return the pictures of some places, in a fixed order, and what is to be said of them.

    Args:
        places: folders, whose pictures are taken with those of all folders below, picture files, or tables
            (:mod:`cdnet.gallery.picture_table`), where the other arguments are for what a row leaves open.
        persons: ``names``: as a name in the form of Market-1501, DukeMTMC-reID, CUHK03-NP or VeRi-776 says;
            ``folders``: as a picture's folder is called; ``unknown``.
        camera: of all pictures; None takes what names and folders say.
        time: when all were taken, or None.
        note: of all.

    Raises:
        CdnetError: if a place is not there, or there is no picture.
    """
    pictures: list[Labelled] = []
    remarks: list[str] = []
    junk = 0
    for place in places:
        if not place.exists():
            raise CdnetError(f"{place}: no such folder, picture or table")
        if is_table(place):
            rows, said = listed(place)
            remarks += said
            for row in rows:
                known = row._replace(camera=row.camera or camera, time=row.time or time, note=row.note or note)
                pictures.append(known)
            continue
        found = [place]
        if place.is_dir():
            below = files_below(place)
            found = below.pictures
            remarks += of_folders([f"{path}: {what}" for path, what in below.others])
            splits = find_split_folders(place)
            if splits is not None and len(splits.used()) > 1:
                names = ", ".join(folder.name for folder in splits.used().values())
                remarks.append(
                    f"{place}: the pictures of all its parts are added, {names}; name one of them for it alone"
                )
        form = form_of(found) if persons == "names" else None
        for path in found:
            named = (
                by_folder(path.relative_to(place)) if persons == "folders" and place.is_dir() else by_name(path, form)
            )
            junk += named.junk
            if not named.junk:
                who = None if persons == "unknown" else named.person
                pictures.append(Labelled(path, camera if camera is not None else named.camera, who, time, note))
    if junk:
        remarks.append(f"{junk:,} pictures left out: {JUNK_REASON}")
    if not pictures:
        raise CdnetError(f"{places[0]}: no pictures there")
    return pictures, remarks

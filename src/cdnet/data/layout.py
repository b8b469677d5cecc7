"""Finding out which layout a path has, and reading it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from cdnet.data import cuhk03_np, dukemtmc, market1501, msmt17, veri
from cdnet.data.csv_file import read_csv
from cdnet.data.examined import examined
from cdnet.data.holdout import training_alone
from cdnet.data.joining import join_spellings
from cdnet.data.named_files import NamedFiles, OtherNamesError, is_named, read_named
from cdnet.data.own import read_folders
from cdnet.data.pictures import ReidData, picture_files
from cdnet.data.split_folders import find_split_folders, is_container, subfolders
from cdnet.data.two_views import PRID2011, VIPER, TwoViews, is_two_views, read_two_views
from cdnet.errors import CdnetError
from cdnet.nearest import nearest


@dataclass(frozen=True)
class Layout:
    """A published data set's layout.

    Args:
        read: reads the root folder.
        recognise: tells whether a folder has this layout; None for a variant that must be asked for.
        source: how to come by the data set.
        archives: the folders that its archives unpack to.
        trains: whether it has training pictures.
    """

    read: Callable[[Path], ReidData]
    recognise: Callable[[Path], bool] | None
    source: str
    archives: tuple[str, ...] = ()
    trains: bool = True

    @classmethod
    def named(cls, files: NamedFiles) -> Layout:
        """Return the layout of a data set that :class:`NamedFiles` describes wholly."""
        read, recognise = partial(read_named, files=files), partial(is_named, files=files)
        return cls(read, recognise, files.source, (files.archive,))

    @classmethod
    def of_two_views(cls, files: TwoViews) -> Layout:
        """Return the layout of a data set of two views."""
        read, recognise = partial(read_two_views, files=files), partial(is_two_views, files=files)
        return cls(read, recognise, files.source, files.archives, trains=False)


_CUHK03 = cuhk03_np.FILES
_MSMT17 = tuple(msmt17.ARCHIVES.values())

PUBLISHED: dict[str, Layout] = {
    "msmt17": Layout(msmt17.read_msmt17, msmt17.is_msmt17, msmt17.SOURCE, _MSMT17),
    "msmt17-trainval": Layout(partial(msmt17.read_msmt17, validation=True), None, msmt17.SOURCE, _MSMT17),
    "dukemtmc": Layout.named(dukemtmc.FILES),
    "cuhk03-np": Layout(cuhk03_np.read_cuhk03_np, cuhk03_np.is_cuhk03_np, _CUHK03.source, (_CUHK03.archive,)),
    "veri": Layout.named(veri.FILES),
    "viper": Layout.of_two_views(VIPER),
    "prid2011": Layout.of_two_views(PRID2011),
    "market1501": Layout.named(market1501.FILES),
}
"""Published data sets, in the order in which they are looked for."""

OWN: dict[str, Callable[[Path, float], ReidData]] = {
    "folders": partial(read_folders, top="identity"),
    "camera-folders": partial(read_folders, top="camera"),
    "csv": read_csv,
}
"""One's own pictures, read with a share of identities to hold out."""

TRAIN_ALONE = "-train"
"""Behind a published data set's name: its training pictures alone, a share held out, to choose settings by."""

_ALONE = {f"{name}{TRAIN_ALONE}": layout for name, layout in PUBLISHED.items() if layout.recognise and layout.trains}

LAYOUTS = ("auto", *PUBLISHED, *_ALONE, *OWN)

ARCHIVES: dict[str, tuple[str, ...]] = {name: layout.archives for name, layout in (PUBLISHED | _ALONE).items()} | {
    "auto": tuple(dict.fromkeys(archive for layout in PUBLISHED.values() for archive in layout.archives))
}
"""The folders that each layout's archives unpack to."""
SOURCES = {name: layout.source for name, layout in (PUBLISHED | _ALONE).items()}


def read_data(root: Path | str, layout: str = "auto", holdout: float = 0.3) -> ReidData:
    """Read a data set: a published one, a folder per identity, or a CSV file.

    Args:
        root: a folder, or a CSV file. A folder with ``Market-1501-v15.09.15``, ``DukeMTMC-reID``, ``MSMT17_V1`` or
            another archive's folder inside means that one.
        layout: one of ``LAYOUTS``; ``auto`` looks. ``msmt17-trainval`` trains on MSMT17's validation pictures too.
            ``market1501-train`` trains and tests on Market-1501's training pictures alone, and so do others with
            ``-train``.
        holdout: share of the identities, 0 to 1, held out for the test where the layout gives no split.

    Raises:
        CdnetError: if nothing is there, no picture is there, or the layout is unknown, does not fit, or is not clear.
    """
    try:
        return examined(join_spellings(_with_pictures(_read(Path(root), layout, holdout))))
    except OSError as error:
        raise CdnetError(f"{error.filename or root} could not be read: {error.strerror or error}") from error


def _read(root: Path, layout: str, holdout: float) -> ReidData:
    if layout not in LAYOUTS:
        raise CdnetError(f"unknown layout {layout!r}{nearest(layout, LAYOUTS)}; known are {', '.join(LAYOUTS)}")
    if not 0 <= holdout <= 1:
        raise CdnetError(f"the holdout is a share from 0 to 1, not {holdout}")
    if not root.exists():
        source = f"; {SOURCES[layout]}" if layout in SOURCES else ""
        raise CdnetError(f"{root}: no such folder or CSV file; --data.root names where the pictures are{source}")
    if layout == "csv" or (layout == "auto" and not root.is_dir()):
        if root.is_dir():
            raise CdnetError(f"{root}: the layout csv needs a CSV file, not a folder")
        return read_csv(root, holdout)
    if not root.is_dir():
        raise CdnetError(f"{root}: the layout {layout} needs a folder, not a file")
    root = _inside(root, layout)
    if layout in PUBLISHED or layout in _ALONE:
        try:
            data = (PUBLISHED | _ALONE)[layout].read(root)
        except OtherNamesError as error:
            raise CdnetError(f"{error}; if they are another data set's, --data.layout auto finds out whose") from None
        return training_alone(data, holdout) if layout in _ALONE else data
    return OWN[layout](root, holdout) if layout in OWN else _look(root, holdout)


def _inside(root: Path, layout: str) -> Path:
    # Some archives unpack to a folder within a folder of the same name.
    found = [name for name in ARCHIVES.get(layout, ()) if (root / name).is_dir()]
    if len(found) > 1:
        raise CdnetError(f"{root}: holds {' and '.join(found)}; name one of these folders")
    return _inside(root / found[0], layout) if found else root


def _look(root: Path, holdout: float) -> ReidData:
    known = _recognised(root)
    if known is not None:
        return PUBLISHED[known].read(root)
    if find_split_folders(root) is None:
        only = _only_container(root)
        if only is not None:
            return _look(only, holdout)
        inside = [folder for folder in subfolders(root) if _is_divided(folder)]
        if inside and len(inside) == len([folder for folder in subfolders(root) if picture_files(folder)]):
            if len(inside) == 1 and not _has_pictures(root):
                return _look(inside[0], holdout)
            named = ", ".join(folder.name for folder in inside[:3]) + (", ..." if len(inside) > 3 else "")
            raise CdnetError(
                f"{root}: holds {named}, each divided into training, query or the like by itself; "
                f"name one of them, such as {inside[0]}, or divide above them, as in {root / 'train' / 'PERSON'}"
            )
    return read_folders(root, holdout)


def _only_container(root: Path) -> Path | None:
    # A folder such as images or data that is the only one, with all the others in it.
    folders = [folder for folder in subfolders(root) if picture_files(folder)]
    if len(folders) == 1 and is_container(folders[0].name) and not _has_pictures(root):
        return folders[0] if any(map(picture_files, subfolders(folders[0]))) else None
    return None


def _recognised(root: Path) -> str | None:
    for name, layout in PUBLISHED.items():
        if layout.recognise is not None and layout.recognise(root):
            return name
    return None


def _is_divided(folder: Path) -> bool:
    return find_split_folders(folder) is not None or _recognised(folder) is not None


def _has_pictures(folder: Path) -> bool:
    return any(path.parent == folder for path in picture_files(folder))


def _with_pictures(data: ReidData) -> ReidData:
    if not (data.train or data.query or data.gallery or data.unparsed):
        raise CdnetError(f"{data.root}: no pictures there (read as {data.name})")
    return data

"""What the names of pictures say that lie in a folder by themselves: person and camera, in a published set's form."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from cdnet.data import cuhk03_np, dukemtmc, market1501, veri
from cdnet.data.junk import JUNK, is_junk
from cdnet.data.named_files import NamedFiles
from cdnet.data.person_folders import camera_in_name, is_camera

NAMED = (market1501.FILES, dukemtmc.FILES, cuhk03_np.FILES, veri.FILES)


class Named(NamedTuple):
    """Person and camera of a picture, None where they are not known; ``junk`` shows nobody well enough."""

    person: str | None
    camera: str | None
    junk: bool = False


def form_of(paths: Sequence[Path]) -> NamedFiles | None:
    """Return the published data set in whose form most of some pictures are named, or None."""
    for files in NAMED:
        if paths and 2 * sum(files.match(path.name) is not None for path in paths) > len(paths):
            return files
    return None


def by_name(path: Path, form: NamedFiles | None) -> Named:
    """Return what a picture's name says, in a form; of a name of no form, no more than the camera."""
    match = form.match(path.name) if form is not None else None
    if match is None:
        return Named(None, camera_of_path(path))
    if match["identity"] == JUNK:
        return Named(None, match["camera"], junk=True)
    # Market-1501's distractors are many people, or none.
    unknown = form is market1501.FILES and not match["identity"].strip("0")
    return Named(None if unknown else match["identity"], match["camera"])


def by_folder(path: Path) -> Named:
    """Return what a picture's folder says: the person that it is named after, a folder of a camera apart."""
    folders = [part for part in path.parent.parts if not is_camera(part)]
    person = folders[-1] if folders else None
    return Named(person, camera_of_path(path), junk=person is not None and is_junk(person))


def camera_of_path(path: Path) -> str | None:
    """Return the camera that a picture's name gives, or else a folder of it, or None."""
    named = camera_in_name(path.stem)
    return named or next((part for part in reversed(path.parent.parts) if is_camera(part)), None)

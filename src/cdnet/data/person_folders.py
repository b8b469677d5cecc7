"""Whether the folders of one's own pictures are persons.

A folder is not a person because it is a folder: it may be a camera, a day, or hold all the pictures. What the names say
of that is looked at, and whether the same folders recur below several others. Where it is not clear,
:func:`doubt` says why, and how somebody can say what they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path

from cdnet.data.junk import nobody
from cdnet.data.spelling import tidy
from cdnet.data.split_folders import is_container, role_of

_CAMERA = re.compile(
    r"(?i:c[ _.-]?\d{1,3}|(?:cam|camera|kamera|cámara|câmera|caméra)(?:[ _.-]?\d{1,3}|[ _.-][a-z]|[_-][^\W\d_]\w*)|"
    r".*[^\W\d_][ _.-](?:cam|camera|kamera))|(?:[Cc]am|[Cc]amera|CAM|CAMERA)[A-Z]"
)
_CAMERA_OF_VIDEO = re.compile(r"\d{4}C(\d)[TF]\d{4}(?=[FX]\d)")
"""As MARS and DukeMTMC-VideoReID name their pictures: ``0001C1T0001F001`` is of camera 1."""
_CAMERA_IN_NAME = re.compile(r"(?<![^\W_])(?:c|(?:cam|camera)[ _-]?)(\d+)(?=s\d|[\W_]|$)", re.IGNORECASE)
"""In a name; ``c3f9a1`` is a part of some hash, and so may ``c19`` be within a UUID, which gives none."""
_UUID = re.compile(r"[\da-f]{8}-(?:[\da-f]{4}-){3}[\da-f]{12}", re.IGNORECASE)
_DEVICE = re.compile(
    r"(?:cctv|webcam|ipcam|gopro|kinect|realsense|sensor|device|entrance|exit|摄像头|相机|カメラ|камера)"
    r"[ _.-]?(?:\d{1,3}|[a-z])?|(?:channel|chan|ch|stream)[ _.-]?\d{1,3}|c\d{1,3}[ _.-]?s\d{1,2}|"
    r"(?:.*[ _.-])?(?:cam|camera|kamera)[ _.-]?\d{1,3}(?:[ _.-].+)?",
    re.IGNORECASE,
)
"""What films, and is not clearly one camera: ``cam1_day1`` and ``cam1_day2`` would be the same."""
_NUMBERED = r"(?:[ _.-]?\d{1,4}|[ _.-][a-z])?"
_GROUP = re.compile(
    r"(?:day|days|date|session|seq|sequence|scene|view|angle|clip|video|vid|track|tracklet|part|batch|group|team|site|"
    r"place|location|zone|floor|run|round|subset|fold|outfit|clothes|pose|frames?|left|right|front|back|side|"
    r"(?:in|out)doors?|morning|noon|afternoon|evening|night|visible|infrared|thermal|rgb|ir|depth|detected|labell?ed)"
    rf"{_NUMBERED}|\d{{4}}[-_.]\d{{2}}[-_.]\d{{2}}|(?:19|20)\d{{6}}",
    re.IGNORECASE,
)
_NOBODY = re.compile(
    r"all|unknowns?|unlabell?ed|unidentified|others?|misc|background|bg|noise|trash|none|null|nan|te?mp|backup|raw|"
    r"labels?|annotations?|masks?|thumb(?:nail)?s?|augmented|outputs?|results?|originals?",
    re.IGNORECASE,
)
_PLACE = re.compile(
    r"(?:(?:main|front|back|side|upper|lower|left|right|inner|outer|north|south|east|west)[ _.-]?)?"
    r"(?:halls?|hallway|lobby|foyer|doors?|doorway|gates?|entry|entrance|exit|corridor|aisle|stairs?|staircase|stairwell|elevator|lift|escalator|"
    r"kitchen|office|room|bathroom|bedroom|garage|garden|yard|courtyard|balcony|roof|basement|cellar|attic|porch|drive|"
    r"driveway|parking|car ?park|street|road|lane|crossing|square|plaza|bridge|tunnel|station|platform|shop|store|mall|"
    r"checkout|counter|cashier|reception|warehouse|dock|lab|library|canteen|cafe|gym|pool|playground|campus|"
    r"north|south|east|west|inside|outside|indoors?|outdoors?|upstairs|downstairs|ceiling|wall|corner|window)"
    rf"{_NUMBERED}",
    re.IGNORECASE,
)
"""Where a camera hangs. Somebody may be called Hall, but not all are."""
_WORDS = re.compile(r"[^\W\d_]*?[^\W\d_A-Z](?=[A-Z])|[^\W\d_]+")
"""Words of a name, which a capital letter begins too, as in ``trainA``."""


def is_camera(name: str) -> bool:
    """Tell whether a folder's name is that of a camera, such as ``cam1``, ``cam_a`` or ``c01``."""
    return _CAMERA.fullmatch(tidy(name)) is not None


def camera_in_name(stem: str) -> str | None:
    """Return the number of the camera that a file's name gives, such as ``3`` of ``anna_c3_0001``, or None."""
    match = _CAMERA_OF_VIDEO.match(stem) or _CAMERA_IN_NAME.search(_UUID.sub("", stem))
    return match[1] if match is not None else None


@dataclass
class _Top:
    """A folder that may be a person: whether pictures lie directly in it, and its folders that have some.

    Of a folder that is a camera, a day or the like it is the one in that, and so on, if there is one.
    """

    direct: bool = False
    below: set[str] = field(default_factory=set)


def doubt(base: Path, pictures: Iterable[tuple[str, ...]]) -> str | None:
    """Return why the folders directly in a folder may not be persons, with the way out, or None if they may well be.

    Args:
        base: the folder.
        pictures: the parts of each picture's path below it, the file's name last; at least two of them.
    """
    tops: dict[str, _Top] = {}
    found = list(pictures)
    for parts in found:
        top = tops.setdefault(parts[0], _Top())
        if len(parts) == 2:
            top.direct = True
        else:
            top.below.add(next((part for part in parts[1:-1] if not _is_group(part)), parts[1]))
    if len(tops) == 1:
        only, *rest = _common([parts[:-1] for parts in found])
        inside = {parts[1 + len(rest)] for parts in found if len(parts) > 2 + len(rest)}
        direct = any(len(parts) == 2 + len(rest) for parts in found)
        if len(inside) > 1 and not direct and not all(map(_is_group, inside)):
            place = base.joinpath(only, *rest)
            return (
                f"{place} is the only folder in {base}{' and below' if rest else ''}, and holds folders such as "
                f"{min(inside)}; if these are the persons, name it: --data.root {place}"
            )
    doubts = ((name, _by_name(name) or _by_splits(top)) for name, top in tops.items())
    why = next((f"{base / name} {why}" for name, why in doubts if why is not None), None)
    why = why or _by_recurrence(base, tops) or _by_places(base, tops)
    return None if why is None else _unclear(why, base, tops)


def _common(folders: list[tuple[str, ...]]) -> list[str]:
    # What all of these paths begin with.
    pairs = zip(min(folders), max(folders), strict=False)
    return [first for first, _ in takewhile(lambda pair: pair[0] == pair[1], pairs)]


def _unclear(why: str, base: Path, tops: dict[str, _Top]) -> str:
    ways = [f"with --data.layout folders it is those directly in {base}"]
    if not any(top.direct for top in tops.values()):
        ways.append("with --data.layout camera-folders those one below, each in a camera's")
    return (
        f"{why}, so that it is not clear which folders are the persons; {', '.join(ways)}, and a CSV file can name the "
        "person of each picture"
    )


def are_cameras(pictures: Iterable[tuple[str, ...]]) -> bool:
    """Tell whether all folders directly in a folder are called as cameras and hold folders only, as those of persons.

    Args:
        pictures: as :func:`doubt` takes them.
    """
    found = list(pictures)
    return bool(found) and all(is_camera(parts[0]) and len(parts) > 2 and not is_camera(parts[1]) for parts in found)


def _by_name(name: str) -> str | None:
    name = tidy(name)
    if nobody({name}):
        return None
    if is_camera(name):
        return "is called as a camera is"
    if any(role_of(word) not in (None, "val") for word in (name, *_WORDS.findall(name))):
        return "is called as a part of a data set is"
    if is_container(name) or any(words.fullmatch(name) for words in (_NOBODY, _GROUP, _DEVICE)):
        return "is not called as a person is"
    return None


def _by_splits(top: _Top) -> str | None:
    parts = sorted(name for name in top.below if role_of(name) not in (None, "val"))
    if not parts:
        return None
    return f"is divided into {', '.join(parts)} itself"


def _by_recurrence(base: Path, tops: dict[str, _Top]) -> str | None:
    seen: dict[str, str] = {}
    for name, top in tops.items():
        for below in sorted(top.below):
            if _is_group(below):
                continue
            if below in seen:
                return f"{base / seen[below]} and {base / name} both hold a folder {below}"
            seen[below] = name
    for name, top in tops.items():
        folders = [folder for folder in top.below if not _is_group(folder)]
        if len(folders) > 1 and not top.direct:
            return f"{base / name} holds {len(folders)} folders, such as {min(folders)}, and no picture of its own"
    return None


def _by_places(base: Path, tops: Iterable[str]) -> str | None:
    names = sorted(name for name in tops if not nobody({tidy(name)}))
    if len(names) < 2 or not all(_PLACE.fullmatch(tidy(name)) for name in names):
        return None
    return f"{base / names[0]} and {base / names[1]} are called as places are"


def _is_group(name: str) -> bool:
    return is_camera(name) or is_container(name) or _GROUP.fullmatch(tidy(name)) is not None

"""Writes drawn pedestrians in the layout and with the file names of Market-1501."""

import glob
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from filelock import FileLock, Timeout

from cdnet.draw.camera import Camera, Drawn, sample_camera
from cdnet.draw.figure import draw_person, draw_piece, draw_place
from cdnet.draw.identity import Identity, sample_identities, sample_identity
from cdnet.errors import CdnetError
from cdnet.files import make_folder, saying_what_failed

LOCK = ".lock"
"""Held in a folder that is being drawn."""
MOST_CAMERAS = 6
MOST_IDENTITIES = 4999
_JPEG_QUALITY = 90
_FRAMES_APART = 25

# What the random numbers of a seed are for; each purpose has its own, unmoved by how much the others draw.
# Purpose 0 is that of `sample_identities`.
_CAMERAS, _SIGHTINGS, _PICTURES, _DISTRACTORS, _JUNK = range(1, 6)


@dataclass(frozen=True)
class _Plan:
    """What was asked for, and the people and cameras that follow from it."""

    identities_train: int
    identities_test: int
    cameras: list[Camera]
    people: list[Identity]
    pictures_per_camera: int
    distractors: int
    junk: int
    seed: int
    size: tuple[int, int]


def draw_market1501(
    root: Path,
    *,
    identities_train: int,
    identities_test: int,
    cameras: int,
    pictures_per_camera: int,
    distractors: int,
    junk: int,
    seed: int,
    size: tuple[int, int] = (128, 64),
) -> None:
    """Draw a data set of pedestrians and write it as Market-1501 is laid out.

    Writes `bounding_box_train/`, `query/` and `bounding_box_test/` with JPEG files named like
    `0002_c1s1_000451_03.jpg`. People with even numbers are for training, with odd numbers for testing. Each
    is seen by at least two of the cameras; a test person has one query picture in each of these and the
    others in the gallery, where distractors have the number 0000 and junk has -1. The same arguments give
    the same bytes, and a larger data set contains the pictures of a smaller one with the same seed, cameras
    and size. The folder appears whole or, when interrupted, not at all.

    Args:
        root: folder to make; it must not exist yet, or be empty.
        identities_train: number of people to train on, 1 to 4999.
        identities_test: number of people to test on, 1 to 4999, none of whom is in training.
        cameras: number of cameras, 2 to 6.
        pictures_per_camera: pictures of a person from each camera that sees them, at least 2.
        distractors: number of gallery pictures of strangers and of places without people.
        junk: number of gallery pictures of pieces of people.
        seed: any whole number from 0.
        size: height and width of every picture in pixels, at least 32 by 16.

    Raises:
        CdnetError: an argument is out of its range, or `root` is a file or a folder with something in it.
    """
    _require("identities_train", identities_train, 1, MOST_IDENTITIES)
    _require("identities_test", identities_test, 1, MOST_IDENTITIES)
    _require("cameras", cameras, 2, MOST_CAMERAS)
    _require("pictures_per_camera", pictures_per_camera, 2, 999)
    _require("distractors", distractors, 0, 99999)
    _require("junk", junk, 0, 9999)
    _require("seed", seed, 0, 2**32 - 1)
    _require("the height in size", size[0], 32, 2048)
    _require("the width in size", size[1], 16, 1024)
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise CdnetError(f"{root} is there already and not an empty folder: remove it or name another.")

    plan = _Plan(
        identities_train,
        identities_test,
        [sample_camera(_rng(seed, _CAMERAS, camera)) for camera in range(1, cameras + 1)],
        sample_identities(seed, 2 * max(identities_train, identities_test)),
        pictures_per_camera,
        distractors,
        junk,
        seed,
        size,
    )
    with saying_what_failed(root), _unfinished(root) as draft:
        for folder in ("bounding_box_train", "query", "bounding_box_test"):
            make_folder(draft / folder)
        for name, picture in _pictures(plan):
            (draft / name).write_bytes(_encode(picture))
        if root.exists():
            root.rmdir()
        draft.rename(root)


@contextmanager
def _unfinished(root: Path) -> Iterator[Path]:
    # A folder beside it, locked; those whose locks are free are what processes left that were killed.
    make_folder(root.parent)
    for lock in root.parent.glob(f".{glob.escape(root.name)}-????????/{LOCK}"):
        if {path.name for path in lock.parent.iterdir()} <= {LOCK, root.name}:
            with suppress(OSError, Timeout), FileLock(lock, blocking=False):
                shutil.rmtree(lock.parent)
    unfinished = tempfile.TemporaryDirectory(prefix=f".{root.name}-", dir=root.parent)
    with unfinished, FileLock(Path(unfinished.name) / LOCK):
        yield Path(unfinished.name) / root.name


def _require(name: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise CdnetError(f"{name} is {value}: choose a whole number from {least} to {most}.")


def _rng(*key: int) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence(key))


def _encode(picture: Drawn) -> bytes:
    _, encoded = cv2.imencode(".jpg", picture[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    return encoded.tobytes()


def _pictures(plan: _Plan) -> Iterator[tuple[str, Drawn]]:
    """Draw the whole data set, one (path below the root, picture) after the other."""
    for number in range(2, 2 * plan.identities_train + 1, 2):
        for name, index, picture in _portraits(plan, number):
            yield f"bounding_box_train/{name}_{1 + index % 6:02d}.jpg", picture
    for number in range(1, 2 * plan.identities_test, 2):
        for name, index, picture in _portraits(plan, number):
            folder, box = ("query", 0) if index == 0 else ("bounding_box_test", 1 + index % 6)
            yield f"{folder}/{name}_{box:02d}.jpg", picture
    yield from _distractors(plan)
    yield from _junk(plan)


def _portraits(plan: _Plan, number: int) -> Iterator[tuple[str, int, Drawn]]:
    """Draw one person from each camera that sees them: (name without box, index in the camera, picture)."""
    identity = plan.people[number - 1]
    rng = _rng(plan.seed, _SIGHTINGS, number)
    seen_by = int(rng.integers(2, len(plan.cameras) + 1))
    for camera in sorted(1 + rng.choice(len(plan.cameras), seen_by, replace=False)):
        sequence, frame = int(rng.integers(1, 7)), int(rng.integers(1, 5000)) * _FRAMES_APART + 1
        for index in range(plan.pictures_per_camera):
            picture_rng = _rng(plan.seed, _PICTURES, number, camera, index)
            picture = draw_person(identity, plan.cameras[camera - 1], picture_rng, plan.size)
            yield f"{number:04d}_c{camera}s{sequence}_{frame + index * _FRAMES_APART:06d}", index, picture


def _distractors(plan: _Plan) -> Iterator[tuple[str, Drawn]]:
    """Draw strangers, who are none of the people of the data set, and places without anybody."""
    outfits = {person.outfit for person in plan.people}
    for index in range(plan.distractors):
        rng = _rng(plan.seed, _DISTRACTORS, index)
        camera = int(rng.integers(len(plan.cameras)))
        if rng.random() < 0.3:
            picture = draw_place(plan.cameras[camera], rng, plan.size)
        else:
            stranger = sample_identity(rng)
            while stranger.outfit in outfits:
                stranger = sample_identity(rng)
            picture = draw_person(stranger, plan.cameras[camera], rng, plan.size)
        yield _gallery_name("0000", camera, index), picture


def _junk(plan: _Plan) -> Iterator[tuple[str, Drawn]]:
    """Draw pieces of strangers."""
    for index in range(plan.junk):
        rng = _rng(plan.seed, _JUNK, index)
        camera = int(rng.integers(len(plan.cameras)))
        picture = draw_piece(sample_identity(rng), plan.cameras[camera], rng, plan.size)
        yield _gallery_name("-1", camera, index), picture


def _gallery_name(label: str, camera: int, index: int) -> str:
    frame = 1 + _FRAMES_APART * (1 + index % 5000)
    return f"bounding_box_test/{label}_c{camera + 1}s{1 + index // 5000}_{frame:06d}_{1 + index % 6:02d}.jpg"

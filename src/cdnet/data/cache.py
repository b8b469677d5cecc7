"""Decoded pictures on disk: each split is decoded once into a flat file of bytes, and mapped into memory after.

A cache is two files: ``NAME.FINGERPRINT.u8``, the pixels N x H x W x 3, and ``NAME.json``, which names it and lists the
pictures that could not be read and those that were turned upright. The fingerprint covers every picture's path, size
and times, so that a changed source is decoded anew. Both files appear by renaming, the index last: an interrupted build
leaves nothing that is read, and of two processes that want the same cache one builds while the other waits. The pixels
of an older source go last; a process that has them mapped keeps them until it ends.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from filelock import FileLock

from cdnet.data.decode import BrokenPictureError, Decoded, Pixels, open_picture, resize
from cdnet.data.mapped import map_pixels
from cdnet.data.pictures import Picture
from cdnet.data.threads import in_threads
from cdnet.errors import CdnetError
from cdnet.files import make_folder, refuse_no_file, saying_what_failed, write_atomically, write_text

FORMAT = 2
INDEX_BYTES = 10_000
"""The most bytes of an index for a picture; what is wrong with one takes some hundred, and its path 4,096."""

Progress = Callable[[Iterable[Any], str, int], Iterable[Any]]
"""Wraps a loop, given what it does and how long it is, to show how far it is."""


Watch = Callable[[Pixels], object]
"""Is given one picture H x W x 3 after another."""


def silently(items: Iterable[Any], _description: str, _total: int) -> Iterable[Any]:
    """Show nothing."""
    return items


@dataclass(frozen=True)
class _Index:
    """What is wrong with each broken picture, by its number, and the numbers of those that were turned."""

    broken: dict[int, str]
    turned: list[int]


@dataclass(frozen=True)
class CachedPictures:
    """The readable pictures of a split with their pixels, N x H x W x 3, mapped and read-only.

    ``broken`` says what is wrong with each picture left out; ``turned`` are those that were stored lying or upside down
    and were turned as their EXIF orientation says, and ``lost`` the identities of which no picture is left.
    """

    pictures: tuple[Picture, ...]
    pixels: Pixels
    broken: tuple[str, ...] = ()
    turned: tuple[Path, ...] = ()
    lost: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.pictures)


def default_cache_folder() -> Path:
    """Return ``$XDG_CACHE_HOME/cdnet``, by default ``~/.cache/cdnet``, which is made if need be.

    Raises:
        CdnetError: if there is no home, or the folder cannot be made or written.
    """
    way_out = "name a folder for decoded pictures with --data.cache"
    try:
        folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "cdnet"
        make_folder(folder)
    except RuntimeError:
        raise CdnetError(f"there is no home folder; {way_out}") from None
    except OSError as error:
        raise CdnetError(f"{folder} could not be made: {error.strerror or error}; {way_out}") from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise CdnetError(f"{folder} may not be written; {way_out}")
    return folder


def cached_pictures(
    pictures: Sequence[Picture],
    size: tuple[int, int],
    place: str,
    folder: Path | None = None,
    progress: Progress = silently,
    watch: Watch | None = None,
) -> CachedPictures:
    """Return the pictures at height x width, from the cache or decoded now.

    Args:
        pictures: at least one.
        size: height and width in pixels.
        place: which split of which data set this is; the same place with other pictures replaces its old cache.
        folder: where caches are kept; None means :func:`default_cache_folder`.
        progress: wraps the loop over the pictures to show how far it is.
        watch: is given each readable picture, in order, if they are decoded now; what it does, it does while the next
            ones are being decoded.

    Raises:
        CdnetError: if the cache cannot be written, for instance because the disk is full.
    """
    folder = Path(folder) if folder is not None else default_cache_folder()
    with saying_what_failed(folder):
        make_folder(folder)
    name = f"{hashlib.sha256(os.fsencode(place)).hexdigest()[:16]}-{size[0]}x{size[1]}"
    print_ = fingerprint(pictures, f"{FORMAT} {size}")
    file = folder / f"{name}.{print_}.u8"
    pixels: Pixels = np.zeros((0, *size, 3), np.uint8)
    with saying_what_failed(folder), FileLock(folder / f"{name}.lock"):
        index = _valid_index(folder, name, file, len(pictures), size)
        if index is None:
            index = _build(folder, name, file, pictures, size, progress, watch)
        kept = tuple(picture for number, picture in enumerate(pictures) if number not in index.broken)
        if kept:  # mapped while nobody else can replace it
            pixels = map_pixels(file, (len(kept), *size, 3))
    turned = tuple(pictures[number].path for number in index.turned)
    lost = sorted({pictures[number].identity for number in index.broken} - {picture.identity for picture in kept})
    return CachedPictures(kept, pixels, tuple(index.broken.values()), turned, tuple(lost))


def fingerprint(pictures: Sequence[Picture], what: str) -> str:
    """Return a digest of what is kept of pictures, and of every picture's path, size and times."""
    digest = hashlib.sha256(what.encode())
    for picture in pictures:
        digest.update(os.fsencode(os.path.abspath(picture.path)))
        try:
            status = os.stat(picture.path)
            # The time of the last change tells a replaced file even where `cp -p` gave it the old one's time.
            digest.update(f"\0{status.st_size} {status.st_mtime_ns} {status.st_ctime_ns}\n".encode())
        except (OSError, ValueError):
            digest.update(b"\0missing\n")
    return digest.hexdigest()[:16]


def _valid_index(folder: Path, name: str, file: Path, count: int, size: tuple[int, int]) -> _Index | None:
    # None where the cache is not this one, or not whole.
    try:
        kept = folder / f"{name}.json"
        refuse_no_file(kept)
        if kept.stat().st_size > INDEX_BYTES * (1 + count):
            return None  # longer than any index of so many pictures
        found = json.loads(kept.read_text("utf-8"))
        index = _Index(
            {int(number): str(problem) for number, problem in found["broken"].items()},
            [int(number) for number in found["turned"]],
        )
        length = (count - len(index.broken)) * size[0] * size[1] * 3
        numbers = {*index.broken, *index.turned} <= set(range(count)) and not index.broken.keys() & set(index.turned)
        whole = found["pixels"] == file.name and numbers and file.stat().st_size == length
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError, CdnetError):
        return None
    return index if whole else None


def _build(
    folder: Path,
    name: str,
    file: Path,
    pictures: Sequence[Picture],
    size: tuple[int, int],
    progress: Progress,
    watch: Watch | None,
) -> _Index:
    for half in folder.glob(f".{name}.*"):
        half.unlink(missing_ok=True)  # a build that was killed
    index = _Index({}, [])

    def write(out: BinaryIO) -> None:
        steps = progress(_decoded(pictures, size), "decoding pictures", len(pictures))
        for number, result in enumerate(steps):
            if isinstance(result, str):
                index.broken[number] = result
                continue
            out.write(result.pixels.tobytes())
            if watch is not None:
                watch(result.pixels)
            if result.turned:
                index.turned.append(number)

    write_atomically(file, write)
    written = {"pixels": file.name, "broken": index.broken, "turned": index.turned}
    write_text(folder / f"{name}.json", json.dumps(written, indent=1))
    for stale in folder.glob(f"{name}.*.u8"):
        if stale != file:
            stale.unlink(missing_ok=True)
    return index


def _decoded(pictures: Sequence[Picture], size: tuple[int, int]) -> Iterator[Decoded | str]:
    def one(picture: Picture) -> Decoded | str:
        try:
            found = open_picture(picture.path)
            return Decoded(resize(found.pixels, *size), found.turned)
        except BrokenPictureError as error:
            return str(error)

    return in_threads(one, pictures)

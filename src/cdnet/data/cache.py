"""Decoded pictures on disk: each split is decoded once into a flat file of bytes, and mapped into memory after.

A cache is two files: ``NAME.FINGERPRINT.u8``, the pixels N x H x W x 3, and ``NAME.json``, which names it and lists the
pictures that could not be read. The fingerprint covers every picture's path, size and time, so that a changed source
is decoded anew. Both files appear by renaming, the index last: an interrupted build leaves nothing that is read, and
of two processes that want the same cache one builds while the other waits.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from filelock import FileLock

from cdnet.data.decode import BrokenPictureError, Pixels, read_pixels, resize
from cdnet.data.pictures import Picture
from cdnet.files import saying_what_failed, write_atomically, write_text

FORMAT = 1
CHUNK = 256

Progress = Callable[[Iterable[Any], str, int], Iterable[Any]]
"""Wraps a loop, given what it does and how long it is, to show how far it is."""


def silently(items: Iterable[Any], _description: str, _total: int) -> Iterable[Any]:
    """Show nothing."""
    return items


@dataclass(frozen=True)
class CachedPictures:
    """The readable pictures of a split with their pixels, N x H x W x 3, mapped and read-only.

    ``broken`` says what is wrong with each picture left out.
    """

    pictures: tuple[Picture, ...]
    pixels: Pixels
    broken: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.pictures)


def default_cache_folder() -> Path:
    """Return ``$XDG_CACHE_HOME/cdnet``, by default ``~/.cache/cdnet``."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "cdnet"


def cached_pictures(
    pictures: Sequence[Picture],
    size: tuple[int, int],
    place: str,
    folder: Path | None = None,
    progress: Progress = silently,
) -> CachedPictures:
    """Return the pictures at height x width, from the cache or decoded now.

    Args:
        pictures: at least one.
        size: height and width in pixels.
        place: which split of which data set this is; the same place with other pictures replaces its old cache.
        folder: where caches are kept; None means :func:`default_cache_folder`.
        progress: wraps the loop over the pictures to show how far it is.

    Raises:
        CdnetError: if the cache cannot be written, for instance because the disk is full.
    """
    folder = Path(folder) if folder is not None else default_cache_folder()
    with saying_what_failed(folder):
        folder.mkdir(parents=True, exist_ok=True)
    name = f"{hashlib.sha256(place.encode()).hexdigest()[:16]}-{size[0]}x{size[1]}"
    print_ = _fingerprint(pictures, size)
    with saying_what_failed(folder), FileLock(folder / f"{name}.lock"):
        index = _valid_index(folder, name, print_, size)
        if index is None:
            index = _build(folder, name, print_, pictures, size, progress)
    broken = dict(index["broken"])
    kept = tuple(picture for number, picture in enumerate(pictures) if str(number) not in broken)
    pixels: Pixels = np.zeros((0, *size, 3), np.uint8)
    if kept:
        pixels = np.memmap(folder / index["pixels"], np.uint8, mode="r", shape=(len(kept), *size, 3))
    return CachedPictures(kept, pixels, tuple(broken.values()))


def _fingerprint(pictures: Sequence[Picture], size: tuple[int, int]) -> str:
    digest = hashlib.sha256(f"{FORMAT} {size}".encode())
    for picture in pictures:
        try:
            status = os.stat(picture.path)
            digest.update(f"{picture.path.resolve()}\0{status.st_size}\0{status.st_mtime_ns}\n".encode())
        except OSError:
            digest.update(f"{picture.path}\0missing\n".encode())
    return digest.hexdigest()[:16]


def _valid_index(folder: Path, name: str, print_: str, size: tuple[int, int]) -> dict[str, Any] | None:
    try:
        index: dict[str, Any] = json.loads((folder / f"{name}.json").read_text("utf-8"))
        length = (folder / index["pixels"]).stat().st_size
        whole = index["fingerprint"] == print_ and length == index["count"] * size[0] * size[1] * 3
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return index if whole else None


def _build(
    folder: Path,
    name: str,
    print_: str,
    pictures: Sequence[Picture],
    size: tuple[int, int],
    progress: Progress,
) -> dict[str, Any]:
    for stale in (*folder.glob(f".{name}.*"), *folder.glob(f"{name}.*.u8")):
        stale.unlink(missing_ok=True)  # a build that was killed, or the pixels of an older source
    broken: dict[str, str] = {}

    def write(file: BinaryIO) -> None:
        steps = progress(_decoded(pictures, size), "decoding pictures", len(pictures))
        for number, result in enumerate(steps):
            if isinstance(result, str):
                broken[str(number)] = result
            else:
                file.write(result.tobytes())

    pixels = f"{name}.{print_}.u8"
    write_atomically(folder / pixels, write)
    index = {"fingerprint": print_, "pixels": pixels, "count": len(pictures) - len(broken), "broken": broken}
    write_text(folder / f"{name}.json", json.dumps(index, indent=1))
    return index


def _decoded(pictures: Sequence[Picture], size: tuple[int, int]) -> Iterator[Pixels | str]:
    def one(picture: Picture) -> Pixels | str:
        try:
            return resize(read_pixels(picture.path), *size)
        except BrokenPictureError as error:
            return str(error)

    with ThreadPoolExecutor() as pool:
        for start in range(0, len(pictures), CHUNK):
            yield from pool.map(one, pictures[start : start + CHUNK])

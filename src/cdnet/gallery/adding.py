"""Adding pictures from a folder: read, looked up, decoded, through the network, and into the gallery, batch by batch.

What a batch adds is on the disk before the next one begins. The same command goes on where it was stopped: pictures
that are there are only read, to know them by their digest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np

from cdnet.data.cache import Progress, silently
from cdnet.data.decode import BrokenPictureError, Pixels, decode, read_bytes, resize
from cdnet.errors import CdnetError
from cdnet.gallery.entry import Box, NewEntry
from cdnet.gallery.gallery import Gallery
from cdnet.gallery.writing import Features
from cdnet.runtime.network import Network

BATCH = 64
"""Pictures that are added at once."""

Item = TypeVar("Item")
Result = TypeVar("Result")


class Labelled(NamedTuple):
    """A picture file, and what is known of it besides; fields are those of :class:`~cdnet.gallery.entry.NewEntry`."""

    path: Path
    camera: str | None = None
    person: str | None = None
    time: datetime | None = None
    note: str = ""
    source: str | None = None
    box: Box | None = None


@dataclass
class AddedPictures:
    """How adding went: pictures added, those that were there, and what is wrong with each that could not be read."""

    added: int = 0
    there: int = 0
    broken: list[str] = field(default_factory=list)


def describe(data: bytes, network: Network, origin: str = "picture") -> tuple[bytes, Features]:
    """Return the digest of a picture file's bytes, and its feature, D numbers.

    Raises:
        CdnetError: if it is no picture that can be read; ``origin`` is how it is called then.
    """
    try:
        pixels = resize(decode(data, origin), *network.preprocessing.size)
    except BrokenPictureError as error:
        raise CdnetError(str(error)) from None
    return hashlib.sha256(data).digest(), network(np.ascontiguousarray(pixels)[None])[0]


def describe_file(path: Path, network: Network) -> tuple[bytes, Features]:
    """Return digest and feature of a picture file, as :func:`describe` does.

    Raises:
        CdnetError: if it is no picture that can be read.
    """
    try:
        data = read_bytes(path)
    except BrokenPictureError as error:
        raise CdnetError(str(error)) from None
    return describe(data, network, str(path))


def add_pictures(
    gallery: Gallery,
    network: Network,
    pictures: Sequence[Labelled],
    *,
    keep: bool = False,
    progress: Progress = silently,
) -> AddedPictures:
    """Add picture files.

    Args:
        gallery: where to.
        network: the gallery's.
        pictures: what is added, in this order.
        keep: also keep the bytes of the files in the gallery.
        progress: shows how far it is.

    Raises:
        CdnetError: as :meth:`Gallery.add <cdnet.gallery.gallery.Gallery.add>`; what was added until then is kept.
    """
    done = AddedPictures()
    starts = range(0, len(pictures), BATCH)
    with ThreadPoolExecutor() as pool:
        for start in progress(starts, "adding pictures", len(starts)):
            _add_batch(gallery, network, pictures[start : start + BATCH], keep, pool, done)
    return done


def _add_batch(
    gallery: Gallery,
    network: Network,
    pictures: Sequence[Labelled],
    keep: bool,
    pool: ThreadPoolExecutor,
    done: AddedPictures,
) -> None:
    read = [data for data in _readable(pool, _read, pictures, done) if data is not None]
    known = gallery.known([entry.digest for entry, _ in read]) if read else {}
    new = {entry.digest: (entry, data) for entry, data in reversed(read) if entry.digest not in known}
    height, width = network.preprocessing.size
    fresh = list(reversed(new.values()))

    def decoded(item: tuple[NewEntry, bytes]) -> Pixels:
        return resize(decode(item[1], item[0].place), height, width)

    pixels = list(_readable(pool, decoded, fresh, done))
    kept = [(item, found) for item, found in zip(fresh, pixels, strict=True) if found is not None]
    done.there += len(read) - len(fresh)
    if kept:
        features = features_of(network, [found for _, found in kept])
        entries = [replace(entry, data=data) if keep else entry for (entry, data), _ in kept]
        added = sum(found.new for found in gallery.add(entries, features))
        done.added += added
        done.there += len(kept) - added


def features_of(network: Network, pictures: Sequence[Pixels]) -> Features:
    """Return features N x D of pictures of the network's size, as many at once as it takes."""
    parts = range(0, len(pictures), network.batch)
    return np.concatenate([network(np.stack(pictures[start : start + network.batch])) for start in parts])


def _read(picture: Labelled) -> tuple[NewEntry, bytes]:
    data = read_bytes(picture.path)
    place = str(picture.path.absolute())
    digest = hashlib.sha256(data).digest()
    about = (picture.camera, picture.time, picture.person, picture.note, picture.source, picture.box)
    return NewEntry(digest, place, *about), data


def _readable(
    pool: ThreadPoolExecutor, function: Callable[[Item], Result], items: Iterable[Item], done: AddedPictures
) -> Iterator[Result | None]:
    for future in [pool.submit(function, item) for item in items]:
        try:
            yield future.result()
        except BrokenPictureError as error:
            done.broken.append(str(error))
            yield None

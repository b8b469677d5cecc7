"""Pictures of the same pixels, in one's own data: two persons' cannot both be right, and a query's tell nothing.

Published data sets are what they are, and are not looked at.
"""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Iterable
from contextlib import suppress

from cdnet.data.cache import CachedPictures
from cdnet.data.pictures import Picture, ReidData
from cdnet.data.spelling import identity_of
from cdnet.errors import CdnetError


def two_persons(pictures: Iterable[Picture]) -> str | None:
    """Return what is wrong with pictures of the same pixels: that they are given to two persons; None if they are not.

    Args:
        pictures: at least one.
    """
    first, *others = pictures
    for other in others:
        if identity_of(first.identity) != identity_of(other.identity):
            persons = f"{first.identity!r} and {other.identity!r}"
            return f"{other.path}: the same picture as {first.path}, and given to two persons, {persons}"
    return None


def refuse_two_persons(data: ReidData, *splits: CachedPictures) -> None:
    """Refuse one's own data where a picture of two persons has the same pixels.

    Raises:
        CdnetError: with the first two of them.
    """
    if data.published:
        return
    seen: dict[bytes, Picture] = {}
    for split in splits:
        for picture, digest in zip(split.pictures, _digests(split), strict=True):
            problem = two_persons([seen.setdefault(digest, picture), picture])
            if problem is not None:
                raise CdnetError(f"{problem}; decide for one, `cdnet data check` lists all")


def refuse_copied_files(data: ReidData) -> None:
    """Refuse one's own data where a training picture's file is, byte for byte, another person's in the test.

    The pixels of both sides are not at hand where only one is used; files of equal length are what is compared.

    Raises:
        CdnetError: with the first two of them.
    """
    if data.published or not data.train:
        return
    trained = _by_length(data.train)
    for length, tested in _by_length((*data.query, *data.gallery)).items():
        of_content: dict[bytes, Picture] = {}
        for picture in trained.get(length, ()):
            if (digest := _content(picture)) is not None:
                of_content.setdefault(digest, picture)
        for picture in tested if of_content else ():
            digest = _content(picture)
            problem = two_persons([of_content[digest], picture]) if digest in of_content else None
            if problem is not None:
                raise CdnetError(f"{problem}; decide for one, `cdnet data check` lists all")


def _by_length(pictures: Iterable[Picture]) -> dict[int, list[Picture]]:
    found: dict[int, list[Picture]] = {}
    for picture in {picture.path: picture for picture in pictures}.values():
        with suppress(OSError, ValueError):
            status = picture.path.stat()
            if stat.S_ISREG(status.st_mode) and status.st_size:
                found.setdefault(status.st_size, []).append(picture)
    return found


def _content(picture: Picture) -> bytes | None:
    try:
        with picture.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").digest()
    except OSError:
        return None


def copied_queries(query: CachedPictures, gallery: CachedPictures) -> int:
    """Return how many queries have a copy of themselves in the gallery that counts as a match.

    That is another file with the same pixels, of the same identity, and not known to be by the same camera.
    """
    copies: dict[bytes, list[Picture]] = {}
    for picture, digest in zip(gallery.pictures, _digests(gallery), strict=True):
        copies.setdefault(digest, []).append(picture)
    return sum(
        any(_counts(picture, copy) for copy in copies.get(digest, []))
        for picture, digest in zip(query.pictures, _digests(query), strict=True)
    )


def _counts(query: Picture, copy: Picture) -> bool:
    if query.identity != copy.identity or query.path == copy.path:
        return False
    return query.camera is None or query.camera != copy.camera


def _digests(split: CachedPictures) -> Iterable[bytes]:
    return (hashlib.sha256(pixels.tobytes()).digest() for pixels in split.pixels)

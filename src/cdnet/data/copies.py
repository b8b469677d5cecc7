"""Pictures of the same pixels, in one's own data: two persons' cannot both be right, and a query's tell nothing.

Published data sets are what they are, and are not looked at.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

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

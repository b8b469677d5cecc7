"""Which pictures a figure shows, chosen by a seed, and their pixels."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cdnet.data.decode import BrokenPictureError, Pixels, read_pixels, resize
from cdnet.data.pictures import Picture, ReidData
from cdnet.errors import CdnetError

SPLITS = ("test", "train")


def read_pictures(paths: Sequence[Path], size: tuple[int, int]) -> Pixels:
    """Return N pictures at height x width: N x H x W x 3 RGB bytes.

    Raises:
        CdnetError: if one of them cannot be read.
    """
    try:
        return np.stack([resize(read_pixels(Path(path)), *size) for path in paths])
    except BrokenPictureError as error:
        raise CdnetError(f"{error}; leave this picture out or repair it") from None


def pictures_by_identity(data: ReidData, split: str = "test", least: int = 1) -> dict[str, list[Picture]]:
    """Return the pictures of each identity that has at least ``least``, in the order of the names.

    Args:
        data: the data set.
        split: ``train``, or ``test`` for queries and gallery together. Who is never searched for, such as
            Market-1501's distractors, is no identity of the test.
        least: pictures of an identity, at least 1.

    Raises:
        CdnetError: if the split is empty.
    """
    assert split in SPLITS, split
    pictures = data.require("train") if split == "train" else (*data.require("query"), *data.gallery)
    known = {picture.identity for picture in (data.train if split == "train" else data.query)}
    found: dict[str, list[Picture]] = {name: [] for name in sorted(known)}
    for picture in pictures:
        if picture.identity in found:
            found[picture.identity].append(picture)
    return {name: entries for name, entries in found.items() if len(entries) >= least}


def pick(data: ReidData, count: int, seed: int = 0, split: str = "test", least: int = 1) -> dict[str, list[Picture]]:
    """Return all pictures of ``count`` identities that the seed picks among those with at least ``least``.

    The choice depends on the data set, the seed and these arguments alone, so that several networks are shown on the
    same people.

    Raises:
        CdnetError: if ``count`` or ``seed`` makes no sense, or there are fewer such identities.
    """
    if count < 1:
        raise CdnetError(f"a figure shows at least 1 identity, not {count}")
    if not 0 <= seed < 2**32:
        raise CdnetError(f"the seed must be from 0 to 2^32 - 1, not {seed}")
    found = pictures_by_identity(data, split, least)
    if count > len(found):
        enough = f" with at least {least} pictures" if least > 1 else ""
        raise CdnetError(
            f"{data.root}: {count} identities are asked for, and the split {split!r} has {len(found)}{enough}; "
            f"ask for fewer"
        )
    names = list(found)
    rows = np.random.default_rng(seed).choice(len(names), count, replace=False)
    return {names[row]: found[names[row]] for row in sorted(rows)}

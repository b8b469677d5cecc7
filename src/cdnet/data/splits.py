"""From a data set on disk to the decoded pictures of one split."""

from __future__ import annotations

from pathlib import Path

from cdnet.data.cache import CachedPictures, Progress, Watch, cached_pictures, silently
from cdnet.data.pictures import ReidData
from cdnet.errors import CdnetError


def decode_split(
    data: ReidData,
    split: str,
    size: tuple[int, int],
    folder: Path | None = None,
    progress: Progress = silently,
    watch: Watch | None = None,
) -> CachedPictures:
    """Return a split's readable pictures at height x width, decoded once and cached.

    Args:
        data: the data set.
        split: train, query or gallery.
        size: height and width.
        folder: of the cache; None means the default.
        progress: shows how far the decoding is.
        watch: is given each picture, as :func:`~cdnet.data.cache.cached_pictures` has it.

    Raises:
        CdnetError: if the split is empty, none of its pictures can be read, or the cache cannot be written.
    """
    pictures = data.require(split)
    cached = cached_pictures(pictures, size, f"{data.root.resolve()}/{split}", folder, progress, watch)
    if not len(cached):
        raise CdnetError(f"{data.root}: no picture of the split {split!r} can be read; first {cached.broken[0]}")
    return cached

"""What a classification data set is: pictures with a class, to train on and to test on.

Small ones come as arrays of decoded pictures; of large ones only the files' names are held, and pictures are decoded
when they are asked for.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from cdnet.data.cache import Progress, cached_pictures, silently
from cdnet.data.decode import Pixels, resize
from cdnet.data.pictures import Picture
from cdnet.data.resized_crop import Chooser, crop_pixels, read_crop
from cdnet.errors import CdnetError

ClassNumbers = npt.NDArray[np.int64]


class ClassPictures(ABC):
    """Pictures of one split with ``labels``, their classes' numbers N."""

    labels: ClassNumbers

    def __len__(self) -> int:
        return len(self.labels)

    @abstractmethod
    def crop(self, row: int, choose: Chooser, size: tuple[int, int]) -> Pixels:
        """Return a part of picture ``row``, resized to height x width.

        Args:
            row: from 0 to N - 1.
            choose: takes the picture's height and width and returns the part's top, left, height and width.
            size: height and width.

        Raises:
            BrokenPictureError: if the picture cannot be read.
        """

    @abstractmethod
    def digest(self) -> str:
        """Return a text that other pictures or labels do not have."""

    @abstractmethod
    def decoded(self, size: tuple[int, int], place: str, folder: Path | None, progress: Progress) -> DecodedPictures:
        """Return all readable pictures at height x width, decoded once.

        Args:
            size: height and width.
            place: which split of which data set this is.
            folder: of the cache of decoded pictures; None means the default.
            progress: shows how far the decoding is.
        """


class DecodedPictures(ClassPictures):
    """Pictures of one size as an array: ``pixels`` N x H x W x 3, in memory or mapped.

    ``broken`` says what is wrong with each picture that was left out, ``turned`` are those that were turned upright as
    their EXIF data say; ``names`` is the digest of the files that they
    come from, if they come from files.
    """

    def __init__(
        self,
        pixels: Pixels,
        labels: ClassNumbers,
        broken: Sequence[str] = (),
        names: str | None = None,
        turned: Sequence[Path] = (),
    ) -> None:
        assert len(pixels) == len(labels)
        self.pixels, self.labels, self._names = pixels, labels, names
        self.broken, self.turned = tuple(broken), tuple(turned)

    def whole(self, rows: npt.NDArray[np.int64], size: tuple[int, int]) -> Pixels:
        """Return pictures of the given rows at height x width, N x H x W x 3."""
        taken = np.asarray(self.pixels[rows])
        if taken.shape[1:3] == size:
            return taken
        return np.stack([resize(pixels, *size) for pixels in taken])

    def crop(self, row: int, choose: Chooser, size: tuple[int, int]) -> Pixels:
        """Return a part of picture ``row``, resized."""
        return crop_pixels(self.pixels[row], choose, size)

    def digest(self) -> str:
        """Return a digest of the names and labels of the pictures' files, or else of all pixels and labels."""
        if self._names is not None:
            return self._names
        found = hashlib.sha256(np.ascontiguousarray(self.pixels).data)
        found.update(self.labels.tobytes())
        return found.hexdigest()[:16]

    def decoded(self, size: tuple[int, int], place: str, folder: Path | None, progress: Progress) -> DecodedPictures:
        """Return itself; pictures of another size are resized when they are taken."""
        return self


class PictureFiles(ClassPictures):
    """Pictures as files, decoded when asked for."""

    def __init__(self, paths: Sequence[Path], labels: ClassNumbers) -> None:
        assert len(paths) == len(labels)
        self.paths, self.labels = tuple(paths), labels

    def crop(self, row: int, choose: Chooser, size: tuple[int, int]) -> Pixels:
        """Return a part of picture ``row``, decoded no larger than it need be, and resized."""
        return read_crop(self.paths[row], choose, size)

    def digest(self) -> str:
        """Return a digest of the files' names and labels, wherever they lie."""
        names = "\n".join(f"{label}/{path.name}" for label, path in zip(self.labels, self.paths, strict=True))
        return hashlib.sha256(names.encode("utf-8", "surrogateescape")).hexdigest()[:16]

    def decoded(self, size: tuple[int, int], place: str, folder: Path | None, progress: Progress) -> DecodedPictures:
        """Return the pictures from the cache of decoded ones, which is made if need be.

        Raises:
            CdnetError: if none can be read, or the cache cannot be written.
        """
        pictures = [Picture(path, str(label)) for label, path in zip(self.labels, self.paths, strict=True)]
        cached = cached_pictures(pictures, size, place, folder, progress)
        if not len(cached):
            raise CdnetError(f"{place}: no picture can be read; first {cached.broken[0]}")
        labels = np.array([int(picture.identity) for picture in cached.pictures], np.int64)
        names = PictureFiles([picture.path for picture in cached.pictures], labels).digest()
        return DecodedPictures(cached.pixels, labels, cached.broken, names, cached.turned)


@dataclass(frozen=True)
class ClassData:
    """A classification data set: ``classes`` by number, and the two splits.

    ``published`` has each split's pictures as its authors count them, where they do; ``passed_over`` names what lies
    among the pictures and is none.
    """

    name: str
    root: Path
    classes: tuple[str, ...]
    train: ClassPictures
    test: ClassPictures
    published: dict[str, int] = field(default_factory=dict)
    passed_over: tuple[str, ...] = ()

    def split(self, name: str) -> ClassPictures:
        """Return ``train`` or ``test``."""
        return {"train": self.train, "test": self.test}[name]

    def decoded(
        self, split: str, size: tuple[int, int], folder: Path | None = None, progress: Progress = silently
    ) -> DecodedPictures:
        """Return a split's readable pictures at height x width, decoded once and cached.

        Raises:
            CdnetError: if none can be read, or the cache cannot be written.
        """
        return self.split(split).decoded(size, f"{self.root.resolve()}/{split}", folder, progress)

    def unpublished(self) -> list[str]:
        """Say of each split whose pictures are not as many as its authors count how many there are."""
        counts = {split: len(self.split(split)) for split in self.published}
        return [
            f"{self.root}: {counts[split]:,} {split} pictures, and {expected:,} were published"
            for split, expected in self.published.items()
            if counts[split] != expected
        ]

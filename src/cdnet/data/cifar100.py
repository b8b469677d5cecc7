"""CIFAR-100 as published (Krizhevsky 2009): the python archive and the binary archive, packed or unpacked.

50,000 training and 10,000 test pictures of 32 x 32 pixels in 100 classes. The python archive is a pickle; it is read
without unpickling it (see ``plain_pickle.py``). A folder a class is read by ``class_folders.py``.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
import numpy.typing as npt

from cdnet.data.classes import ClassData, DecodedPictures
from cdnet.data.plain_pickle import PlainPickleError, read_plain_pickle
from cdnet.errors import CdnetError

NAME = "cifar100"
MEAN = (129.3 / 255, 124.1 / 255, 112.4 / 255)
"""Mean of the training pictures' channels, for values in [0, 1]."""
STD = (68.2 / 255, 65.4 / 255, 70.4 / 255)
"""Their deviation."""

SIDE = 32
VALUES = 3 * SIDE * SIDE
RECORD = 2 + VALUES
"""Bytes of a picture in the binary archive: coarse class, fine class, and red, green and blue row by row."""

MAX_UNPACKED = 256 * 2**20
"""The most bytes that an archive may unpack to; CIFAR-100's is some 187 million."""
MAX_MEMBERS = 1_000
_TOO_LARGE = (
    f"has more than the {MAX_UNPACKED:,} bytes that CIFAR-100 may have unpacked, and CIFAR-100 has 187 million; "
    "download it again"
)

PYTHON = ("train", "test", "meta")
BINARY = ("train.bin", "test.bin", "fine_label_names.txt")
PUBLISHED = {"train": 50_000, "test": 10_000}
"""Pictures of each split."""
FORMS = {"cifar-100-python": PYTHON, "cifar-100-binary": BINARY}


def find_cifar100(root: Path) -> Path | None:
    """Return the archive or the unpacked folder that a path is or holds, or None."""
    if root.is_file():
        return root if root.name.endswith((".tar.gz", ".tgz", ".tar")) else None
    for files in FORMS.values():
        if all((root / name).is_file() for name in files):
            return root
    for form in FORMS:
        if (root / form).is_dir():
            return root / form
        if (root / f"{form}.tar.gz").is_file():
            return root / f"{form}.tar.gz"
    # A folder that lost one of its files is still this layout, and reading it says which is missing.
    return root if root.name in FORMS and root.is_dir() else None


def read_cifar100(source: Path) -> ClassData:
    """Read an archive or an unpacked folder, as :func:`find_cifar100` returns it.

    Raises:
        CdnetError: if a file is missing, cut within a picture, or not of the published form.
    """
    if source.is_file():
        files = _archived(source)
    else:
        known = {name for names in FORMS.values() for name in names}
        files = {name: _whole(source / name) for name in known if (source / name).is_file()}
    binary = any(name in files for name in BINARY)
    missing = [name for name in (BINARY if binary else PYTHON) if name not in files]
    if missing:
        raise CdnetError(f"{source}: no {missing[0]!r} of CIFAR-100 inside; download it again")
    if binary:
        classes = tuple(files[BINARY[2]].decode("utf-8", "replace").split())
        train, test = (_from_binary(files[name], f"{source}: {name}", len(classes)) for name in BINARY[:2])
    else:
        found = _unpickled(files["meta"], f"{source}: meta").get("fine_label_names")
        named = isinstance(found, list) and all(isinstance(name, str) for name in found)
        classes = tuple(found) if found and named else ()
        train, test = (_from_python(files[name], f"{source}: {name}", len(classes)) for name in PYTHON[:2])
    return ClassData(NAME, source, classes, train, test, PUBLISHED)


def _whole(path: Path) -> bytes:
    if path.stat().st_size > MAX_UNPACKED:
        raise CdnetError(f"{path} {_TOO_LARGE}")
    return path.read_bytes()


class _Bounded(io.RawIOBase):
    """What an archive unpacks to, refused as soon as more of it is wanted than CIFAR-100 can have."""

    def __init__(self, file: IO[bytes], path: Path) -> None:
        self._file, self._path = file, path

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        if size < 0 or self._file.tell() + size > MAX_UNPACKED:
            raise CdnetError(f"{self._path} {_TOO_LARGE}")
        return self._file.read(size)

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        if whence != io.SEEK_SET or offset > MAX_UNPACKED:
            raise CdnetError(f"{self._path} {_TOO_LARGE}")
        return self._file.seek(offset)

    def tell(self) -> int:
        return self._file.tell()


@contextmanager
def _unpacked(path: Path) -> Iterator[IO[bytes]]:
    with path.open("rb") as packed:
        start = packed.read(6)
        packed.seek(0)
        for magic, open_ in ((b"\x1f\x8b", gzip.open), (b"BZh", bz2.open), (b"\xfd7zXZ\0", lzma.open)):
            if start.startswith(magic):
                with open_(packed, "rb") as unpacked:
                    yield cast(IO[bytes], _Bounded(cast(IO[bytes], unpacked), path))
                return
        yield cast(IO[bytes], _Bounded(packed, path))


def _archived(path: Path) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    known = {name for names in FORMS.values() for name in names}
    try:
        with _unpacked(path) as unpacked, tarfile.open(fileobj=unpacked, mode="r:") as archive:
            for number, member in enumerate(archive):
                if number == MAX_MEMBERS:
                    raise CdnetError(f"{path}: more than {MAX_MEMBERS:,} files, so it is not CIFAR-100's archive")
                name = Path(member.name).name
                if member.isfile() and name in known:
                    content = archive.extractfile(member)
                    assert content is not None
                    files[name] = content.read()
    except PermissionError as error:
        raise CdnetError(f"{path} could not be read: {error.strerror}") from error
    except (tarfile.TarError, EOFError, OSError, zlib.error, lzma.LZMAError):
        raise CdnetError(f"{path}: cut short or no archive of CIFAR-100; download it again") from None
    if not files:
        raise CdnetError(f"{path}: an archive, but not CIFAR-100's; give cifar-100-python.tar.gz or -binary.tar.gz")
    return files


def _from_binary(data: bytes, origin: str, classes: int) -> DecodedPictures:
    if not data or len(data) % RECORD:
        raise CdnetError(
            f"{origin} has {len(data):,} bytes, no multiple of {RECORD:,}, so it is cut short; download it again"
        )
    records = np.frombuffer(data, np.uint8).reshape(-1, RECORD)
    return _pictures(records[:, 2:], records[:, 1].tolist(), origin, classes)


def _from_python(data: bytes, origin: str, classes: int) -> DecodedPictures:
    content = _unpickled(data, origin)
    values, labels = content.get("data"), content.get("fine_labels")
    if not isinstance(values, np.ndarray) or values.ndim != 2 or values.shape[1] != VALUES or not len(values):
        raise CdnetError(f"{origin} has no pictures of 3 x 32 x 32 values; download it again")
    if not isinstance(labels, list) or len(labels) != len(values) or not all(type(label) is int for label in labels):
        raise CdnetError(f"{origin} has not one class for each of its {len(values):,} pictures; download it again")
    return _pictures(values, labels, origin, classes)


def _unpickled(data: bytes, origin: str) -> Mapping[str, Any]:
    try:
        content = read_plain_pickle(data)
    except PlainPickleError as error:
        raise CdnetError(f"{origin} is not CIFAR-100 as published: {error}; download it again") from None
    return content if isinstance(content, Mapping) else {}


def _pictures(values: npt.NDArray[np.uint8], labels: list[int], origin: str, classes: int) -> DecodedPictures:
    # The list is looked at, for a pickle's numbers may be larger than any array takes.
    if not all(0 <= label < classes for label in labels):
        raise CdnetError(f"{origin} has a picture whose class is none of the {classes} that have names")
    # Channel by channel on disk; pixel by pixel here.
    pixels = np.ascontiguousarray(values.reshape(-1, 3, SIDE, SIDE).transpose(0, 2, 3, 1))
    return DecodedPictures(pixels, np.array(labels, np.int64))

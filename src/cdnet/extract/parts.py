"""A part of a list: extracted at once, kept in a file of its own, and read back."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from cdnet.data.decode import BrokenPictureError, Pixels, read_pixels, resize
from cdnet.data.threads import in_threads
from cdnet.errors import CdnetError
from cdnet.extract.extractor import FeatureExtractor
from cdnet.extract.listing import Entry
from cdnet.files import refuse_no_file, write_atomically


@dataclass(frozen=True)
class Part:
    """Features N x D of the pictures ``rows`` (N numbers within the part), and what is wrong with the others."""

    features: npt.NDArray[np.float32]
    rows: npt.NDArray[np.int64]
    broken: dict[int, str]

    def to_bytes(self) -> bytes:
        """Return it as :meth:`from_bytes` reads it."""
        out = io.BytesIO()
        broken = np.frombuffer(json.dumps(self.broken).encode(), np.uint8)
        np.savez(out, features=self.features, rows=self.rows, broken=broken)
        return out.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> Part:
        """Read it back.

        Raises:
            ValueError: if it is damaged.
        """
        try:
            with np.load(io.BytesIO(data), allow_pickle=False) as kept:
                broken = {int(row): str(why) for row, why in json.loads(kept["broken"].tobytes()).items()}
                return cls(kept["features"], kept["rows"], broken)
        except Exception as error:  # damaged files raise nearly everything, in zipfile, json and NumPy
            raise ValueError(str(error)) from None

    def is_of(self, count: int, dimension: int) -> bool:
        """Tell whether it has features of ``dimension`` numbers, or what is wrong, for each of ``count`` pictures."""
        rows = self.rows.tolist() if self.rows.dtype == np.int64 and self.rows.ndim == 1 else [-1]
        return (
            sorted([*rows, *self.broken]) == list(range(count))
            and rows == sorted(rows)
            and self.features.dtype == np.float32
            and self.features.shape == (len(rows), dimension)
            and bool(np.isfinite(self.features).all())
        )


def extract_part(extractor: FeatureExtractor, entries: Sequence[Entry]) -> Part:
    """Return the features of the pictures of a part; those that have none are told, not left out in silence.

    Batches are always whole, so that a picture's features are the same bits whatever part it is in.

    Raises:
        CdnetError: if the network does not give finite numbers.
    """
    size, batch = extractor.preprocessing.size, extractor.network.batch

    def one(entry: Entry) -> Pixels | str:
        try:
            entry.shown.encode()
            return resize(read_pixels(Path(entry.file)), *size)
        except BrokenPictureError as error:
            return str(error).removeprefix(f"{entry.file}: ")
        except UnicodeEncodeError:
            return "its name is no UTF-8, which no table can hold; rename it"

    features, rows, broken = [np.zeros((0, extractor.dimension), np.float32)], [], {}
    waiting: list[Pixels] = []
    for row, found in enumerate(in_threads(one, entries)):
        if isinstance(found, str):
            broken[row] = found
        else:
            waiting.append(found)
            rows.append(row)
        if len(waiting) == batch:
            features.append(extractor.of_pixels(np.stack(waiting), fill=True))
            waiting.clear()
    if waiting:
        features.append(extractor.of_pixels(np.stack(waiting), fill=True))
    made, numbers = np.concatenate(features), np.array(rows, np.int64)
    some = made.any(axis=1)
    broken |= {int(row): "its features are all zeros, with which nothing can be compared" for row in numbers[~some]}
    return Part(made[some], numbers[some], dict(sorted(broken.items())))


def part_file(folder: Path, number: int) -> Path:
    """Return where a part is kept."""
    return folder / f"{number:06}.part"


def keep_part(folder: Path, number: int, part: Part) -> None:
    """Keep a part, atomically.

    Raises:
        CdnetError: if it cannot be written.
    """
    content = part.to_bytes()
    write_atomically(part_file(folder, number), lambda file: file.write(content))


def read_part(folder: Path, number: int) -> Part:
    """Return a part that was kept.

    Raises:
        OSError: if it is not there.
        ValueError: if it is damaged.
        CdnetError: if it is no file.
    """
    refuse_no_file(part_file(folder, number))
    return Part.from_bytes(part_file(folder, number).read_bytes())


def is_done(folder: Path, number: int, entries: Sequence[Entry], dimension: int) -> bool:
    """Tell whether a part is kept whole, with features of D numbers, and no picture has been changed since."""
    try:
        kept = os.stat(part_file(folder, number)).st_mtime_ns
        whole = read_part(folder, number).is_of(len(entries), dimension)
    except (OSError, ValueError, CdnetError):
        return False
    return whole and all(_changed(entry.file) < kept for entry in entries)


def _changed(file: str) -> int:
    try:
        status = os.stat(file)
        return max(status.st_mtime_ns, status.st_ctime_ns)
    except (OSError, ValueError):
        return 0

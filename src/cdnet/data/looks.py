"""What pictures look like, small enough to be kept of all and compared with all.

A picture that was saved anew, as PNG, as JPEG of less quality or at half the size, has other bytes, may have other
pixels, and is the same picture. So a grid of 8 x 4 mean colours is kept of each besides a digest of its pixels. The
grids of a picture and of what it became by being saved anew hardly differ, and those of two persons do by much more.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from filelock import FileLock

from cdnet.data.cache import Progress, default_cache_folder, fingerprint, silently
from cdnet.data.decode import BrokenPictureError, Pixels, open_picture
from cdnet.data.pictures import Picture
from cdnet.data.threads import in_threads
from cdnet.files import make_folder, saying_what_failed, write_atomically

SHARE = 0.1
"""By which share of what a grid itself varies those of the same picture may differ, both as root mean squares.

What differs less was saved anew. A picture of another person differs by several times as much, and an even wall, which
is like any other, varies by nothing."""
LEAST, MOST = 1.0, 8.0
"""Of 255 levels: what they may differ by though a dark picture varies little, up to twice its share, and at most."""
HEIGHT, WIDTH = 8, 4
COARSE = 2
"""Cells in a row and in a column that are averaged, so that most pairs are told apart by few numbers."""
BLOCK, PAIRS = 256, 50_000
"""Pictures compared with others at a time, and pairs looked at closely at a time."""
DIGEST = hashlib.sha256().digest_size
GRID = HEIGHT * WIDTH * 3
FORMAT = 2

Indices = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Looks:
    """What N pictures look like, in their order: a row of ``DIGEST`` bytes, of ``GRID`` bytes, and whether it reads."""

    digests: npt.NDArray[np.uint8]
    grids: npt.NDArray[np.uint8]
    readable: npt.NDArray[np.bool_]

    @classmethod
    def of_rows(cls, rows: npt.NDArray[np.uint8]) -> Looks:
        """Return the looks of which :func:`row_of` gave the rows, N x ``DIGEST + GRID + 1``."""
        return cls(rows[:, :DIGEST], rows[:, DIGEST:-1], rows[:, -1] > 0)


def row_of(pixels: Pixels | None) -> bytes:
    """Return what a picture H x W x 3 looks like in ``DIGEST + GRID + 1`` bytes, zeros if it cannot be read (None)."""
    if pixels is None:
        return bytes(DIGEST + GRID + 1)
    digest = hashlib.sha256(repr(pixels.shape).encode())
    digest.update(np.ascontiguousarray(pixels).data)
    # Enlarged, a picture of fewer cells stays what it is.
    shrinks = pixels.shape[0] * pixels.shape[1] > HEIGHT * WIDTH
    grid = cv2.resize(pixels, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    return digest.digest() + grid.tobytes() + b"\1"


def looks_of(
    pictures: Sequence[Picture], place: str, folder: Path | None = None, progress: Progress = silently
) -> Looks:
    """Return what pictures look like, as it is kept or looked at now.

    Args:
        pictures: at least one.
        place: which data set this is; the same place with other pictures replaces what is kept.
        folder: of decoded pictures, where it is kept; None means the default.
        progress: wraps the loop over the pictures to show how far it is.

    Raises:
        CdnetError: if it cannot be written.
    """
    folder = Path(folder) if folder is not None else default_cache_folder()
    name = hashlib.sha256(os.fsencode(f"{place}/looks")).hexdigest()[:16]
    file = folder / f"{name}.{fingerprint(pictures, f'looks {FORMAT}')}.looks"
    size = DIGEST + GRID + 1
    with saying_what_failed(folder):
        make_folder(folder)
        with FileLock(folder / f"{name}.lock"):
            if not file.is_file() or file.stat().st_size != len(pictures) * size:
                for half in folder.glob(f".{name}.*"):
                    half.unlink(missing_ok=True)  # what was being written when it was killed
                paths = [picture.path for picture in pictures]
                rows = b"".join(progress(in_threads(_read, paths), "comparing pictures", len(paths)))
                write_atomically(file, lambda out: out.write(rows))
                for stale in folder.glob(f"{name}.*.looks"):
                    if stale != file:
                        stale.unlink(missing_ok=True)
            return Looks.of_rows(np.fromfile(file, np.uint8).reshape(len(pictures), size))


def _read(path: Path) -> bytes:
    try:
        return row_of(open_picture(path).pixels)
    except BrokenPictureError:
        return row_of(None)


def alike(looks: Looks) -> Iterator[tuple[Indices, Indices]]:
    """Yield pairs of pictures that are the same, or were made of the same: M first ones and M second ones, by number.

    Each pair comes once, in no order, and those of the same pixels may come twice.
    """
    yield from _same(looks)
    yield from _near(looks)


def _same(looks: Looks) -> Iterator[tuple[Indices, Indices]]:
    # All with the first one of their pixels; with it they have all in common that pairs are asked for.
    first: dict[bytes, int] = {}
    found = [(number, first.setdefault(looks.digests[number].tobytes(), number)) for number in _numbers(looks)]
    pairs = np.array([(one, number) for number, one in found if one != number], np.int64).reshape(-1, 2)
    yield pairs[:, 0], pairs[:, 1]


def _numbers(looks: Looks) -> list[int]:
    numbers: list[int] = np.flatnonzero(looks.readable).tolist()
    return numbers


def _near(looks: Looks) -> Iterator[tuple[Indices, Indices]]:
    # By mean brightness first, then by coarse grids, then by the grids: neither of the first two can differ by more.
    numbers = np.flatnonzero(looks.readable)
    coarse = np.stack([_coarse(looks.grids[number]) for number in numbers]) if len(numbers) else np.zeros((0, 1))
    order = np.argsort(coarse.mean(1), kind="stable")
    numbers, coarse = numbers[order], coarse[order]
    brightness, length = coarse.mean(1), np.square(coarse).sum(1)
    most = MOST * MOST * coarse.shape[1] + 1  # 1 for what is rounded
    for start in range(0, len(numbers), BLOCK):
        stop = min(start + BLOCK, len(numbers))
        end = int(np.searchsorted(brightness, brightness[stop - 1] + MOST, "right"))
        apart = length[start:stop, None] + length[start:end] - 2 * coarse[start:stop] @ coarse[start:end].T
        rows, columns = np.nonzero(apart <= most)
        later = columns > rows
        rows, columns = numbers[start + rows[later]], numbers[start + columns[later]]
        for at in range(0, len(rows), PAIRS):
            one, other = rows[at : at + PAIRS], columns[at : at + PAIRS]
            same = _are_near(looks.grids[one], looks.grids[other])
            yield one[same], other[same]


def _coarse(grid: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    cells = grid.reshape(HEIGHT // COARSE, COARSE, WIDTH // COARSE, COARSE, 3).astype(np.float32)
    means: npt.NDArray[np.float32] = cells.mean((1, 3)).reshape(-1) - np.float32(128)
    return means


def _are_near(one: npt.NDArray[np.uint8], other: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    first, second = (grids.reshape(len(grids), HEIGHT * WIDTH, 3).astype(np.float32) for grids in (one, other))
    apart = np.sqrt(np.square(first - second).mean((1, 2)))
    varied = np.sqrt(np.minimum(first.var(1).mean(1), second.var(1).mean(1)))
    allowed = np.maximum(SHARE * varied, np.minimum(LEAST, 2 * SHARE * varied)).clip(max=MOST)
    near: npt.NDArray[np.bool_] = (apart <= allowed) & (varied > 0)
    return near

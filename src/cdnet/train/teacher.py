"""A teacher's features of the training pictures and of their mirror images or views: computed once, and kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from filelock import FileLock
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from cdnet.data.cache import Progress, default_cache_folder, fingerprint, silently
from cdnet.data.decode import BrokenPictureError, Pixels, read_pixels, resize
from cdnet.data.pictures import Picture
from cdnet.data.threads import in_threads
from cdnet.errors import CdnetError
from cdnet.evaluate.comparable import ALIKE
from cdnet.files import saying_what_failed, sweep, write_atomically
from cdnet.runtime.network import Network
from cdnet.train.views import Views

FORMAT = 1


def teacher_features(
    network: Network,
    pictures: Sequence[Picture],
    views: Views | None = None,
    folder: Path | None = None,
    progress: Progress = silently,
) -> Tensor:
    """Return a teacher's features N x 2 x D, of each picture and of its mirror image, or N x V x D, of its views.

    They are kept in the cache by the teacher's digest, its pre-processing, the views, and the pictures' paths, sizes
    and times, so that those of another teacher or of other pictures are never taken for these.

    Args:
        network: the teacher.
        pictures: all readable.
        views: of the same pictures; None means each picture as it is, and its mirror image.
        folder: of the cache; None means the default.
        progress: wraps the loop over the batches.

    Raises:
        CdnetError: if a picture cannot be read any more, the teacher gives no features, or the cache cannot be written.
    """
    folder = folder if folder is not None else default_cache_folder()
    said = f"{FORMAT} {network.digest} {network.preprocessing}" + (f" {views.said}" if views is not None else "")
    each, what = (2, "pictures and mirror images") if views is None else (views.each, "views of pictures")
    name = f"teacher-{network.digest[:16]}-{fingerprint(pictures, said)}"
    file = folder / f"{name}.safetensors"
    count = max(1, network.batch // each)  # all of a picture go through the same batch
    with saying_what_failed(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / f"{name}.lock"):
            sweep(folder, [file.name])
            kept = _kept(file, (len(pictures), each))
            if kept is None:
                size = network.preprocessing.size
                shots = _both_sides(pictures, size, count) if views is None else views.shots(size, count)
                batches = -(-len(pictures) // count)
                features = torch.from_numpy(_compute(network, progress(shots, "asking the teacher", batches)))
            else:
                features = kept
            _refuse_nothing_said(features, what)
            if kept is None:
                content = save({"features": features}, {"cdnet": said})
                write_atomically(file, lambda out: out.write(content))
    return features


def _kept(file: Path, shape: tuple[int, int]) -> Tensor | None:
    try:
        features = load_file(file)["features"]
    except (OSError, SafetensorError, KeyError):
        return None
    whole = features.dtype == torch.float32 and features.ndim == 3 and features.shape[:2] == shape
    return features if whole and features.shape[2] and bool(features.isfinite().all()) else None


def _refuse_nothing_said(features: Tensor, what: str) -> None:
    """Refuse a teacher from which there is nothing to learn: features of no length, or all in one direction."""
    zeros = int((features == 0).all(2).sum())
    if zeros:
        count = features.shape[0] * features.shape[1]
        raise CdnetError(
            f"the teacher gives {zeros:,} of {count:,} {what} features that are all zeros; its "
            "input may be of another range or order than is said, or it is broken"
        )
    directions = torch.nn.functional.normalize(features.flatten(0, 1).double())
    if float((directions - directions[0]).norm(dim=1).max()) <= ALIKE:
        raise CdnetError(
            "the teacher gives all pictures the same features; its input may be of another range or order than is "
            "said, or it is broken"
        )


def _compute(network: Network, shots: Iterable[Pixels]) -> np.ndarray:
    """Return a network's features N x E x D of all shots, each E x n x H x W x 3."""
    rows: list[np.ndarray] = []
    widths: set[int] = set()
    for pixels in shots:
        each, count = pixels.shape[:2]
        flat = pixels.reshape(each * count, *pixels.shape[2:])
        parts = [network(flat[start : start + network.batch]) for start in range(0, len(flat), network.batch)]
        widths |= {part.shape[1] for part in parts}
        if len(widths) > 1:
            numbers = " and ".join(map(str, sorted(widths)))
            raise CdnetError(f"the teacher gives {numbers} numbers a picture, by how many pictures it is shown at once")
        rows.append(np.concatenate(parts).reshape(each, count, -1).swapaxes(0, 1))
    return np.ascontiguousarray(np.concatenate(rows))


def _both_sides(pictures: Sequence[Picture], size: tuple[int, int], count: int) -> Iterator[Pixels]:
    for pixels in _batches(pictures, size, count):
        yield np.stack([pixels, pixels[:, :, ::-1]])


def _batches(pictures: Sequence[Picture], size: tuple[int, int], count: int) -> Iterator[Pixels]:
    def read(picture: Picture) -> Pixels:
        try:
            return resize(read_pixels(picture.path), *size)
        except BrokenPictureError as error:
            raise CdnetError(f"the teacher cannot see a picture that was readable before: {error}") from None

    waiting: list[Pixels] = []
    for pixels in in_threads(read, pictures):
        waiting.append(pixels)
        if len(waiting) == count:
            yield np.stack(waiting)
            waiting = []
    if waiting:
        yield np.stack(waiting)

"""A teacher's features of the training pictures and of their mirror images or views: computed once, and kept."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
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

PART = 64
"""Batches after which what the teacher said is kept, so that who is stopped goes on from there; some seconds' work."""

Shots = Callable[[int], Iterator[Pixels]]
"""Gives what a teacher is shown from a picture's number on: all of some pictures, E x n x H x W x 3 bytes at a time."""


def teacher_features(
    network: Network,
    pictures: Sequence[Picture],
    views: Views | None = None,
    folder: Path | None = None,
    progress: Progress = silently,
) -> Tensor:
    """Return a teacher's features N x 2 x D, of each picture and of its mirror image, or N x V x D, of its views.

    They are kept in the cache by the teacher's digest, its pre-processing, the views, and the pictures' paths, sizes
    and times, so that those of another teacher or of other pictures are never taken for these. A process that is
    stopped leaves what it heard until then; the next one goes on from there.

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
    file, parts = folder / f"{name}.safetensors", folder / f"{name}.parts"
    count = max(1, network.batch // each)  # all of a picture go through the same batch
    size = network.preprocessing.size

    def shots(start: int) -> Iterator[Pixels]:
        return _both_sides(pictures[start:], size, count) if views is None else views.shots(size, count, start)

    with saying_what_failed(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / f"{name}.lock"):
            sweep(folder, [file.name])
            shape = len(pictures), each
            kept = _kept(file, shape)
            features = _ask(network, shots, shape, count, parts, progress) if kept is None else kept
            try:
                _refuse_nothing_said(features, what)
            except CdnetError:
                shutil.rmtree(parts, ignore_errors=True)
                raise
            if kept is None:
                _keep(file, features, said)
            shutil.rmtree(parts, ignore_errors=True)
    return features


def _ask(
    network: Network, shots: Shots, shape: tuple[int, int], count: int, folder: Path, progress: Progress
) -> Tensor:
    """Return a teacher's features N x E x D, ``count`` pictures at a time, those in the folder's parts from there."""
    pictures, each = shape
    starts = range(0, pictures, PART * count)
    files = [folder / f"{start:08d}.safetensors" for start in starts]
    folder.mkdir(exist_ok=True)
    parts: list[Tensor] = []
    for start, file in zip(starts, files, strict=True):
        part = _kept(file, (min(PART * count, pictures - start), each))
        if part is None:
            break
        parts.append(part)
    done = sum(map(len, parts))
    shown = iter(progress(shots(done), "asking the teacher", -(-(pictures - done) // count)))
    for file in files[len(parts) :]:
        part = _joined([_say(network, pixels) for pixels in islice(shown, PART)])
        _keep(file, part)
        parts.append(part)
    next(shown, None)  # nothing is left: the progress shown ends
    return _joined(parts)


def _keep(file: Path, features: Tensor, said: str = "") -> None:
    content = save({"features": features}, {"cdnet": said})
    write_atomically(file, lambda out: out.write(content))


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


def _say(network: Network, pixels: Pixels) -> Tensor:
    """Return a network's features n x E x D of what is E x n x H x W x 3."""
    each, count = pixels.shape[:2]
    flat = pixels.reshape(each * count, *pixels.shape[2:])
    parts = [network(flat[start : start + network.batch]) for start in range(0, len(flat), network.batch)]
    return _joined([torch.from_numpy(part) for part in parts]).view(each, count, -1).transpose(0, 1).contiguous()


def _joined(parts: Sequence[Tensor]) -> Tensor:
    widths = sorted({part.shape[-1] for part in parts})
    if len(widths) > 1:
        numbers = " and ".join(map(str, widths))
        raise CdnetError(f"the teacher gives {numbers} numbers a picture, by how many pictures it is shown at once")
    return torch.cat(tuple(parts))


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

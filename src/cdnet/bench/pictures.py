"""How many pictures a second are decoded and varied: ours, and torchreid's loader and transforms."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from cdnet.bench.peers import torchreid_of
from cdnet.bench.rows import Row, timed_row
from cdnet.bench.torchreid_parts import TorchreidParts, usable_cores
from cdnet.bench.training import AUGMENTED, training_entries
from cdnet.bench.turns import Run, in_turns
from cdnet.data.augment import augment, draw, normalise
from cdnet.data.cache import CachedPictures
from cdnet.data.decode import Pixels, open_picture, resize
from cdnet.data.threads import in_threads
from cdnet.engine.worker import Worker
from cdnet.train.batches import Batches
from cdnet.train.recipe import TrainRecipe

DECODED = "pictures from their files to a network's input"
VARIED = "training pictures, varied, to a network's input"
AUGMENTATION = "augmentation and normalisation alone, pixels at hand"
BATCH = 64


def bench_pictures(
    pictures: CachedPictures, recipe: TrainRecipe, count: int, rounds: int, peers: Mapping[str, Path]
) -> list[Row]:
    """Time the ways of pictures to a network, in turns: decoding, training batches, and augmentation alone.

    torchreid's loader has a process for each core and decodes every picture every time, where ours decodes once and
    keeps the pixels; augmentation alone is in one process for both.

    Args:
        pictures: training pictures, decoded at the recipe's size.
        recipe: its batch and augmentation.
        count: pictures in a round, whole batches of them.
        rounds: timed, in turns.
        peers: ``torchreid`` and its checkout, or nothing.

    Raises:
        CdnetError: if the recipe or a peer does not allow it.
    """
    some = CachedPictures(pictures.pictures[:count], pictures.pixels[:count])
    size = (some.pixels.shape[1], some.pixels.shape[2])
    batches = Batches(pictures, recipe.batch, recipe.augment, recipe.seed, Worker(torch.device("cpu"), 0, 1))
    steps = max(1, count // batches.batch_size)
    ours: dict[str, Run] = {
        DECODED: lambda _: _decode(some, size),
        VARIED: lambda number: _vary(batches, steps, number),
        AUGMENTATION: lambda number: _augment(some.pixels, recipe, number),
    }
    done = {DECODED: len(some), VARIED: steps * batches.batch_size, AUGMENTATION: len(some)}
    torchreid = torchreid_of(peers)
    theirs: dict[str, Run] = {}
    if torchreid is not None:
        parts, workers = TorchreidParts(torchreid.folder), usable_cores()
        against = {
            DECODED: f"torchreid's loader, {workers} processes{parts.as_text}",
            VARIED: f"torchreid's loader, which decodes them, {workers} processes{parts.as_text}",
            AUGMENTATION: f"torchreid's transforms of Pillow's pictures, with the resizing{parts.as_text}",
        }
        theirs = _torchreid(parts, pictures, some, recipe, steps, workers)
    rows: list[Row] = []
    config = f"{size[0]}x{size[1]}, {usable_cores()} cores, {torch.get_num_threads()} threads"
    for what, run in ours.items():
        beside = {"torchreid": theirs[what]} if theirs else {}
        timings = in_turns({"ours": run, **beside}, rounds)
        peer, said = timings.get("torchreid"), against[what] if theirs else ""
        rows.append(timed_row(what, config, timings["ours"], peer, "pictures/s", said, rate=done[what]))
    return rows


def _decode(some: CachedPictures, size: tuple[int, int]) -> None:
    def one(path: Path) -> Pixels:
        return resize(open_picture(path).pixels, *size)

    found = in_threads(one, [picture.path for picture in some.pictures])
    for batch in _batched(found):
        normalise(torch.from_numpy(np.stack(batch)))


def _batched(found: Iterator[Pixels]) -> Iterator[list[Pixels]]:
    batch: list[Pixels] = []
    for pixels in found:
        batch.append(pixels)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _vary(batches: Batches, steps: int, number: int) -> None:
    order = batches.epoch(number)
    for step in range(steps):
        batches.batch(order[step % len(order)], number, step)


def _augment(pixels: Pixels, recipe: TrainRecipe, number: int) -> None:
    how, size = recipe.augment, (pixels.shape[1], pixels.shape[2])
    generator = torch.Generator().manual_seed(number)
    for start in range(0, len(pixels), BATCH):
        part = torch.from_numpy(np.array(pixels[start : start + BATCH]))
        augment(part, draw(len(part), size, how.flip, how.pad, how.erase, generator))


def _torchreid(
    parts: TorchreidParts, pictures: CachedPictures, some: CachedPictures, recipe: TrainRecipe, steps: int, workers: int
) -> dict[str, Run]:
    size = (some.pixels.shape[1], some.pixels.shape[2])
    varied = parts.transforms(size, AUGMENTED)[0]
    plain = parts.test_loader(training_entries(some), size, workers, BATCH)
    batch = recipe.batch
    training = parts.train_loader(training_entries(pictures), varied, batch.identities, batch.pictures, workers)
    # At their files' size, as they are after decoding; pixels of the cache may have been resized already.
    held = [Image.fromarray(open_picture(picture.path).pixels) for picture in some.pictures]

    def drain(loader: Any, most: int) -> None:
        left = most
        while left > 0:
            for _ in loader:
                left -= 1
                if not left:
                    break

    def vary(_: int) -> None:
        for start in range(0, len(held), BATCH):
            torch.stack([varied(picture) for picture in held[start : start + BATCH]])

    return {
        DECODED: lambda _: drain(plain, len(plain)),
        VARIED: lambda _: drain(training, steps),
        AUGMENTATION: vary,
    }

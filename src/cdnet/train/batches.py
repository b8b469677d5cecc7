"""Training batches: each a pure function of seed, epoch and step, whichever process asks."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from cdnet.data.augment import augment, draw
from cdnet.data.cache import CachedPictures
from cdnet.data.sampler import PKSampler
from cdnet.engine.checkpoint import Source
from cdnet.engine.pixels import PixelsAtHand
from cdnet.engine.seeds import generator_of
from cdnet.engine.worker import Worker
from cdnet.errors import CdnetError
from cdnet.train.recipe import AugmentRecipe, BatchRecipe
from cdnet.train.views import Views


class Batch(NamedTuple):
    """One process's part of a batch.

    ``images`` N x 3 x H x W, ``identities`` N, and ``teacher`` N x D, the teacher's features of these pictures,
    mirrored where the pictures are or in the same views, or None without a teacher. ``mixed`` where each is of two
    pictures, and ``identities`` says whose the upper part is.
    """

    images: Tensor
    identities: Tensor
    teacher: Tensor | None = None
    mixed: bool = False


class Batches:
    """Augmented P x K batches of a training set, on the device.

    With several processes each gets its share of the batch's identities; together they see exactly the batch that one
    process alone would see. On a GPU with room for it, the pictures are kept in its memory.

    Args:
        pictures: the training set.
        batch: P identities with K pictures each, over all processes.
        how: the augmentation.
        seed: decides the batches and their variation.
        worker: this process; the number of processes divides P.
        rows: of the pictures that take part, in rising order; None means all.
        side: what they are, for what is said of them.
        teacher: a teacher's features N x 2 x D of all pictures and their mirror images, or N x V x D of their views, or
            None.
        views: the only variations that there are; None means new ones each time.

    Raises:
        CdnetError: if p cannot be divided among the processes, or there are too few identities.
    """

    def __init__(
        self,
        pictures: CachedPictures,
        batch: BatchRecipe,
        how: AugmentRecipe,
        seed: int,
        worker: Worker,
        *,
        rows: npt.NDArray[np.int64] | None = None,
        side: str = "the training set",
        teacher: Tensor | None = None,
        views: Views | None = None,
    ) -> None:
        p, k = batch.identities, batch.pictures
        if p % worker.processes:
            raise CdnetError(f"{p} identities per batch cannot be divided among {worker.processes} processes")
        names = sorted({picture.identity for picture in pictures.pictures})
        number = {name: index for index, name in enumerate(names)}
        self.identities = len(names)
        self.labels = torch.tensor([number[picture.identity] for picture in pictures.pictures])
        self.taking_part = np.arange(len(pictures)) if rows is None else rows
        self.sampler = PKSampler([pictures.pictures[row].identity for row in self.taking_part], p, k, seed, side)
        self.size = (pictures.pixels.shape[1], pictures.pixels.shape[2])
        self.how, self.seed, self.device = how, seed, worker.device
        self.batch_size, self.share = p * k, p * k // worker.processes
        self._mine, self._teacher, self._views = worker.part_of(p * k), teacher, views
        self._pixels = PixelsAtHand(pictures.pixels, pictures.pixels.__getitem__, worker.device)

    def epoch(self, number: int) -> npt.NDArray[np.int64]:
        """Return the picture indices of an epoch's batches, steps x (P K)."""
        return self.taking_part[self.sampler.epoch(number)]

    def batch(self, indices: npt.NDArray[np.int64], epoch: int, step: int) -> Batch:
        """Return this process's part of a batch."""
        generator = generator_of(self.seed, epoch, step)
        mine = indices[self._mine]
        rows = torch.from_numpy(mine)
        if self._views is None:
            how, noise = self.how, self.how.erase_with == "noise"
            everyones = draw(len(indices), self.size, how.flip, how.pad, how.erase, generator, how.jitter, noise)
            draws = everyones.rows(self._mine.start, self._mine.stop)
            shown, mixed = draws.flips.long(), False
            images = augment(self._pixels[mine], draws)
        else:
            shown, mixed = _views_shown(self._views, len(indices), generator)
            shown = shown[self._mine]
            images = self._views.show(self._pixels.__getitem__, rows, shown)
        teacher = None if self._teacher is None else self._teacher[rows, shown].to(self.device)
        return Batch(images, self.labels[mine].to(self.device), teacher, mixed)


def _views_shown(views: Views, count: int, generator: torch.Generator) -> tuple[Tensor, bool]:
    """Draw which view of each picture of a batch is shown, and whether all of them are mixed ones; else none is."""
    plain = views.each - views.mixed
    mixed = views.mixed > 0 and int(torch.randint(views.each, (), generator=generator)) >= plain
    first, stop = (plain, views.each) if mixed else (0, plain)
    return torch.randint(first, stop, (count,), generator=generator), mixed


def describe_source(pictures: CachedPictures) -> Source:
    """Return what tells one training set from another, wherever it lies: counts, and a digest of all names."""
    names = "\n".join(f"{picture.identity}/{picture.path.name}" for picture in pictures.pictures)
    identities = {picture.identity for picture in pictures.pictures}
    digest = hashlib.sha256(names.encode("utf-8", "surrogateescape")).hexdigest()[:16]
    return {"pictures": len(pictures), "identities": len(identities), "names": digest}

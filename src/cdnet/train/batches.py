"""Training batches: each a pure function of seed, epoch and step, whichever process asks."""

from __future__ import annotations

import hashlib
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from cdnet.data.augment import augment, draw
from cdnet.data.cache import CachedPictures
from cdnet.data.sampler import PKSampler
from cdnet.errors import CdnetError
from cdnet.train.recipe import AugmentRecipe


class Batch(NamedTuple):
    """One process's part of a batch.

    ``images`` N x 3 x H x W, ``identities`` N, and ``teacher`` N x D, the teacher's features of these pictures,
    mirrored where the pictures are, or None without a teacher.
    """

    images: Tensor
    identities: Tensor
    teacher: Tensor | None = None


class Batches:
    """Augmented P x K batches of a training set, on the device.

    With several processes each gets its share of the batch's identities; together they see exactly the batch that one
    process alone would see. On a GPU with room for it, the pictures are kept in its memory.

    Args:
        pictures: the training set.
        p: identities per batch, over all processes.
        k: pictures per identity.
        how: the augmentation.
        seed: decides the batches and their variation.
        device: where the batches go.
        rank: of this process.
        processes: how many there are; divides p.
        rows: of the pictures that take part, in rising order; None means all.
        side: what they are, for what is said of them.
        teacher: a teacher's features N x 2 x D of all pictures and their mirror images, or None.

    Raises:
        CdnetError: if p cannot be divided among the processes, or there are too few identities.
    """

    def __init__(
        self,
        pictures: CachedPictures,
        p: int,
        k: int,
        how: AugmentRecipe,
        seed: int,
        device: torch.device,
        rank: int = 0,
        processes: int = 1,
        rows: npt.NDArray[np.int64] | None = None,
        side: str = "the training set",
        teacher: Tensor | None = None,
    ) -> None:
        if p % processes:
            raise CdnetError(f"{p} identities per batch cannot be divided among {processes} processes")
        names = sorted({picture.identity for picture in pictures.pictures})
        number = {name: index for index, name in enumerate(names)}
        self.identities = len(names)
        self.labels = torch.tensor([number[picture.identity] for picture in pictures.pictures])
        self.taking_part = np.arange(len(pictures)) if rows is None else rows
        self.sampler = PKSampler([pictures.pictures[row].identity for row in self.taking_part], p, k, seed, side)
        self.size = (pictures.pixels.shape[1], pictures.pixels.shape[2])
        self.how, self.seed, self.device = how, seed, device
        self.share = p * k // processes
        self._mine = slice(rank * self.share, (rank + 1) * self.share)
        self.batch_size = p * k
        self._pixels, self._teacher = pictures.pixels, teacher
        self._resident = self._on_gpu(pictures.pixels)

    def epoch(self, number: int) -> npt.NDArray[np.int64]:
        """Return the picture indices of an epoch's batches, steps x (P K)."""
        return self.taking_part[self.sampler.epoch(number)]

    def batch(self, indices: npt.NDArray[np.int64], epoch: int, step: int) -> Batch:
        """Return this process's part of a batch."""
        generator = torch.Generator().manual_seed(self.seed_of(epoch, step))
        draws = draw(len(indices), self.size, self.how.flip, self.how.pad, self.how.erase, generator).rows(
            self._mine.start, self._mine.stop
        )
        mine = indices[self._mine]
        if self._resident is not None:
            pixels = self._resident[torch.from_numpy(mine).to(self.device)]
        else:
            pixels = torch.from_numpy(self._pixels[mine]).to(self.device)
        teacher = None
        if self._teacher is not None:
            teacher = self._teacher[torch.from_numpy(mine), draws.flips.long()].to(self.device)
        return Batch(augment(pixels, draws), self.labels[mine].to(self.device), teacher)

    def seed_of(self, epoch: int, step: int, *purpose: int) -> int:
        """Return a seed that is a step's own, and a purpose's besides; without one, that of its augmentation."""
        state = np.random.SeedSequence([self.seed, epoch, step, *purpose]).generate_state(1, np.uint64)[0]
        return int(state >> np.uint64(1))

    def _on_gpu(self, pixels: npt.NDArray[np.uint8]) -> Tensor | None:
        if self.device.type != "cuda" or pixels.nbytes > torch.cuda.mem_get_info(self.device)[0] // 3:
            return None
        return torch.from_numpy(np.array(pixels)).to(self.device)


def describe_source(pictures: CachedPictures) -> dict[str, Any]:
    """Return what tells one training set from another, wherever it lies: counts, and a digest of all names."""
    names = "\n".join(f"{picture.identity}/{picture.path.name}" for picture in pictures.pictures)
    identities = {picture.identity for picture in pictures.pictures}
    digest = hashlib.sha256(names.encode("utf-8", "surrogateescape")).hexdigest()[:16]
    return {"pictures": len(pictures), "identities": len(identities), "names": digest}

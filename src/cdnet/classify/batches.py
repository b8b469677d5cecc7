"""Batches of pictures with classes: for training a pure function of seed, epoch and step, for testing in order.

A subclass a way of reading: :class:`KeptBatches` takes decoded pictures that are kept, :class:`ReadBatches` reads each
picture when its turn comes, in threads and a few batches ahead.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator, Iterator
from functools import partial

import numpy as np
import torch
from torch import Tensor

from cdnet.classify.recipe import NORMALS, ClassifyRecipe
from cdnet.data.ahead import read_ahead
from cdnet.data.augment import augment, draw, normalise
from cdnet.data.classes import ClassPictures, DecodedPictures
from cdnet.data.decode import BrokenPictureError, Pixels
from cdnet.data.resized_crop import Chooser, central_part, draw_crops, random_part
from cdnet.engine.pixels import PixelsAtHand, Rows
from cdnet.engine.seeds import generator_of
from cdnet.engine.worker import Worker
from cdnet.errors import CdnetError, UnreadableError
from cdnet.model_input import parse_size

TEST_BATCH = 128


class ClassBatches(ABC):
    """What both ways of reading share.

    With several processes each gets its share of every training batch; together they see exactly the batch that one
    process alone would see.

    Args:
        pictures: a split.
        recipe: batch, augmentation, size and seed.
        worker: this process; the number of processes divides the batch.

    Raises:
        CdnetError: if the batch cannot be divided among the processes.
    """

    def __init__(self, pictures: ClassPictures, recipe: ClassifyRecipe, worker: Worker) -> None:
        if recipe.batch % worker.processes or recipe.batch // worker.processes < 2:
            raise CdnetError(
                f"a batch of {recipe.batch} pictures cannot be divided among {worker.processes} processes, "
                "2 or more for each"
            )
        self.size = parse_size(recipe.size)
        self.how, self.seed, self.batch_size = recipe.augment, recipe.seed, recipe.batch
        self.mean, self.std = NORMALS[recipe.data.normal]
        self.device = worker.device
        self.labels = torch.from_numpy(pictures.labels)
        self._mine = worker.part_of(recipe.batch)

    def epoch(self, number: int) -> Rows:
        """Return an epoch's rows, steps x batch: every picture at most once, what fills no batch left out.

        Raises:
            CdnetError: if there are fewer pictures than a batch has.
        """
        count, steps = len(self.labels), len(self.labels) // self.batch_size
        if not steps:
            raise CdnetError(f"there are {count} training pictures, fewer than the {self.batch_size} of --batch")
        order = np.random.default_rng([self.seed, number]).permutation(count)
        return order[: steps * self.batch_size].reshape(steps, self.batch_size)

    def training(self, order: Rows, epoch: int, first: int = 0) -> Generator[tuple[Tensor, Tensor], None, None]:
        """Yield this process's part of the batches from step ``first`` on: N x 3 x H x W, and class numbers N."""
        for step, pixels in enumerate(self.training_pixels(order, epoch, first), start=first):
            generator = generator_of(self.seed, epoch, step)
            pad = self.how.pad if self.how.crop == "shift" else 0
            draws = draw(self.batch_size, self.size, self.how.flip, pad, self.how.erase, generator)
            mine = draws.rows(self._mine.start, self._mine.stop)
            labels = self.labels[order[step, self._mine]].to(self.device)
            yield augment(pixels.to(self.device), mine, self.mean, self.std), labels

    def testing(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield all pictures in their order, not varied."""
        every = np.arange(len(self.labels))
        rows = [every[start : start + TEST_BATCH] for start in range(0, len(every), TEST_BATCH)]
        for part, pixels in zip(rows, self.testing_pixels(rows), strict=True):
            images = normalise(pixels.to(self.device), self.mean, self.std)
            yield images, self.labels[part].to(self.device)

    @abstractmethod
    def training_pixels(self, order: Rows, epoch: int, first: int) -> Iterator[Tensor]:
        """Yield the bytes N x H x W x 3 of this process's part of the batches."""

    @abstractmethod
    def testing_pixels(self, rows: list[Rows]) -> Iterator[Tensor]:
        """Yield the bytes N x H x W x 3 of the given rows, batch by batch."""


class KeptBatches(ClassBatches):
    """Batches of decoded pictures, which are kept in a GPU's memory where there is room; see :class:`ClassBatches`."""

    def __init__(self, pictures: DecodedPictures, recipe: ClassifyRecipe, worker: Worker) -> None:
        super().__init__(pictures, recipe, worker)
        whole = pictures.pixels if pictures.pixels.shape[1:3] == self.size else None
        self._pixels = PixelsAtHand(whole, lambda rows: pictures.whole(rows, self.size), self.device)

    def training_pixels(self, order: Rows, epoch: int, first: int) -> Iterator[Tensor]:
        """Yield the pictures as they are kept."""
        for rows in order[first:]:
            yield self._pixels[rows[self._mine]]

    def testing_pixels(self, rows: list[Rows]) -> Iterator[Tensor]:
        """Yield the pictures as they are kept."""
        for part in rows:
            yield self._pixels[part]


class ReadBatches(ClassBatches):
    """Batches of random parts, and for testing of the middles, read as they are needed; see :class:`ClassBatches`."""

    def __init__(self, pictures: ClassPictures, recipe: ClassifyRecipe, worker: Worker) -> None:
        super().__init__(pictures, recipe, worker)
        self._pictures = pictures

    def training_pixels(self, order: Rows, epoch: int, first: int) -> Iterator[Tensor]:
        """Yield random parts of the pictures, resized."""

        def batch(step: int) -> list[tuple[int, Chooser]]:
            uniform = draw_crops(self.batch_size, np.random.default_rng([self.seed, epoch, step]))[self._mine]
            rows = order[step, self._mine].tolist()
            part = partial(random_part, share=(self.how.share, 1.0), size=self.size)
            return [(row, part(numbers)) for row, numbers in zip(rows, uniform, strict=True)]

        yield from self._read(batch(step) for step in range(first, len(order)))

    def testing_pixels(self, rows: list[Rows]) -> Iterator[Tensor]:
        """Yield the pictures' middles, resized."""
        middle = central_part(self.size)
        yield from self._read([(row, middle) for row in part.tolist()] for part in rows)

    def _read(self, batches: Iterator[list[tuple[int, Chooser]]]) -> Iterator[Tensor]:
        def one(item: tuple[int, Chooser]) -> Pixels:
            row, choose = item
            try:
                return self._pictures.crop(row, choose, self.size)
            except BrokenPictureError as error:
                raise UnreadableError(f"{error}; put a whole copy in its place and add --resume") from None

        for pixels in read_ahead(one, batches):
            yield torch.from_numpy(pixels)

"""Views: variations of the training pictures that are drawn once, so that a teacher is asked of what a student sees.

A teacher that sees each picture as its student does, moved, erased and recoloured, teaches better for long than one
that saw the picture as it is (Beyer et al., Knowledge distillation: a good teacher is patient and consistent, CVPR
2022). Theirs is asked at every step; of a number of views drawn once it can be asked once. As they mix pictures, so
can views: the upper part of one upon the lower part of another is a person whom no training set has, and of whom the
teacher still has something to say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from cdnet.data.augment import augment, draw, to_bytes
from cdnet.data.decode import Pixels, resize
from cdnet.engine.seeds import generator_of
from cdnet.train.recipe import AugmentRecipe


class Views:
    """So many variations of each of a training set's pictures; a pure function of the seed.

    Args:
        pixels: N x H x W x 3 bytes, as the student has them before they are varied.
        each: V, variations of each picture.
        how: the augmentation, erasing to the mean.
        seed: decides all of them.
        mixed: how many of the V, the last ones, show the picture's upper part upon the lower part of another picture.
    """

    def __init__(self, pixels: Pixels, each: int, how: AugmentRecipe, seed: int, mixed: int = 0) -> None:
        size = (pixels.shape[1], pixels.shape[2])
        generator = generator_of(seed, *b"views")
        self.pixels, self.each, self.mixed = pixels, each, mixed
        self.said = f"{each} views {size} {how} {seed}" + (f" {mixed} mixed" if mixed else "")
        count = len(pixels) * each
        self._draws = draw(count, size, how.flip, how.pad, how.erase, generator, how.jitter)
        # Between a quarter and three quarters of the height, so that something of both is seen.
        self._cuts = torch.randint(size[0] // 4, 3 * size[0] // 4 + 1, (count,), generator=generator)
        self._others = torch.randint(len(pixels), (count,), generator=generator)

    def show(self, take: Callable[[npt.NDArray[np.int64]], Tensor], rows: Tensor, views: Tensor) -> Tensor:
        """Return pictures in a view each, normalised, N x 3 x H x W.

        Args:
            take: gives the bytes N x H x W x 3 of pictures by their numbers, where the views are made.
            rows: the pictures' numbers, N.
            views: the views' numbers, N, from 0.
        """
        places = rows * self.each + views
        shown = augment(take(rows.numpy()), self._draws.at(places))
        two = views >= self.each - self.mixed
        if two.any():
            others, cuts = self._others[places[two]], self._cuts[places[two]].to(shown.device)
            lower = augment(take(others.numpy()), self._draws.at(others * self.each + views[two]))
            two = two.to(shown.device)
            shown[two] = lay(shown[two], lower, cuts)
        return shown

    def shots(self, size: tuple[int, int], count: int, first: int = 0) -> Iterator[Pixels]:
        """Yield all views of ``count`` pictures after another, V x n x H x W x 3 bytes of another height and width."""
        for start in range(first, len(self.pixels), count):
            rows = torch.arange(start, min(start + count, len(self.pixels)))
            views = (to_bytes(self.show(self._take, rows, torch.full_like(rows, view))) for view in range(self.each))
            yield np.stack([[resize(picture, *size) for picture in view.numpy()] for view in views])

    def _take(self, rows: npt.NDArray[np.int64]) -> Tensor:
        return torch.from_numpy(self.pixels[rows])


def lay(above: Tensor, below: Tensor, cuts: Tensor) -> Tensor:
    """Return pictures whose rows before a cut are those of one, and the rest those of another.

    Args:
        above: N x 3 x H x W.
        below: N x 3 x H x W.
        cuts: N rows, each the first that is of ``below``.
    """
    rows = torch.arange(above.shape[2], device=above.device)
    return torch.where((rows < cuts[:, None])[:, None, :, None], above, below)

"""Views: variations of the training pictures that are drawn once, so that a teacher is asked of what a student sees.

A teacher that sees each picture as its student does, moved, erased and recoloured, teaches better for long than one
that saw the picture as it is (Beyer et al., Knowledge distillation: a good teacher is patient and consistent, CVPR
2022). Theirs is asked at every step; of a number of views drawn once it can be asked once.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from cdnet.data.augment import Draws, augment, draw, to_bytes
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
    """

    def __init__(self, pixels: Pixels, each: int, how: AugmentRecipe, seed: int) -> None:
        size = (pixels.shape[1], pixels.shape[2])
        generator = generator_of(seed, *b"views")
        self.pixels, self.each = pixels, each
        self.said = f"{each} views {size} {how} {seed}"
        self._draws = draw(len(pixels) * each, size, how.flip, how.pad, how.erase, generator, how.jitter)

    def draws(self, rows: Tensor, views: Tensor) -> Draws:
        """Return how pictures are varied in a view each; both N, from 0."""
        return self._draws.at(rows * self.each + views)

    def shots(self, size: tuple[int, int], count: int) -> Iterator[Pixels]:
        """Yield all views of ``count`` pictures after another, V x n x H x W x 3 bytes of another height and width."""
        for start in range(0, len(self.pixels), count):
            stop = min(start + count, len(self.pixels))
            pixels, rows = torch.from_numpy(self.pixels[start:stop].copy()), torch.arange(start, stop)
            views = (
                to_bytes(augment(pixels, self.draws(rows, torch.full_like(rows, view)))) for view in range(self.each)
            )
            yield np.stack([[resize(picture, *size) for picture in view.numpy()] for view in views])

"""A part of a picture at a wanted size: random for training on large pictures, central for testing.

A JPEG is decoded at the smallest of its own scales (1/8 to 1) that still has every pixel that the part needs. Pictures
are turned upright first, so that a part lies where it is seen.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from cdnet.data.decode import Pixels, decode, read_bytes, resize
from cdnet.data.jpeg import START, decode_jpeg, read_head

Box = tuple[int, int, int, int]
"""Top, left, height and width of a part, in pixels."""

Chooser = Callable[[int, int], Box]
"""Takes a picture's height and width and returns the part to take."""

ASPECT = (3 / 4, 4 / 3)
TRIES = 10
CENTRAL_SHARE = 0.875
"""Of the largest central part with the wanted aspect, the share of each side that is tested: 224 of 256."""


def draw_crops(count: int, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Return the random part of ``count`` crops, uniform numbers count x TRIES x 4 in [0, 1)."""
    return rng.random((count, TRIES, 4))


def random_part(uniform: npt.NDArray[np.float64], share: tuple[float, float], size: tuple[int, int]) -> Chooser:
    """Return a chooser of the random part that Inception's training made usual (Szegedy et al. 2015).

    Its area is a share of the picture's, its aspect 3/4 to 4/3 times that of ``size``. The first try that fits is
    taken; where none does, the largest central part with the aspect of ``size``.

    Args:
        uniform: TRIES x 4 numbers in [0, 1): area, aspect, top, left.
        share: least and largest share of the picture's area, above 0 and at most 1.
        size: height and width that the part is resized to.
    """
    low, high = (math.log(aspect * size[1] / size[0]) for aspect in ASPECT)

    def choose(height: int, width: int) -> Box:
        for area, aspect, top, left in uniform:
            pixels = (share[0] + (share[1] - share[0]) * area) * height * width
            ratio = math.exp(low + (high - low) * aspect)
            h, w = round(math.sqrt(pixels / ratio)), round(math.sqrt(pixels * ratio))
            if 0 < h <= height and 0 < w <= width:
                return int(top * (height - h + 1)), int(left * (width - w + 1)), h, w
        return central_part(size, 1.0)(height, width)

    return choose


def central_part(size: tuple[int, int], share: float = CENTRAL_SHARE) -> Chooser:
    """Return a chooser of the middle of a picture.

    Args:
        size: height and width that the part is resized to; it gives the aspect.
        share: of each side of the largest part with that aspect, above 0 and at most 1.
    """

    def choose(height: int, width: int) -> Box:
        scale = share * min(height / size[0], width / size[1])
        h, w = max(1, round(size[0] * scale)), max(1, round(size[1] * scale))
        return (height - h) // 2, (width - w) // 2, h, w

    return choose


def crop_pixels(pixels: Pixels, choose: Chooser, size: tuple[int, int]) -> Pixels:
    """Return the chosen part of a picture H x W x 3, resized to height x width."""
    top, left, height, width = choose(*pixels.shape[:2])
    return resize(np.ascontiguousarray(pixels[top : top + height, left : left + width]), *size)


def read_crop(path: Path, choose: Chooser, size: tuple[int, int]) -> Pixels:
    """Read a part of a picture file, resized to height x width.

    Raises:
        BrokenPictureError: if the file is missing, cut short, or no picture.
    """
    data = read_bytes(path)
    if data.startswith(START):
        try:
            return _reduced_jpeg(data, choose, size)
        except ValueError:
            pass  # other colours than RGB, damaged or too large: read whole, which says what is wrong
    return crop_pixels(decode(data, str(path)), choose, size)


def _reduced_jpeg(data: bytes, choose: Chooser, size: tuple[int, int]) -> Pixels:
    head = read_head(data)
    height, width = head.height, head.width
    top, left, h, w = choose(height, width)
    least = min(height, math.ceil(size[0] * height / h)), min(width, math.ceil(size[1] * width / w))
    pixels = decode_jpeg(data, head, least)
    down, across = pixels.shape[0] / height, pixels.shape[1] / width

    def scaled(_height: int, _width: int) -> Box:
        y, x = min(int(top * down), pixels.shape[0] - 1), min(int(left * across), pixels.shape[1] - 1)
        return y, x, max(1, round(h * down)), max(1, round(w * across))

    return crop_pixels(pixels, scaled, size)

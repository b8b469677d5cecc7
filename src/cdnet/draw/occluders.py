"""Things that stand between the camera and a person."""

import cv2
import numpy as np

from cdnet.draw.camera import Drawn
from cdnet.draw.canvas import shaded
from cdnet.draw.identity import Rgb


def occlude(picture: Drawn, kind: str, rng: np.random.Generator) -> None:
    """Paint an occluder over part of a picture (H x W x 3, RGB), in place."""
    height, width = picture.shape[:2]
    level = round(height * rng.uniform(0.66, 0.84))
    grey = int(rng.integers(60, 190))
    colour = (grey, grey, min(255, grey + 8))
    if kind == "pole":
        left, thick = round(width * rng.uniform(0.05, 0.85)), round(width * rng.uniform(0.09, 0.17))
        _post(picture, left, 0, thick, height, colour)
    elif kind == "railing":
        for x in range(int(rng.integers(8)), width, max(6, width // 7)):
            _post(picture, x, level, max(1, width // 28), height, colour)
        _slab(picture, 0, level - height // 40, width, level + height // 50, shaded(colour, 1.15))
    elif kind == "bollards":
        for place in (rng.uniform(0.0, 0.3), rng.uniform(0.55, 0.85)):
            _post(picture, round(place * width), level, width // 6, height, colour)
            top = round(place * width) + width // 12, level
            cv2.circle(picture, top, width // 12, shaded(colour, 1.1), cv2.FILLED, cv2.LINE_AA)
    elif kind == "bush":
        for _ in range(26):
            centre = round(width * rng.uniform(0, 1)), round(level + height * rng.uniform(0.03, 0.3))
            leaf = shaded((74, 122, 62), rng.uniform(0.7, 1.25))
            cv2.circle(picture, centre, round(width * rng.uniform(0.06, 0.13)), leaf, cv2.FILLED, cv2.LINE_AA)
    else:
        _draw_car(picture, level, rng)


def _slab(picture: Drawn, left: int, top: int, right: int, bottom: int, colour: Rgb) -> None:
    cv2.rectangle(picture, (left, top), (right, bottom), colour, cv2.FILLED)


def _post(picture: Drawn, left: int, top: int, thick: int, bottom: int, colour: Rgb) -> None:
    """Paint an upright post, lit along its left third."""
    _slab(picture, left, top, left + thick, bottom, shaded(colour, 0.85))
    _slab(picture, left, top, left + thick // 3, bottom, shaded(colour, 1.12))


def _draw_car(picture: Drawn, level: int, rng: np.random.Generator) -> None:
    height, width = picture.shape[:2]
    red, green, blue = rng.integers(50, 210, 3).tolist()
    colour = (red, green, blue)
    start = round(width * rng.uniform(-0.5, 0.4))
    hood = (start, height), (start + width // 10, level + height // 14), (start + width // 2, level)
    outline = np.array([*hood, (width * 2, level), (width * 2, height)], np.int32)
    cv2.fillPoly(picture, [outline], colour, cv2.LINE_AA)
    cv2.polylines(picture, [outline], True, shaded(colour, 0.6), 1, cv2.LINE_AA)
    lamp = start + width // 5, level + height // 10
    cv2.circle(picture, lamp, width // 14, (244, 236, 190), cv2.FILLED, cv2.LINE_AA)

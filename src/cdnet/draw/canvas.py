"""A transparent sheet to paint on: solid shapes, tapered limbs, and cloth with a pattern."""

import math
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

from cdnet.draw.identity import PALETTE, Garment, Rgb

Pixel = tuple[float, float]
Outline = npt.NDArray[np.int32]

_CAP = [(math.cos(angle), math.sin(angle)) for angle in np.linspace(-math.pi / 2, math.pi / 2, 7).tolist()]


def shaded(colour: Rgb, shade: float) -> Rgb:
    """Multiply a colour by `shade`: below 1 is darker, above 1 lighter."""
    red, green, blue = (min(255, round(value * shade)) for value in colour)
    return red, green, blue


@dataclass(frozen=True)
class Cloth:
    """What a garment is painted with; the pattern hangs from `anchor` (pixels) and is sized by `unit`."""

    colour: Rgb
    second: Rgb | None
    pattern: str
    anchor: Pixel
    unit: float

    @classmethod
    def of(cls, garment: Garment, anchor: Pixel, unit: float) -> "Cloth":
        """Make the cloth of a garment for a person who is `unit` pixels high."""
        second = PALETTE[garment.second] if garment.second else None
        return cls(PALETTE[garment.colour], second, garment.pattern, anchor, unit)

    def shaded(self, shade: float) -> "Cloth":
        """Make the same cloth in more or less light."""
        second = shaded(self.second, shade) if self.second else None
        return Cloth(shaded(self.colour, shade), second, self.pattern, self.anchor, self.unit)


@lru_cache(maxsize=256)
def _pattern(kind: str, unit: int) -> npt.NDArray[np.bool_] | None:
    """Where the second colour goes, for a person `unit` pixels high; it hangs from `_tile_origin`."""
    left, top = _tile_origin(unit)
    y = (np.arange(round(0.85 * unit))[:, None] - top) / unit
    x = (np.arange(2 * left)[None, :] - left) / unit
    everywhere = np.ones((y.size, x.size), np.bool_)
    if kind == "hoops":
        return everywhere & (np.mod(y, 0.076) < 0.036)
    if kind == "stripes":
        return everywhere & (np.mod(x + 0.012, 0.062) < 0.026)
    if kind == "checks":
        return (np.mod(x, 0.084) < 0.042) ^ (np.mod(y, 0.084) < 0.042)
    if kind == "dots":
        row = np.floor(y / 0.05)
        return np.hypot(np.mod(x + 0.035 * row, 0.07) - 0.035, np.mod(y, 0.05) - 0.025) < 0.0185
    if kind == "diagonal":
        return np.mod(x + y, 0.11) < 0.046
    if kind == "yoke":
        return everywhere & (y < 0.115)
    if kind == "band":
        return everywhere & (y > 0.125) & (y < 0.2)
    if kind == "hem":
        return everywhere & (y > 0.13)
    return None


def _tile_origin(unit: int) -> tuple[int, int]:
    return round(0.6 * unit), round(0.15 * unit)


class Canvas:
    """An RGBA sheet of H x W pixels, transparent at first, painted with premultiplied colours."""

    def __init__(self, height: int, width: int) -> None:
        self.pixels: npt.NDArray[np.uint8] = np.zeros((height, width, 4), np.uint8)
        self._words = self.pixels.view(np.uint32)[:, :, 0]

    def polygon(self, points: list[Pixel], paint: Rgb | Cloth) -> None:
        """Fill a polygon given by its corners, in pixels."""
        outline = np.rint(points).astype(np.int32)
        if isinstance(paint, Cloth):
            cv2.fillPoly(self.pixels, [outline], (*paint.colour, 255))
            self._weave(outline, paint)
        else:
            cv2.fillPoly(self.pixels, [outline], (*paint, 255))

    def hull(self, points: list[Pixel], paint: Rgb | Cloth) -> None:
        """Fill the convex hull of some points, in pixels."""
        corners = cv2.convexHull(np.asarray(points, np.float32))[:, 0]
        self.polygon([(float(x), float(y)) for x, y in corners], paint)

    def limb(self, start: Pixel, end: Pixel, radius: float, end_radius: float, paint: Rgb | Cloth) -> None:
        """Fill a tapered sausage from `start` to `end`, round at both ends."""
        dx, dy = end[0] - start[0], end[1] - start[1]
        length = math.hypot(dx, dy) or 1.0
        ux, uy = dx / length, dy / length
        caps = [
            (x + reach * (c * ux - s * uy), y + reach * (c * uy + s * ux))
            for (x, y), reach in ((end, end_radius), (start, -radius))
            for c, s in _CAP
        ]
        self.polygon(caps, paint)

    def ellipse(self, centre: Pixel, radii: Pixel, colour: Rgb, *, tilt: float = 0, span: Pixel = (0, 360)) -> None:
        """Fill an ellipse, or the sector of it between two angles (degrees, clockwise from the right)."""
        middle = round(centre[0]), round(centre[1])
        axes = max(0, round(radii[0])), max(0, round(radii[1]))
        cv2.ellipse(self.pixels, middle, axes, math.degrees(tilt), *span, (*colour, 255), cv2.FILLED)

    def line(self, start: Pixel, end: Pixel, width: float, colour: Rgb) -> None:
        """Draw a straight line of a width in pixels."""
        ends = [(round(x), round(y)) for x, y in (start, end)]
        cv2.line(self.pixels, ends[0], ends[1], (*colour, 255), max(1, round(width)))

    def _weave(self, outline: Outline, cloth: Cloth) -> None:
        """Paint the second colour of the cloth where its pattern falls inside the outline."""
        unit = round(cloth.unit / 12) * 12
        tile = _pattern(cloth.pattern, unit)
        if tile is None or cloth.second is None:
            return
        left, top = _tile_origin(unit)
        shift_x, shift_y = round(cloth.anchor[0]) - left, round(cloth.anchor[1]) - top
        height, width = self._words.shape
        x0, y0 = np.maximum(outline.min(0), (max(0, shift_x), max(0, shift_y))).tolist()
        limit = min(width, shift_x + tile.shape[1]), min(height, shift_y + tile.shape[0])
        x1, y1 = np.minimum(outline.max(0) + 1, limit).tolist()
        if x0 >= x1 or y0 >= y1:
            return
        inside = np.zeros((y1 - y0, x1 - x0), np.uint8)
        cv2.fillPoly(inside, [outline - np.array([x0, y0], np.int32)], 1)
        woven = inside.view(np.bool_) & tile[y0 - shift_y : y1 - shift_y, x0 - shift_x : x1 - shift_x]
        word = np.array([*cloth.second, 255], np.uint8).view(np.uint32)[0]
        np.copyto(self._words[y0:y1, x0:x1], word, where=woven)

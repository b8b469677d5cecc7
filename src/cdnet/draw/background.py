"""The place a camera looks at: a wide scene, painted once, of which each picture shows a piece."""

from collections.abc import Callable
from functools import lru_cache

import cv2
import numpy as np

from cdnet.draw.camera import Camera, Drawn, grainy
from cdnet.draw.canvas import shaded
from cdnet.draw.identity import Rgb

_ROOM = 1.3
_BREADTH = 6


def backdrop(camera: Camera, rng: np.random.Generator, size: tuple[int, int]) -> Drawn:
    """Cut a random piece of `size` (height, width) out of the camera's scene."""
    scene = _scene(camera.background, camera.scene, size)
    top = int(rng.integers(scene.shape[0] - size[0] + 1))
    left = int(rng.integers(scene.shape[1] - size[1] + 1))
    return scene[top : top + size[0], left : left + size[1]].copy()


@lru_cache(maxsize=32)
def _scene(background: str, seed: int, size: tuple[int, int]) -> Drawn:
    """Paint a scene; its ground begins a little above the feet of the people in it."""
    rng = np.random.default_rng(seed)
    height, width = round(_ROOM * size[0]), _BREADTH * size[1]
    scene = np.zeros((height, width, 3), np.uint8)
    _PAINTERS[background](scene, round(height * rng.uniform(0.58, 0.7)), rng)
    return grainy(cv2.GaussianBlur(scene, (0, 0), 0.7).astype(np.uint8, copy=False), 4, rng)


def _tone(rng: np.random.Generator, colour: Rgb, spread: float = 12) -> Rgb:
    red, green, blue = (int(v) for v in np.clip(np.asarray(colour) + rng.normal(0, spread, 3), 0, 255))
    return red, green, blue


def _bar(scene: Drawn, left: float, top: float, right: float, bottom: float, colour: Rgb) -> None:
    cv2.rectangle(scene, (round(left), round(top)), (round(right), round(bottom)), colour, cv2.FILLED)


def _paving(scene: Drawn, horizon: int, colour: Rgb, step: float) -> None:
    """Lay slabs that grow towards the camera."""
    height, width = scene.shape[:2]
    _bar(scene, 0, horizon, width, height, colour)
    seam, y, gap = shaded(colour, 0.85), float(horizon), step / 3
    while y < height:
        cv2.line(scene, (0, round(y)), (width, round(y)), seam)
        y, gap = y + gap, gap * 1.35
    for x in np.arange(-width, 2 * width, 1.6 * step):
        foot = width / 2 + 2.2 * (x - width / 2)
        cv2.line(scene, (round(x), horizon), (round(foot), height), seam, 1, cv2.LINE_AA)


def _street(scene: Drawn, horizon: int, rng: np.random.Generator) -> None:
    height, width = scene.shape[:2]
    x = 0.0
    while x < width:
        house = rng.uniform(0.35, 0.8) * height
        wall = _tone(rng, (178, 158, 138), 16)
        _bar(scene, x, 0, x + house, horizon, wall)
        pane = _tone(rng, (96, 118, 140), 16)
        for left in np.arange(x + 0.06 * house, x + 0.9 * house, 0.24 * height):
            for top in np.arange(-0.05 * height, horizon - 0.3 * height, 0.3 * height):
                _bar(scene, left, top, left + 0.12 * height, top + 0.19 * height, shaded(wall, 1.2))
                _bar(scene, left + 2, top + 2, left + 0.12 * height - 2, top + 0.19 * height - 2, pane)
        if rng.random() < 0.6:
            left, top = x + rng.uniform(0.2, 0.7) * house, horizon - 0.33 * height
            _bar(scene, left, top, left + 0.16 * height, horizon, _tone(rng, (104, 70, 56), 25))
        x += house
    _paving(scene, horizon, _tone(rng, (150, 148, 144)), 0.2 * height)


def _park(scene: Drawn, horizon: int, rng: np.random.Generator) -> None:
    height, width = scene.shape[:2]
    _bar(scene, 0, 0, width, horizon, _tone(rng, (176, 204, 222)))
    for _ in range(60):
        leaf = _tone(rng, (74, 116, 66), 16)
        centre = int(rng.integers(width)), round(horizon * rng.uniform(0.05, 0.75))
        cv2.circle(scene, centre, round(height * rng.uniform(0.05, 0.14)), leaf, cv2.FILLED, cv2.LINE_AA)
    for x in rng.integers(width, size=7).tolist():
        _bar(scene, x, 0.3 * horizon, x + 0.04 * height, horizon + 2, _tone(rng, (98, 76, 58), 8))
    _bar(scene, 0, 0.8 * horizon, width, horizon, _tone(rng, (62, 98, 58), 8))
    _bar(scene, 0, horizon, width, height, _tone(rng, (112, 148, 82), 10))
    _bar(scene, 0, horizon + 0.14 * height, width, height, _tone(rng, (190, 176, 148), 10))


def _plaza(scene: Drawn, horizon: int, rng: np.random.Generator) -> None:
    height, width = scene.shape[:2]
    _bar(scene, 0, 0, width, horizon, _tone(rng, (196, 206, 214)))
    x = 0.0
    while x < width:
        block = rng.uniform(0.15, 0.4) * height
        _bar(scene, x, horizon * rng.uniform(0.1, 0.6), x + block, horizon, _tone(rng, (158, 156, 160), 18))
        x += block
    for x in rng.integers(width, size=5).tolist():
        pot, leaf = _tone(rng, (150, 100, 76)), _tone(rng, (76, 122, 74))
        crown, half = (x, round(horizon - 0.1 * height)), 0.04 * height
        cv2.circle(scene, crown, round(0.07 * height), leaf, cv2.FILLED, cv2.LINE_AA)
        _bar(scene, x - half, horizon - 0.05 * height, x + half, horizon + 0.03 * height, pot)
    _paving(scene, horizon, _tone(rng, (206, 196, 180)), 0.14 * height)


def _bricks(scene: Drawn, horizon: int, rng: np.random.Generator) -> None:
    height, width = scene.shape[:2]
    brick, mortar = _tone(rng, (156, 92, 74)), _tone(rng, (184, 170, 156), 8)
    _bar(scene, 0, 0, width, horizon, mortar)
    course, length = max(3, round(0.04 * height)), max(6, round(0.1 * height))
    for row, top in enumerate(range(0, horizon, course)):
        for left in range(-(row % 2) * length // 2, width, length):
            bottom = min(horizon, top + course) - 1
            _bar(scene, left + 1, top + 1, left + length - 1, bottom, _tone(rng, brick, 6))
    for x in rng.integers(width, size=4).tolist():
        right, sheet, ink = (
            x + 0.18 * height,
            _tone(rng, (190, 190, 180), 40),
            _tone(rng, (120, 120, 150), 50),
        )
        _bar(scene, x, 0.25 * horizon, right, 0.65 * horizon, sheet)
        _bar(scene, x + 4, 0.32 * horizon, right - 4, 0.45 * horizon, ink)
    _paving(scene, horizon, _tone(rng, (126, 124, 126), 8), 0.3 * height)


def _crossing(scene: Drawn, horizon: int, rng: np.random.Generator) -> None:
    height, width = scene.shape[:2]
    _bar(scene, 0, 0, width, horizon, _tone(rng, (112, 116, 120), 8))
    for x in range(0, width, round(0.42 * height)):
        car = _tone(rng, (150, 150, 156), 45)
        left, top = x + rng.uniform(0, 0.1) * height, horizon - 0.2 * height
        _bar(scene, left, top, left + 0.3 * height, horizon - 0.07 * height, car)
        _bar(scene, left + 0.06 * height, top - 0.07 * height, left + 0.24 * height, top, (72, 82, 94))
        for wheel in (0.07, 0.23):
            hub = round(left + wheel * height), round(horizon - 0.06 * height)
            cv2.circle(scene, hub, round(0.04 * height), (34, 34, 36), cv2.FILLED, cv2.LINE_AA)
    _bar(scene, 0, horizon, width, height, _tone(rng, (94, 96, 100), 6))
    for x in np.arange(0, width, 0.3 * height):
        far, near = (x, x + 0.13 * height), (x + 0.06 * height, x - 0.1 * height)
        stripe = [*((left, horizon + 4) for left in far), *((left, height) for left in near)]
        cv2.fillPoly(scene, [np.rint(stripe).astype(np.int32)], (214, 214, 208), cv2.LINE_AA)


def _arcade(scene: Drawn, horizon: int, rng: np.random.Generator) -> None:
    height, width = scene.shape[:2]
    _bar(scene, 0, 0, width, horizon, _tone(rng, (214, 208, 194), 8))
    for x in np.arange(0, width, 0.55 * height):
        glass = _tone(rng, (120, 138, 146), 26)
        _bar(scene, x + 0.1 * height, 0.12 * height, x + 0.46 * height, horizon - 0.08 * height, glass)
        _bar(scene, x + 0.1 * height, 0.0, x + 0.46 * height, 0.12 * height, _tone(rng, (150, 110, 96), 40))
        for _ in range(4):
            left, top = x + height * rng.uniform(0.12, 0.38), height * rng.uniform(0.18, 0.42)
            _bar(scene, left, top, left + 0.06 * height, top + 0.1 * height, _tone(rng, (150, 140, 130), 45))
    _paving(scene, horizon, _tone(rng, (176, 164, 152)), 0.18 * height)


_PAINTERS: dict[str, Callable[[Drawn, int, np.random.Generator], None]] = {
    "street": _street,
    "park": _park,
    "plaza": _plaza,
    "bricks": _bricks,
    "crossing": _crossing,
    "arcade": _arcade,
}

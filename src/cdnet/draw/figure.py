"""One picture of one person before one camera."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np

from cdnet.draw.background import backdrop
from cdnet.draw.belongings import depth_of, draw_belonging, draw_straps
from cdnet.draw.camera import Camera, Drawn, expose
from cdnet.draw.canvas import Canvas, Pixel
from cdnet.draw.garments import draw_arm, draw_leg, draw_trunk
from cdnet.draw.head import draw_head, draw_tresses
from cdnet.draw.identity import Identity, sample_identity
from cdnet.draw.occluders import occlude
from cdnet.draw.pose import SIDES, Pose, View, embody, sample_pose

_FINENESS = 3
"""Figures are painted this many times larger, in each direction, than the picture."""


@dataclass(frozen=True)
class _Crop:
    """How a detector frames a person: height of the body and place of its foot, in parts of the picture."""

    height: float
    foot: Pixel


def draw_person(
    identity: Identity, camera: Camera, rng: np.random.Generator, size: tuple[int, int] = (128, 64)
) -> Drawn:
    """Draw a picture of a person as a detector would crop it from a camera.

    Pose, place in the scene, occlusion, crop error, wavering light and noise come from `rng`.

    Args:
        identity: who is drawn.
        camera: who watches.
        rng: source of all that differs from picture to picture.
        size: height and width in pixels.

    Returns:
        uint8 RGB picture of shape (height, width, 3).
    """
    height = 0.9 * float(np.exp(rng.normal(0, 0.045)))
    foot = 0.5 + rng.normal(0, 0.05), 0.5 + 0.5 * height + rng.normal(0, 0.02)
    if rng.random() < 0.12:
        height *= rng.uniform(1.12, 1.35)
        foot = foot[0], foot[1] + (height - 0.95) * rng.uniform(0.2, 0.9)
    return _compose(identity, camera, rng, size, _Crop(height, foot))


def draw_piece(
    identity: Identity, camera: Camera, rng: np.random.Generator, size: tuple[int, int] = (128, 64)
) -> Drawn:
    """Draw a bad detection, a piece of a person much too near or half outside; else as `draw_person`."""
    if rng.random() < 0.5:
        height = rng.uniform(1.7, 2.6)
        foot = rng.uniform(0.2, 0.8), rng.uniform(0.9, 0.2 + height)
    else:
        height = rng.uniform(0.45, 0.9)
        foot = float(rng.choice([-0.02, 1.02])), rng.uniform(0.8, 1.4)
    return _compose(identity, camera, rng, size, _Crop(height, foot))


def draw_place(camera: Camera, rng: np.random.Generator, size: tuple[int, int] = (128, 64)) -> Drawn:
    """Draw a false detection: a piece of the camera's background with nobody in it."""
    picture = backdrop(camera, rng, size)
    if rng.random() < camera.occlusion:
        occlude(picture, camera.occluder, rng)
    return expose(picture, camera, rng)


def _compose(identity: Identity, camera: Camera, rng: np.random.Generator, size: tuple[int, int], crop: _Crop) -> Drawn:
    picture = backdrop(camera, rng, size)
    if rng.random() < camera.crowd:
        aside = float(rng.choice([-1, 1])) * rng.uniform(0.42, 0.62)
        stranger = _Crop(crop.height * rng.uniform(0.75, 0.95), (crop.foot[0] + aside, crop.foot[1] - 0.04))
        picture = _stand(picture, sample_identity(rng), camera, rng, stranger)
    picture = _stand(picture, identity, camera, rng, crop)
    if rng.random() < camera.occlusion:
        occlude(picture, camera.occluder, rng)
    return expose(picture, camera, rng)


def _stand(picture: Drawn, identity: Identity, camera: Camera, rng: np.random.Generator, crop: _Crop) -> Drawn:
    """Put a person, lit from the side, and their shadow on the ground into a picture."""
    height, width = picture.shape[:2]
    foot = crop.foot[0] * width, crop.foot[1] * height
    pose = sample_pose(camera, rng)
    fine = foot[0] * _FINENESS, foot[1] * _FINENESS
    view = View(pose.heading, camera.pitch, camera.roll, fine, crop.height * height * _FINENESS)
    canvas = Canvas(height * _FINENESS, width * _FINENESS)
    _paint(canvas, identity, pose, view)
    sheet = cv2.resize(canvas.pixels, (width, height), interpolation=cv2.INTER_AREA)
    cover = sheet[:, :, 3]

    radii = round(0.15 * crop.height * height), round(0.03 * crop.height * height)
    shadow = np.full((height, width), 255, np.uint8)
    middle = round(foot[0] - 0.05 * camera.sun * height), round(foot[1] - 0.01 * height)
    cv2.ellipse(shadow, middle, radii, 0, 0, 360, 150, cv2.FILLED)
    ground = cv2.GaussianBlur(shadow, (5, 5), 0)

    # The slope of the softened silhouette stands in for the roundness of the body.
    soft = cv2.GaussianBlur(cover, (0, 0), 0.022 * height)
    slope = cv2.Sobel(soft, cv2.CV_32F, 1, 0, ksize=3, scale=1 / 1024)
    relief = 0.9 + 0.1 * soft.astype(np.float32) / 255 - camera.sun * slope
    behind = picture * (ground.astype(np.float32) * (255 - cover) / 65025)[:, :, None]
    return cv2.convertScaleAbs(sheet[:, :, :3] * relief[:, :, None] + behind).astype(np.uint8, copy=False)


def _paint(canvas: Canvas, identity: Identity, pose: Pose, view: View) -> None:
    """Paint a person's parts from the farthest to the nearest."""
    body = embody(identity, pose)
    parts: list[tuple[float, Callable[[], None]]] = []
    for side in SIDES:
        sign = 1 if side == "left" else -1
        near = view.depth((sign * 0.118, 0.2, 0.0))
        shade = 0.84 if near < -0.03 else 1.0

        parts.append((-0.002 + 0.001 * near, partial(draw_leg, canvas, identity, body, view, side, shade)))
        parts.append((near + 0.02, partial(draw_arm, canvas, identity, body, view, side, shade)))
    parts.append((0.0, partial(draw_trunk, canvas, identity, body, view)))
    parts.append((-0.04 * view.facing, partial(draw_tresses, canvas, identity, body, view)))
    parts.append((0.005, partial(draw_head, canvas, identity, body, pose, view)))
    for thing in (identity.bag, identity.carried):
        if thing is not None:
            parts.append((depth_of(thing, body, view), partial(draw_belonging, canvas, thing, body, view)))
            parts.append((0.003, partial(draw_straps, canvas, thing, body, view)))
    for _, draw in sorted(parts, key=lambda part: part[0]):
        draw()

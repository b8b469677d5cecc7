"""What a camera does to everybody it sees: where it stands, what is behind, and how it renders light."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

Drawn = npt.NDArray[np.uint8]

BACKGROUNDS = ("street", "park", "plaza", "bricks", "crossing", "arcade")
OCCLUDERS = ("pole", "railing", "bush", "bollards", "car")


@dataclass(frozen=True)
class Camera:
    """One fixed camera.

    Angles are in radians. `heading` is the direction that most people walk in as the camera sees them (0 is
    towards it, pi/2 to the right, pi away), `pitch` how far it looks down, `roll` how far it is tilted.
    `light` and `cast` are gains (cast has one for each of red, green and blue), `gamma` and `contrast` bend
    and stretch the tones, `haze` lifts black (0 to 1). `blur` and `noise` are standard deviations, in pixels
    of a picture 128 high and in grey levels. `occlusion` and `crowd` are probabilities that something stands
    in front of a person, and that somebody else is half in the picture. `sun` is -1 for light from the left
    and 1 for light from the right. `scene` seeds the background.
    """

    heading: float
    spread: float
    pitch: float
    roll: float
    light: float
    cast: tuple[float, float, float]
    gamma: float
    contrast: float
    haze: float
    sun: float
    blur: float
    noise: float
    background: str
    scene: int
    occluder: str
    occlusion: float
    crowd: float


def sample_camera(rng: np.random.Generator) -> Camera:
    """Draw one camera at random; its cast is never weak, so that colours do not carry over to the next."""
    hue, strength = rng.uniform(0, 2 * math.pi), rng.uniform(0.12, 0.24)
    red, green, blue = (math.exp(strength * math.cos(hue + third * 2 * math.pi / 3)) for third in range(3))
    return Camera(
        heading=rng.uniform(0, 2 * math.pi),
        spread=rng.uniform(0.35, 0.7),
        pitch=rng.uniform(0.02, 0.3),
        roll=rng.normal(0, 0.03),
        light=rng.uniform(0.65, 1.15),
        cast=(red, green, blue),
        gamma=math.exp(rng.uniform(-0.3, 0.35)),
        contrast=rng.uniform(0.75, 1.1),
        haze=rng.uniform(0.0, 0.14),
        sun=rng.uniform(-1, 1),
        blur=rng.uniform(0.3, 0.9),
        noise=rng.uniform(2, 8),
        background=BACKGROUNDS[int(rng.integers(len(BACKGROUNDS)))],
        scene=int(rng.integers(2**31)),
        occluder=OCCLUDERS[int(rng.integers(len(OCCLUDERS)))],
        occlusion=rng.uniform(0.08, 0.25),
        crowd=rng.uniform(0.05, 0.2),
    )


def expose(picture: Drawn, camera: Camera, rng: np.random.Generator) -> Drawn:
    """Render an ideal picture (H x W x 3, RGB) as the camera would: light, cast, tones, blur and noise.

    Light and cast waver a little from picture to picture, as under passing clouds.
    """
    wavering = np.exp(rng.normal(0, 0.1) + rng.normal(0, 0.03, 3))
    gains = camera.light * np.asarray(camera.cast) * wavering
    levels = (np.arange(256) / 255)[:, None] ** camera.gamma * gains
    levels = 0.5 + camera.contrast * (levels - 0.5)
    levels = camera.haze + (1 - camera.haze) * levels
    curve = np.rint(255 * np.clip(levels, 0, 1)).astype(np.uint8).reshape(256, 1, 3)
    sigma = camera.blur * picture.shape[0] / 128
    exposed = cv2.GaussianBlur(cv2.LUT(picture, curve), (0, 0), sigma).astype(np.uint8, copy=False)
    return grainy(exposed, camera.noise, rng)


def grainy(picture: Drawn, noise: float, rng: np.random.Generator) -> Drawn:
    """Add grain with a standard deviation of `noise` grey levels to a picture."""
    grain = rng.standard_normal(picture.shape, dtype=np.float32)
    return cv2.scaleAdd(grain, noise, picture.astype(np.float32)).clip(0, 255).astype(np.uint8)

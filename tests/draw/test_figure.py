from dataclasses import replace

import numpy as np
import pytest

from cdnet.draw.camera import BACKGROUNDS, OCCLUDERS, Camera, sample_camera
from cdnet.draw.figure import draw_person, draw_piece, draw_place
from cdnet.draw.identity import (
    BAGS,
    CARRIED,
    HAIR_STYLES,
    HATS,
    LOWER_CUTS,
    LOWER_PATTERNS,
    UPPER_CUTS,
    UPPER_PATTERNS,
    Belonging,
    Garment,
    Identity,
    sample_identity,
)

PLAIN = Identity(
    build="average",
    stature="medium",
    skin="tan",
    hair="cropped",
    hair_colour="brown",
    hat=None,
    hat_colour=None,
    upper=Garment("jumper", "blue", "plain", None),
    lower=Garment("trousers", "grey", "plain", None),
    shoes="black",
    scarf=None,
    bag=None,
    carried=None,
)
VARIANTS = (
    [replace(PLAIN, upper=Garment("jumper", "blue", kind, "yellow")) for kind in UPPER_PATTERNS[1:]]
    + [replace(PLAIN, lower=Garment("trousers", "grey", kind, "red")) for kind in LOWER_PATTERNS[1:]]
    + [replace(PLAIN, upper=Garment(cut, "blue", "plain", None)) for cut in UPPER_CUTS if cut != "jumper"]
    + [replace(PLAIN, lower=Garment(cut, "grey", "plain", None)) for cut in LOWER_CUTS[1:]]
    + [replace(PLAIN, hair=style) for style in HAIR_STYLES if style not in ("bald", "cropped")]
    + [
        replace(PLAIN, hair="bald", hair_colour=None),
        replace(PLAIN, scarf="red"),
        replace(PLAIN, shoes="white"),
    ]
    + [replace(PLAIN, hat=hat, hat_colour="red") for hat in HATS]
    + [replace(PLAIN, bag=Belonging(kind, "red", "left")) for kind in BAGS]
    + [replace(PLAIN, carried=Belonging(kind, "red", "right")) for kind in CARRIED]
    + [replace(PLAIN, build="broad"), replace(PLAIN, stature="tall"), replace(PLAIN, skin="dark")]
)


def calm_camera(heading: float = 0.0) -> Camera:
    camera = sample_camera(np.random.default_rng(3))
    return replace(camera, heading=heading, spread=0.0, occlusion=0.0, crowd=0.0, noise=0.0, light=1.0)


@pytest.mark.parametrize("size", [(128, 64), (64, 32), (256, 128)])
def test_a_picture_has_the_size_asked_for(size: tuple[int, int]) -> None:
    rng, camera = np.random.default_rng(0), calm_camera()
    for picture in (
        draw_person(PLAIN, camera, rng, size),
        draw_piece(PLAIN, camera, rng, size),
        draw_place(camera, rng, size),
    ):
        assert picture.shape == (*size, 3)
        assert picture.dtype == np.uint8
        assert picture.std() > 5


@pytest.mark.parametrize("heading", [0.0, np.pi], ids=["front", "back"])
def test_every_attribute_shows(heading: float) -> None:
    """From the front or from the back, each thing changes the picture of the person who wears it."""
    camera = calm_camera(heading)

    def portrait(identity: Identity) -> np.ndarray:
        return draw_person(identity, camera, np.random.default_rng(11)).astype(int)

    plain = portrait(PLAIN)
    for variant in VARIANTS:
        changed = np.abs(portrait(variant) - plain).max(axis=2) > 12
        assert changed.sum() >= 6, variant


def test_the_same_generator_gives_the_same_picture() -> None:
    camera = sample_camera(np.random.default_rng(1))
    first, again, other = (draw_person(PLAIN, camera, np.random.default_rng(seed)) for seed in (7, 7, 8))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_cameras_render_one_person_in_other_colours() -> None:
    one, other = (sample_camera(np.random.default_rng(seed)) for seed in (1, 2))
    pictures = [draw_person(PLAIN, camera, np.random.default_rng(7)) for camera in (one, other)]
    means = [picture.reshape(-1, 3).mean(0) for picture in pictures]
    assert np.abs(means[0] - means[1]).max() > 10


@pytest.mark.parametrize("background", BACKGROUNDS)
@pytest.mark.parametrize("occluder", OCCLUDERS)
def test_every_background_and_occluder_can_be_drawn(background: str, occluder: str) -> None:
    camera = replace(calm_camera(), background=background, occluder=occluder)
    rng = np.random.default_rng(0)
    identity = sample_identity(rng)
    clear = draw_person(identity, camera, np.random.default_rng(4))
    hidden = draw_person(identity, replace(camera, occlusion=1.0, crowd=1.0), np.random.default_rng(4))
    assert clear.shape == hidden.shape
    assert not np.array_equal(clear, hidden)

"""Pictures to compare files on where none are given: pedestrians that the project draws, the same ones every time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cdnet.data.decode import Pixels
from cdnet.draw import draw_person, sample_camera, sample_identities

COUNT, OF_EACH = 64, 4


@dataclass(frozen=True)
class People:
    """Pictures H x W x 3, RGB, and who is seen on each."""

    pictures: tuple[Pixels, ...]
    identities: tuple[int, ...]


def draw_people(size: tuple[int, int], count: int = COUNT) -> People:
    """Draw pedestrians, four pictures of each by different cameras; somewhat larger than ``size``, so that they shrink.

    Args:
        size: height and width that they are meant for.
        count: pictures.
    """
    rng = np.random.default_rng(13)
    drawn = (max(48, size[0] * 5 // 4), max(24, size[1] * 5 // 4))
    cameras = [sample_camera(rng) for _ in range(OF_EACH)]
    people = sample_identities(17, -(-count // OF_EACH))
    order = [(number // OF_EACH, number % OF_EACH) for number in range(count)]
    return People(
        tuple(draw_person(people[who], cameras[camera], rng, drawn) for who, camera in order),
        tuple(who for who, _ in order),
    )

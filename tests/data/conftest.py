from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest
import simplejpeg

Pixels = npt.NDArray[np.uint8]
Draw = Callable[[int], Pixels]
Save = Callable[..., Path]


@pytest.fixture
def drawn() -> Draw:
    """A smooth coloured picture, 48 x 24 by default, another for every number."""

    def draw(number: int, height: int = 48, width: int = 24) -> Pixels:
        coarse = np.random.default_rng(number).integers(0, 256, (6, 3, 3), dtype=np.uint8)
        return np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC))

    return draw


@pytest.fixture
def save(drawn: Draw) -> Save:
    """Write picture number ``number`` as a JPEG, folders and all."""

    def write(path: Path, number: int = 0) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(simplejpeg.encode_jpeg(np.ascontiguousarray(drawn(number)), quality=95))
        return path

    return write


@pytest.fixture
def tree(tmp_path: Path, save: Save) -> Callable[[Iterable[str]], Path]:
    """Write a picture of its own at each of the given names below ``tmp_path/data``; return that folder."""

    def plant(names: Iterable[str]) -> Path:
        root = tmp_path / "data"
        root.mkdir(exist_ok=True)
        for number, name in enumerate(names):
            save(root / name, number)
        return root

    return plant

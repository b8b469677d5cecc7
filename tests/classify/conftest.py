from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from cdnet.classify.recipe import ClassAugmentRecipe, ClassDataRecipe, ClassifyRecipe
from cdnet.engine.recipe import OptimRecipe, ScheduleRecipe

COLOURS = {"blue": (60, 60, 190), "green": (60, 190, 60), "red": (190, 60, 60)}


@pytest.fixture(scope="session")
def colours(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Noisy pictures of three colours, a folder each: 48 to train on and 12 to test on, 32 x 32, to be read only."""
    root = tmp_path_factory.mktemp("colours")
    rng = np.random.default_rng(0)
    for split, count in (("train", 16), ("val", 4)):
        for name, colour in COLOURS.items():
            for number in range(count):
                pixels = np.clip(rng.normal(colour, 50, (32, 32, 3)), 0, 255).astype(np.uint8)
                path = root / split / name / f"{number}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                assert cv2.imwrite(str(path), pixels[:, :, ::-1])
    return root


@pytest.fixture
def recipe(colours: Path) -> ClassifyRecipe:
    """A network and a schedule that take a fraction of a second an epoch."""
    return ClassifyRecipe(
        genotype="cnet-top3",
        width=0.1,
        stem=2,
        data=ClassDataRecipe(root=colours),
        batch=16,
        augment=ClassAugmentRecipe(pad=2),
        optim=OptimRecipe(lr=0.01),
        schedule=ScheduleRecipe(epochs=2, kind="cosine"),
        device="cpu",
    )

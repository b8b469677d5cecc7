from __future__ import annotations

from pathlib import Path

import pytest

from cdnet.data.recipe import TrainDataRecipe
from cdnet.engine.recipe import OptimRecipe, ScheduleRecipe
from cdnet.train.recipe import BatchRecipe, TrainRecipe


@pytest.fixture
def recipe(market: Path) -> TrainRecipe:
    """A network and a schedule that take a second an epoch."""
    return TrainRecipe(
        genotype="cnet-top3",
        width=0.1,
        size="64x32",
        data=TrainDataRecipe(root=market),
        batch=BatchRecipe(identities=4, pictures=2),
        optim=OptimRecipe(lr=0.02),
        schedule=ScheduleRecipe(epochs=3, kind="cosine", warmup=1),
        device="cpu",
    )

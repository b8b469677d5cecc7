"""A trained run and a data set for all figures."""

from __future__ import annotations

from pathlib import Path

import pytest

from cdnet.data.recipe import TrainDataRecipe
from cdnet.engine.recipe import OptimRecipe, ScheduleRecipe
from cdnet.train.recipe import BatchRecipe, TrainRecipe


def train_tiny(market: Path, out: Path, neck: str) -> Path:
    from cdnet.train.run import train

    recipe = TrainRecipe(
        genotype="cnet-top3",
        width=0.1,
        size="64x32",
        neck=neck,
        data=TrainDataRecipe(root=market, cache=out.parent / "cache"),
        batch=BatchRecipe(identities=4, pictures=2),
        optim=OptimRecipe(lr=0.02),
        schedule=ScheduleRecipe(epochs=1, kind="cosine"),
        device="cpu",
    )
    train(recipe, out)
    return out


@pytest.fixture(scope="session")
def fbl_run(market: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train_tiny(market, tmp_path_factory.mktemp("figures") / "fbl", "fblneck")


@pytest.fixture(scope="session")
def bn_run(market: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train_tiny(market, tmp_path_factory.mktemp("figures") / "bn", "bnneck")

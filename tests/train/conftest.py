from __future__ import annotations

from pathlib import Path

import pytest
from tests import recipes

from cdnet.train.recipe import TrainRecipe


@pytest.fixture
def recipe(market: Path) -> TrainRecipe:
    """A network and a schedule that take a second an epoch."""
    return recipes.training(market)

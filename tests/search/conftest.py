from __future__ import annotations

from pathlib import Path

import pytest

from cdnet.data.recipe import SeveralDataRecipe
from cdnet.search.recipe import SearchRecipe, SidesRecipe, SpaceRecipe
from cdnet.train.recipe import BatchRecipe


@pytest.fixture
def recipe(market: Path) -> SearchRecipe:
    """A search in a small space that takes a second an epoch."""
    return SearchRecipe(
        space=SpaceRecipe("small", pairs=[[3, 5], [3, 9]], repeats=[1, 2], blocks=[1, 2, 1]),
        width=0.1,
        size="64x32",
        data=SeveralDataRecipe(root=market),
        batch=BatchRecipe(identities=4, pictures=2),
        augment=SidesRecipe(erase=0.0),
        epochs=3,
        validation=2,
        device="cpu",
    )

from __future__ import annotations

from pathlib import Path

import pytest
from tests import recipes

from cdnet.search.recipe import SearchRecipe


@pytest.fixture
def recipe(market: Path) -> SearchRecipe:
    """A search in a small space that takes a second an epoch."""
    return recipes.searching(market)

from __future__ import annotations

from pathlib import Path

import pytest
from tests import recipes

from cdnet.classify.recipe import ClassifyRecipe


@pytest.fixture
def recipe(colours: Path) -> ClassifyRecipe:
    """A network and a schedule that take a fraction of a second an epoch."""
    return recipes.classification(colours)

"""A comparison's recipe: how every network is trained, and which networks."""

from __future__ import annotations

from dataclasses import dataclass, field

from cdnet.data.recipe import given_root
from cdnet.errors import CdnetError
from cdnet.search.recipe import SpaceRecipe
from cdnet.train.recipe import TrainRecipe, check_recipe


@dataclass
class CompareRecipe(TrainRecipe):
    """A comparison: the recipe that trains every network, and which networks.

    Args:
        genotype: the paper's own network, one of those compared.
        seed: decides which random genotypes are drawn.
        seeds: every network is trained once with each.
        found: searched networks as NAME=FILE or FILE, a genotype.json or a search's folder; the first one says what
            like size is.
        random: number of random genotypes.
        tolerance: how much more or less parameters a random genotype may have, as a share.
        space: where random genotypes are drawn from.
    """

    found: list[str] = field(default_factory=list)
    random: int = 5
    tolerance: float = 0.1
    seeds: list[int] = field(default_factory=lambda: [0, 1])
    space: SpaceRecipe = field(default_factory=SpaceRecipe)


def check_compare(recipe: CompareRecipe) -> None:
    """Refuse values that are of the right type but make no sense.

    Raises:
        CdnetError: with the first such key.
    """
    if not recipe.seeds or len(set(recipe.seeds)) < len(recipe.seeds) or min(recipe.seeds) < 0:
        raise CdnetError("--seeds must be at least one number, none below 0 and none twice")
    if recipe.random < 0:
        raise CdnetError("--random must be at least 0")
    if recipe.tolerance <= 0:
        raise CdnetError("--tolerance must be above 0")
    if recipe.data.train_on == "all":
        raise CdnetError("--data.train-on all trains on the test pictures, which leaves nothing to compare by")
    given_root(recipe.data.root, "train on")
    check_recipe(recipe)

"""``cdnet search``: find a network on one's own pictures."""

from __future__ import annotations

from cdnet.cli.arguments import read_run
from cdnet.search.recipe import SearchRecipe


def main(words: list[str]) -> None:
    """Search, or go on searching, and say where the genotype is."""
    recipe, out, resume = read_run(
        "search", "Search a network by a recipe; every key of a recipe is an option here.", SearchRecipe, words
    )
    from cdnet.search.run import search
    from cdnet.train.loop import StoppedError

    space = recipe.space.build()
    print(f"{space.name}: {len(space.candidates)} candidates in {space.mblocks} MBlocks, {space.size:,} networks")
    try:
        genotype = search(recipe, out, resume)
    except StoppedError as stopped:
        raise KeyboardInterrupt(str(stopped)) from None
    print(f"genotype: {genotype}\ntrain it: cdnet train --genotype {genotype} --data.root {recipe.data.root} --out ...")

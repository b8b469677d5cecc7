"""``cdnet search``: find a network on one's own pictures."""

from __future__ import annotations

from pathlib import Path

from cdnet.cli.arguments import is_first_process, read_run
from cdnet.search.recipe import SearchRecipe

REPORT = "report.html"


def main(words: list[str]) -> None:
    """Search, or go on searching, write the report, and say where the genotype is."""
    description = "Search a network by a recipe; every key of a recipe is an option here."
    recipe, out, resume = read_run("search", description, SearchRecipe, words)
    from cdnet.search.run import search
    from cdnet.train.loop import StoppedError

    space = recipe.space.build()
    if is_first_process():
        print(f"{space.name}: {len(space.candidates)} candidates in {space.mblocks} MBlocks, {space.size:,} networks")
    try:
        genotype = search(recipe, out, resume)
    except StoppedError as stopped:
        raise KeyboardInterrupt(str(stopped)) from None
    if is_first_process():
        print(f"genotype: {genotype}\nreport: {write_report(recipe, out, genotype)}")
        print(f"train it: cdnet train --genotype {genotype} --data.root {recipe.data.root} --out ...")


def write_report(recipe: SearchRecipe, out: Path, genotype: Path) -> Path:
    """Write the report of a finished search to its folder and return its path."""
    from cdnet.data.recipe import parse_size
    from cdnet.genotype import read_genotype
    from cdnet.report.search import write_search_report
    from cdnet.train.record import read_log

    found, cost = read_genotype(genotype), recipe.cost
    costs = {"width": cost.width, "size": parse_size(cost.size)}
    write_search_report(out / REPORT, found.source, recipe.space.build(), read_log(out), found, costs)
    return out / REPORT

"""``cdnet search``: find a network on one's own pictures."""

from __future__ import annotations

import shlex
from pathlib import Path

from cdnet.cli.arguments import is_first_process, read_run
from cdnet.search.recipe import SearchRecipe

REPORT = "report.html"
DESCRIPTION = (
    "Search a network by a recipe; every key of a recipe is an option here. `cdnet search --measure-latency` times the "
    "candidates on this machine, for --cost.kind latency, and `cdnet search compare` trains what was found and more; "
    "each has its own --help."
)


def main(words: list[str]) -> None:
    """Search, or go on searching, write the report, and say where the genotype is; or compare what was found."""
    if words[:1] == ["compare"]:
        from cdnet.cli import search_compare

        search_compare.main(words[1:])
        return
    if "--measure-latency" in words:
        from cdnet.cli import search_latency

        search_latency.main([word for word in words if word != "--measure-latency"])
        return
    recipe, out, resume = read_run("search", DESCRIPTION, SearchRecipe, words)
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
        use = ["cdnet", "train", "--genotype", str(genotype), "--data.root", str(recipe.data.root), "--out"]
        print(f"train it: {shlex.join(use)} ...")


def write_report(recipe: SearchRecipe, out: Path, genotype: Path) -> Path:
    """Write the report of a finished search to its folder and return its path."""
    from cdnet.data.recipe import parse_size
    from cdnet.genotype import read_genotype
    from cdnet.report.search import write_search_report
    from cdnet.search.latency import read_latency
    from cdnet.search.run import LATENCY
    from cdnet.train.record import read_whole_log

    found, cost = read_genotype(genotype), recipe.cost
    space = recipe.space.build()
    latency = read_latency(out / LATENCY) if cost.kind == "latency" else None
    costs = {"width": cost.width, "size": parse_size(cost.size), "latency": latency, "budget": cost.budget}
    write_search_report(out / REPORT, found.source, space, read_whole_log(out), found, costs)
    return out / REPORT

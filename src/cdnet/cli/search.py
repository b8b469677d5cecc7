"""``cdnet search``: find a network on one's own pictures."""

from __future__ import annotations

from importlib import import_module

from cdnet.cli.arguments import UsageError, choose, is_first_process, read_run
from cdnet.search.recipe import SearchRecipe
from cdnet.settings.words import hyphened
from cdnet.shown_text import say, shell_command

DESCRIPTION = (
    "Search a network by a recipe; every key of a recipe is an option here. `cdnet search latency` times the "
    "candidates on this machine, for --cost.kind latency, and `cdnet search compare` trains what was found and more; "
    "each has its own --help."
)


def main(words: list[str]) -> None:
    """Search, or go on searching, write the report, say where the genotype is; or run ``compare`` or ``latency``."""
    if any(hyphened(word) == "--measure-latency" for word in words):
        raise UsageError("--measure-latency is a command of its own: cdnet search latency", "cdnet search latency")
    if words and not words[0].startswith("-"):
        action = choose("search", words, ("compare", "latency"))
        import_module(f"cdnet.cli.search_{action}").main(words[1:])
        return
    recipe, out, resume = read_run("search", DESCRIPTION, SearchRecipe, words)
    from cdnet.errors import StoppedError
    from cdnet.report.search import report_search
    from cdnet.search.run import search

    space = recipe.space.build()
    if is_first_process():
        say(f"{space.name}: {len(space.candidates)} candidates in {space.mblocks} MBlocks, {space.size:,} networks")
    try:
        genotype = search(recipe, out, resume)
    except StoppedError as stopped:
        raise KeyboardInterrupt(str(stopped)) from None
    if is_first_process():
        say(f"genotype: {genotype}", f"report: {report_search(recipe, out, genotype)}")
        use = ["cdnet", "train", "--genotype", str(genotype), "--data.root", str(recipe.data.root), "--out"]
        say(f"train it: {shell_command(use)} ...")

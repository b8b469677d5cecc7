"""``cdnet search compare``: whether searched networks are better than random ones of like size."""

from __future__ import annotations

from cdnet.cli.arguments import read_table
from cdnet.search.compare_recipe import CompareRecipe
from cdnet.shown_text import say_block


def main(words: list[str]) -> None:
    """Train and evaluate all networks of a comparison, and print the table."""
    description = "Train searched, published and random networks by one recipe with several seeds, and compare them."
    recipe, out = read_table("search compare", description, CompareRecipe, words)
    from cdnet.errors import StoppedError
    from cdnet.search.compare import compare_searched

    try:
        say_block(compare_searched(recipe, out))
    except StoppedError as stopped:
        where = str(stopped).partition(";")[0]
        raise KeyboardInterrupt(f"{where}; the same command goes on from there") from None

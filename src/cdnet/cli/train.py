"""``cdnet train``: train a network by a recipe."""

from __future__ import annotations

from cdnet.cli.arguments import is_first_process, read_run
from cdnet.shown_text import say, shell_command
from cdnet.train.recipe import TrainRecipe


def main(words: list[str]) -> None:
    """Train, or go on training, and say where the weights are."""
    description = "Train a network by a recipe; every key of a recipe is an option here."
    recipe, out, resume = read_run("train", description, TrainRecipe, words)
    from cdnet.errors import StoppedError
    from cdnet.train.run import train

    try:
        weights = train(recipe, out, resume)
    except StoppedError as stopped:
        raise KeyboardInterrupt(str(stopped)) from None
    if is_first_process():
        say(f"weights: {weights}")
        if recipe.data.train_on == "train":
            use = ["cdnet", "evaluate", str(out), "--data.root", str(recipe.data.root)]
            say(f"evaluate them: {shell_command(use)}")

"""``cdnet train``: train a network by a recipe."""

from __future__ import annotations

from pathlib import Path

from jsonargparse import ActionConfigFile

from cdnet.cli.arguments import UsageError, parser, with_recipe_paths
from cdnet.errors import CdnetError
from cdnet.train.recipe import TrainRecipe


def main(words: list[str]) -> None:
    """Train, or go on training, and say where the weights are."""
    recipe, out, resume = read_arguments(words)
    from cdnet.train.loop import StoppedError
    from cdnet.train.run import train

    try:
        weights = train(recipe, out, resume)
    except StoppedError as stopped:
        raise KeyboardInterrupt(str(stopped)) from None
    print(f"weights: {weights}\nevaluate them: cdnet evaluate {out} --data.root {recipe.data.root}")


def read_arguments(words: list[str]) -> tuple[TrainRecipe, Path, bool]:
    """Return the recipe that a command line gives, the run's folder, and whether to resume.

    The recipe file's keys come first, then the options over them; ``--resume`` without ``--config`` takes the recipe
    that the run keeps.
    """
    made = parser("train", "Train a network by a recipe; every key of a recipe is an option here.")
    made.add_argument("--config", action=ActionConfigFile, help="recipe: a YAML file or a shipped recipe's name")
    made.add_argument("--out", type=Path, help="the run's folder")
    made.add_argument("--resume", action="store_true", help="go on from the run's checkpoint")
    made.add_class_arguments(TrainRecipe)
    words = with_recipe_paths(words)
    first = made.parse_args(words)
    if first.out is None:
        raise UsageError("no folder for the run; give one with --out")
    if first.resume and not first.config:
        kept = first.out / "recipe.yaml"
        if not kept.is_file():
            raise CdnetError(f"{first.out}: nothing to resume, there is no recipe.yaml")
        first = made.parse_args(["--config", str(kept), *words])
    out, resume = first.out, first.resume
    for key in ("config", "out", "resume"):
        del first[key]
    return TrainRecipe(**made.instantiate(first)), out, resume

"""``cdnet classify``: train a network to tell classes apart."""

from __future__ import annotations

from importlib import import_module

from cdnet.classify.recipe import ClassifyRecipe
from cdnet.cli.arguments import choose, is_first_process, read_run
from cdnet.shown_text import say, shell_command


def main(words: list[str]) -> None:
    """Train, or go on training, and say the accuracy of the last epoch and where the weights are; or run ``test``."""
    if words and not words[0].startswith("-"):
        choose("classify", words, ("test",))
        import_module("cdnet.cli.classify_test").main(words[1:])
        return
    description = (
        "Train a classifier by a recipe; every key of a recipe is an option here. `cdnet classify test` tests one that "
        "is there."
    )
    recipe, out, resume = read_run("classify", description, ClassifyRecipe, words)
    from cdnet.classify.run import classify, describe_accuracy
    from cdnet.engine.log_line import refuse_lacking
    from cdnet.engine.record import LOG, read_whole_log
    from cdnet.errors import StoppedError

    try:
        weights = classify(recipe, out, resume)
    except StoppedError as stopped:
        raise KeyboardInterrupt(str(stopped)) from None
    if is_first_process():
        last = read_whole_log(out, epochs=recipe.schedule.epochs)[-1]
        refuse_lacking(last, ("top1", "top5", "pictures"), str(out / LOG))
        reached = describe_accuracy(last["top1"], last["top5"])
        say(f"{reached} per cent of {last['pictures']:,} pictures, epoch {last['epoch']}")
        # The run has made the path of a genotype's file absolute.
        words = ["--genotype", recipe.genotype, "--width", str(recipe.width), "--init", str(out)]
        say(f"weights: {weights}", f"fine-tune them: cdnet train {shell_command(words)} --data.root DIR --out RUN")

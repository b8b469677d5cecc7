"""``cdnet demo``: draw pedestrians, search a network on them, train it, evaluate on others, and write a report."""

from __future__ import annotations

from pathlib import Path

from cdnet.cli.arguments import parser
from cdnet.search.recipe import SearchRecipe
from cdnet.settings.recipes import read_recipe
from cdnet.shown_text import say, say_block, shell_command
from cdnet.train.recipe import TrainRecipe

FALSE_MATCHES = 0.001
"""Share of the pairs of different people that the served gallery is to take for one."""


def main(words: list[str]) -> None:
    """Run the demo and say how the four methods did and where the report is."""
    description = "Draw pedestrians, search a small network on them, train it, evaluate it on others, write a report."
    made = parser("demo", description)
    made.add_argument("--out", type=Path, default=Path("demo"), help="folder for pictures, search, run and report")
    made.add_argument("--seed", type=int, default=0, help="decides pictures, first weights and batches")
    made.add_argument("--epochs", type=int, help="to train, by default those of the shipped recipe `demo`")
    options = made.read(words)
    searching = read_recipe(SearchRecipe, "demo-search", {"seed": options.seed}, "search")
    epochs = {} if options.epochs is None else {"schedule.epochs": options.epochs}
    training = read_recipe(TrainRecipe, "demo", {"seed": options.seed, **epochs}, "train")

    from cdnet.demo.drawing import Drawing
    from cdnet.demo.run import run_demo
    from cdnet.errors import StoppedError

    try:
        done = run_demo(options.out, Drawing(seed=options.seed), searching, training)
    except StoppedError as stopped:
        raise KeyboardInterrupt(str(stopped)) from None
    say_block(done.as_table())
    say(f"genotype: {done.genotype}", f"report: {done.report}", f"time: {done.seconds:.0f} s")
    places = ["--gallery", str(options.out / "gallery"), "--add", str(done.sightings), "--weights", str(done.run)]
    places += ["--false-match-rate", str(FALSE_MATCHES)]
    say(f"search these people in a page: {shell_command(['cdnet', 'serve', *places])}")

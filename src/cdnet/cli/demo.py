"""``cdnet demo``: draw pedestrians, search a network on them, train it, evaluate on others, and write a report."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cdnet.cli.arguments import parser
from cdnet.errors import CdnetError
from cdnet.search.recipe import SearchRecipe
from cdnet.settings.recipes import read_recipe
from cdnet.shown_text import say, say_block, shell_command
from cdnet.train.recipe import TrainRecipe

if TYPE_CHECKING:
    from cdnet.evaluate.ranking import Metrics
    from cdnet.report.drawing import Drawing

REPORT = "report.html"


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

    from cdnet.report.drawing import Drawing

    run_demo(options.out, Drawing(seed=options.seed), searching, training)


def run_demo(out: Path, drawing: Drawing, searching: SearchRecipe, training: TrainRecipe) -> None:
    """Draw, search, train, evaluate and report, using again what an earlier demo in the same folder has finished.

    Args:
        out: folder that gets ``pictures/``, ``cache/``, ``search/``, ``run/`` and ``report.html``. Pictures, searches
            or runs of other settings that it holds are left alone; the new ones then go to ``pictures-2/``,
            ``search-2/``, ``run-2/`` and so on.
        drawing: what to draw.
        searching: recipe of the search; its ``data`` are replaced by the drawn ones.
        training: recipe of the training; its ``data`` are replaced too, and its ``genotype`` by the one found.

    Raises:
        CdnetError: if the settings make no sense, or the folder cannot be written.
        KeyboardInterrupt: if Ctrl-C or a termination signal came; the same demo goes on where it was.
    """
    from cdnet.cli.info import count_network
    from cdnet.progress import console
    from cdnet.report.drawing import drawn_pictures
    from cdnet.report.gather import evaluate_methods, gather_report
    from cdnet.report.page import write_report
    from cdnet.search.recipe import check_search
    from cdnet.search.run import search
    from cdnet.train.recipe import check_recipe
    from cdnet.train.run import train

    started = time.perf_counter()
    if out.exists() and not out.is_dir():
        raise CdnetError(f"{out} is a file; choose a folder for --out")
    check_search(searching)
    check_recipe(training)
    pictures, drawing_seconds = drawn_pictures(out, drawing)
    for recipe in (searching, training):
        recipe.data.root, recipe.data.layout, recipe.data.cache = pictures, "market1501", out / "cache"
    searched, resume = run_folder(out / "search", searching)
    console.print(f"searching {searching.epochs} epochs in {searching.space.build().name}, in {searched}")
    genotype = _until_stopped("search", search, searching, searched, resume)
    training.genotype = os.path.abspath(genotype)
    run, resume = run_folder(out / "run", training)
    console.print(f"training the network that was found {training.schedule.epochs} epochs, in {run}")
    _until_stopped("training", train, training, run, resume)
    console.print("evaluating")
    evaluation_started = time.perf_counter()
    evaluated = evaluate_methods(training, run)
    seconds = {"drawing": drawing_seconds, "evaluation": time.perf_counter() - evaluation_started}
    path = out / REPORT
    network = count_network(training.genotype, training.width, training.size)
    write_report(path, gather_report(searching, searched, training, run, evaluated, network, seconds))
    say_block(as_table(evaluated.methods))
    say(f"genotype: {genotype}", f"report: {path}", f"time: {time.perf_counter() - started:.0f} s")
    places = ["--gallery", str(out / "gallery"), "--add", str(pictures / "bounding_box_test"), "--weights", str(run)]
    say(f"search these people in a page: {shell_command(['cdnet', 'serve', *places])}")


def _until_stopped(what: str, work: Callable[[Any, Path, bool], Path], recipe: Any, folder: Path, resume: bool) -> Path:
    from cdnet.errors import StoppedError

    try:
        return work(recipe, folder, resume)
    except StoppedError as stopped:
        where = str(stopped).partition(";")[0]
        raise KeyboardInterrupt(f"{what} {where}; the same command goes on from there") from None


def run_folder(first: Path, recipe: SearchRecipe | TrainRecipe) -> tuple[Path, bool]:
    """Return the folder for a recipe's run, and whether there is a run by this recipe in it to go on with.

    That is the first of ``first``, ``first-2``, ``first-3`` ... which holds such a run, or nothing. Where the demo's
    folder was moved, what the run says of its place is brought up to date.
    """
    from cdnet.engine.folder import write_recipe
    from cdnet.report.drawing import numbered

    folder = numbered(first, lambda found: _holds_run(found, recipe))
    resume = _holds_run(folder, recipe)
    if resume:
        write_recipe(folder, recipe)
    return folder, resume


def _holds_run(folder: Path, recipe: SearchRecipe | TrainRecipe) -> bool:
    import yaml

    from cdnet.engine.folder import RECIPE, open_folder
    from cdnet.recipe_file import check_recipe_file

    # Where pictures and genotype are may differ, after the demo's folder was moved; which of its own they are may not.
    try:
        check_recipe_file(folder / RECIPE)
        kept = yaml.safe_load((folder / RECIPE).read_text("utf-8"))
        same = recipe.data.root is not None and Path(kept["data"]["root"]).name == recipe.data.root.name
        if isinstance(recipe, TrainRecipe):
            same &= Path(kept["genotype"]).parts[-2:] == Path(recipe.genotype).parts[-2:]
            recipe = replace(recipe, genotype=kept["genotype"])
        open_folder(folder, recipe, resume=True)
    except (CdnetError, OSError, ValueError, yaml.YAMLError, KeyError, TypeError):
        return False
    return same


def as_table(methods: Mapping[str, Metrics]) -> str:
    """Return the figures of each method, in per cent, as an aligned table."""
    width = max(map(len, methods))
    lines = [f"{'':{width}}{'rank-1':>9}{'rank-5':>9}{'mAP':>9}{'mINP':>9}"]
    for name, metrics in methods.items():
        shares = (metrics.rank1, metrics.rank5, metrics.mAP, metrics.mINP)
        cells = ["-" if share is None else f"{100 * share:.1f}" for share in shares]  # None: beyond the gallery
        lines.append(f"{name:{width}}" + "".join(f"{cell:>9}" for cell in cells))
    return "\n".join(lines)

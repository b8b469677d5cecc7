"""The demo from first to last, in a folder that keeps what is finished."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from cdnet.demo.drawing import Drawing, drawn_pictures, numbered
from cdnet.demo.sightings import write_sightings
from cdnet.engine.folder import RECIPE, open_folder, write_recipe
from cdnet.errors import CdnetError, StoppedError
from cdnet.evaluate.ranking import Metrics
from cdnet.nn.counts import count_network
from cdnet.progress import notes
from cdnet.recipe_file import check_recipe_file
from cdnet.report.gather import evaluate_methods, gather_report
from cdnet.report.page import write_report
from cdnet.search.recipe import SearchRecipe, check_search
from cdnet.search.run import search
from cdnet.train.recipe import TrainRecipe, check_recipe
from cdnet.train.run import train

log = notes(__name__)

REPORT = "report.html"


@dataclass(frozen=True)
class Demo:
    """What a demo has come to.

    Args:
        methods: figures of merit of each method by its name.
        genotype: file of the network that was found.
        run: folder of its training.
        sightings: table of the test gallery's pictures, each with its camera, time and person.
        report: the page.
        seconds: that it all took.
    """

    methods: Mapping[str, Metrics]
    genotype: Path
    run: Path
    sightings: Path
    report: Path
    seconds: float

    def as_table(self) -> str:
        """Return the figures of each method, in per cent, as an aligned table."""
        width = max(map(len, self.methods))
        lines = [f"{'':{width}}{'rank-1':>9}{'rank-5':>9}{'mAP':>9}{'mINP':>9}"]
        for name, metrics in self.methods.items():
            shares = (metrics.rank1, metrics.rank5, metrics.mAP, metrics.mINP)
            cells = ["-" if share is None else f"{100 * share:.1f}" for share in shares]  # None: beyond the gallery
            lines.append(f"{name:{width}}" + "".join(f"{cell:>9}" for cell in cells))
        return "\n".join(lines)


def run_demo(out: Path, drawing: Drawing, searching: SearchRecipe, training: TrainRecipe) -> Demo:
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
        StoppedError: if Ctrl-C or a termination signal came; the same demo goes on where it was.
    """
    started = time.perf_counter()
    if out.exists() and not out.is_dir():
        raise CdnetError(f"{out} is a file; choose a folder for --out")
    check_search(searching)
    check_recipe(training)
    pictures, drawing_seconds = drawn_pictures(out, drawing)
    for recipe in (searching, training):
        recipe.data.root, recipe.data.layout, recipe.data.cache = pictures, "market1501", out / "cache"
    searched, resume = run_folder(out / "search", searching)
    log.info(f"searching {searching.epochs} epochs in {searching.space.build().name}, in {searched}")
    genotype = _until_stopped("search", search, searching, searched, resume)
    training.genotype = os.path.abspath(genotype)
    run, resume = run_folder(out / "run", training)
    log.info(f"training the network that was found {training.schedule.epochs} epochs, in {run}")
    _until_stopped("training", train, training, run, resume)
    log.info("evaluating")
    evaluation_started = time.perf_counter()
    evaluated = evaluate_methods(training, run)
    seconds = {"drawing": drawing_seconds, "evaluation": time.perf_counter() - evaluation_started}
    network = count_network(training.genotype, training.width, training.size)
    write_report(out / REPORT, gather_report(searching, searched, training, run, evaluated, network, seconds))
    took = time.perf_counter() - started
    return Demo(evaluated.methods, genotype, run, write_sightings(pictures), out / REPORT, took)


def _until_stopped(what: str, work: Callable[[Any, Path, bool], Path], recipe: Any, folder: Path, resume: bool) -> Path:
    try:
        return work(recipe, folder, resume)
    except StoppedError as stopped:
        where = str(stopped).partition(";")[0]
        raise StoppedError(f"{what} {where}; the same command goes on from there") from None


def run_folder(first: Path, recipe: SearchRecipe | TrainRecipe) -> tuple[Path, bool]:
    """Return the folder for a recipe's run, and whether there is a run by this recipe in it to go on with.

    That is the first of ``first``, ``first-2``, ``first-3`` ... which holds such a run, or nothing. Where the demo's
    folder was moved, what the run says of its place is brought up to date.
    """
    folder = numbered(first, lambda found: _holds_run(found, recipe))
    resume = _holds_run(folder, recipe)
    if resume:
        write_recipe(folder, recipe)
    return folder, resume


def _holds_run(folder: Path, recipe: SearchRecipe | TrainRecipe) -> bool:
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

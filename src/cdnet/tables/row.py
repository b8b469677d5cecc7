"""A row of a table: one recipe, trained with one seed and evaluated; its folder keeps what came out."""

from __future__ import annotations

import hashlib
import json
import platform
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import cast

import torch
from filelock import FileLock, Timeout

import cdnet
from cdnet.classify.recipe import ClassifyRecipe
from cdnet.classify.weights import read_origin
from cdnet.data.class_layout import read_class_data
from cdnet.data.layout import read_data
from cdnet.data.obstacles import refuse_obstacles
from cdnet.data.pictures import SPLITS
from cdnet.data.recipe import given_root
from cdnet.data.several import read_several
from cdnet.device import choose_device
from cdnet.engine.folder import RECIPE, refuse_another_recipe
from cdnet.engine.log_line import refuse_lacking
from cdnet.engine.record import LOG, missing_epochs, read_log
from cdnet.engine.session import say_epochs
from cdnet.errors import CdnetError, DiskFullError
from cdnet.evaluate.evaluation import evaluate_model, read_test_pictures
from cdnet.files import make_folder, saying_what_failed, sweep, write_text
from cdnet.model_input import parse_size
from cdnet.nn.counts import count
from cdnet.nn.model import create_model
from cdnet.progress import notes, shown
from cdnet.tables.result import RESULT, Finding, Result, kept_result
from cdnet.train.recipe import TrainRecipe
from cdnet.train.run import train
from cdnet.weights import find_weights, load_model

log = notes(__name__)

LOCK = ".row.lock"


@dataclass(frozen=True)
class Row:
    """One network of a table with one seed, which its recipe names.

    Args:
        name: the network's name in the table.
        recipe: trains it.
    """

    name: str
    recipe: TrainRecipe | ClassifyRecipe

    def folder(self, out: Path) -> Path:
        """Return the row's folder inside the table's."""
        return out / re.sub(r"[^\w.+-]+", "-", self.name) / f"seed-{self.recipe.seed}"


def train_and_evaluate(row: Row, folder: Path) -> Finding:
    """Train a network for re-identification, or go on, rank the test pictures, and return the figures.

    Raises:
        CdnetError: if there are no pictures, no query among them has a match, or the recipe trains on the test
            pictures: before anything is trained.
    """
    recipe = row.recipe
    assert isinstance(recipe, TrainRecipe)
    if recipe.data.train_on == "all":
        raise CdnetError("--data.train-on all trains on the test pictures, so that no figure can follow; leave it out")
    root = given_root(recipe.data.root, "train on")
    data = read_several([root, *recipe.data.also], recipe.data.layout, recipe.data.holdout)
    refuse_obstacles(data, "evaluation")
    train(recipe, folder, resume=(folder / RECIPE).is_file())
    model, spec = load_model(folder, choose_device(recipe.device))
    pictures = read_test_pictures(data, spec.size, recipe.data.cache, shown)
    metrics = evaluate_model(model, pictures, spec.mean, spec.std, progress=shown)
    height, width = parse_size(recipe.size)
    counts = count(create_model(spec.genotype, spec.width, spec.neck, spec.stripes), height, width)
    figures = {
        "params": counts.params,
        "macs": counts.macs,
        **metrics.to_json(),
        "data": data.name,
        "counts": {split: len(data.split(split)) for split in SPLITS},
        "published": {split: pictures for split, (pictures, *_) in data.published.items()},
    }
    found = cast("Finding", figures)
    if recipe.init is not None:
        found["start"], found["start_digest"] = describe_start(recipe.init), _file_digest(recipe.init)
    return found


def describe_start(init: str) -> str:
    """Say what the weights that a pre-trained row starts from were trained on."""
    try:
        origin = read_origin(init)
    except CdnetError:
        return f"starts from {Path(init).name}, which cannot be read here"
    if "published" in origin:
        return f"starts from the published {origin['published']}"
    classes = f" ({origin['classes']} classes)" if "classes" in origin else ""
    return f"starts from weights trained on {origin.get('data', 'what they do not name')}{classes}"


Work = Callable[[Row, Path], Finding]
"""Trains a row in its folder, or goes on, and returns what it finds."""


def run_rows(
    rows: Sequence[Row], out: Path, work: Work = train_and_evaluate, failures: dict[Path, str] | None = None
) -> list[Result | None]:
    """Train and evaluate what is not finished, and return all results in the order of the rows.

    Several processes that are given the same rows and folder share the work: each takes rows that no other is at.

    Args:
        rows: of the table.
        out: its folder.
        work: what is done for a row that is not finished.
        failures: if given, gets the reason for each row whose work fails, by the row's folder, and the others go on.

    Returns:
        A result a row; None for one that another process is at, or that failed.

    Raises:
        CdnetError: if a row's folder holds a run by another recipe, the disk is full, or, without ``failures``, a
            row's work fails.
        StoppedError: if it was stopped; the same call goes on from there.
    """
    results: list[Result | None] = [None] * len(rows)
    looking = True
    while looking:  # again, for what another process was at may be finished, or given up, by now
        looking = False
        for number, row in enumerate(rows):
            folder = row.folder(out)
            if results[number] is not None or (failures and folder in failures):
                continue
            with saying_what_failed(folder):
                make_folder(folder)
            with suppress(Timeout), FileLock(folder / LOCK, blocking=False):
                with saying_what_failed(folder):
                    sweep(folder, [RESULT])
                found = read_result(row, folder)
                if found is None:
                    log.info(f"row {number + 1} of {len(rows)}: {row.name}, seed {row.recipe.seed}, in {folder}")
                    try:
                        figures = work(row, folder)
                    except CdnetError as error:
                        if failures is None or isinstance(error, DiskFullError):
                            raise
                        failures[folder] = str(error)
                        continue
                    found = _finish(row, folder, figures)
                results[number] = found
                looking = True
    return results


def read_result(row: Row, folder: Path) -> Result | None:
    """Return a finished row's result, or None if it is not finished.

    Raises:
        CdnetError: if the folder holds another recipe's run, or one on other pictures, or the result cannot be read.
    """
    if (folder / RECIPE).is_file():
        refuse_another_recipe(folder, row.recipe)
    result = kept_result(folder)
    if result is None:
        return None
    if (result["name"], result["seed"]) != (row.name, row.recipe.seed):
        raise CdnetError(f"{folder / RESULT}: not this row's result; move it away to have the row evaluated anew")
    kept = (result["data"], result["source"])
    if kept != (_data(row.recipe) or kept):
        raise CdnetError(
            f"{folder} was trained on other pictures than those in {row.recipe.data.root}; choose another --out"
        )
    init = getattr(row.recipe, "init", None)
    start = result.get("start_digest")
    if init is not None and start is not None and start != (_file_digest(init) or start):
        raise CdnetError(f"{folder} started from other weights than {init} holds now; choose another --out")
    return result


def _data(recipe: TrainRecipe | ClassifyRecipe) -> tuple[str, str] | None:
    """Return what a recipe's data set is called, and a digest of all its pictures' names, wherever they lie.

    None stands for pictures that are not named, or cannot be read.
    """
    data = recipe.data
    if data.root is None:
        return None
    try:
        if isinstance(recipe, ClassifyRecipe):
            return _class_data(data.root)
        return _reid_data(data.root, recipe.data.layout, recipe.data.holdout)
    except CdnetError:
        return None


@cache
def _class_data(root: Path) -> tuple[str, str]:
    data = read_class_data(root)
    return data.name, f"{data.train.digest()}-{data.test.digest()}"


@cache
def _reid_data(root: Path, layout: str, holdout: float) -> tuple[str, str]:
    data = read_data(root, layout, holdout)
    pictures = [[f"{picture.identity}/{picture.path.name}" for picture in data.split(split)] for split in SPLITS]
    return data.name, hashlib.sha256(json.dumps(pictures).encode()).hexdigest()[:16]


def _file_digest(init: str) -> str | None:
    with suppress(CdnetError, OSError), find_weights(init).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]
    return None


def _finish(row: Row, folder: Path, figures: Finding) -> Result:
    found = _data(row.recipe)
    lines = read_log(folder)
    for line in lines:
        refuse_lacking(line, ("seconds", "images_per_second"), str(folder / LOG))
    seconds = sum(line["seconds"] for line in lines)
    lost = missing_epochs(lines, row.recipe.schedule.epochs)
    if lost:
        log.warning(f"{folder / LOG} has no lines of {say_epochs(lost)}, so that the minutes are not known")
    result: dict[str, object] = {
        "name": row.name,
        "seed": row.recipe.seed,
        **{key: value for key, value in figures.items() if key != "data"},
        "epochs": row.recipe.schedule.epochs,
        "minutes": None if lost else round(seconds / 60, 2),
        "images_per_second": seconds and round(sum(x["images_per_second"] * x["seconds"] for x in lines) / seconds),
        "data": figures["data"],
        "source": found[1] if found is not None else None,
        "hardware": _hardware(),
        "version": cdnet.__version__,
        "date": date.today().isoformat(),
    }
    write_text(folder / RESULT, json.dumps(result, indent=1, allow_nan=False) + "\n")
    return cast("Result", result)


def _hardware() -> str:
    if torch.cuda.is_available():
        return f"{torch.cuda.get_device_name()}, torch {torch.__version__}"
    return f"{torch.get_num_threads()} thread(s) of {platform.machine()}, torch {torch.__version__}"

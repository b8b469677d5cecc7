"""A row of a table: one recipe, trained with one seed and evaluated; its folder keeps what came out."""

from __future__ import annotations

import hashlib
import json
import math
import platform
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

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
from cdnet.device import choose_device
from cdnet.engine.folder import RECIPE, refuse_another_recipe
from cdnet.engine.log_line import refuse_lacking
from cdnet.engine.record import LOG, missing_epochs, read_log
from cdnet.engine.session import say_epochs
from cdnet.errors import CdnetError, DiskFullError
from cdnet.evaluate.evaluation import evaluate_model, read_test_pictures
from cdnet.files import make_folder, saying_what_failed, sweep, write_text
from cdnet.json_file import read_json
from cdnet.model_input import parse_size
from cdnet.nn.counts import count
from cdnet.nn.model import create_model
from cdnet.progress import notes, shown
from cdnet.train.recipe import TrainRecipe
from cdnet.train.run import train
from cdnet.weights import find_weights, load_model

log = notes(__name__)

RESULT = "result.json"
LOCK = ".row.lock"
MAX_BYTES = 2**20
"""Of a result; one has some 2,000."""


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


def train_and_evaluate(row: Row, folder: Path) -> dict[str, Any]:
    """Train a network for re-identification, or go on, rank the test pictures, and return the figures.

    Raises:
        CdnetError: if there are no pictures, or no query among them has a match: before anything is trained.
    """
    recipe = row.recipe
    assert isinstance(recipe, TrainRecipe)
    data = read_data(given_root(recipe.data.root, "train on"), recipe.data.layout, recipe.data.holdout)
    refuse_obstacles(data, "evaluation")
    train(recipe, folder, resume=(folder / RECIPE).is_file())
    model, spec = load_model(folder, choose_device(recipe.device))
    pictures = read_test_pictures(data, spec.size, recipe.data.cache, shown)
    metrics = evaluate_model(model, pictures, spec.mean, spec.std, progress=shown)
    height, width = parse_size(recipe.size)
    counts = count(create_model(spec.genotype, spec.width, spec.neck, spec.stripes), height, width)
    figures = (
        {"params": counts.params, "macs": counts.macs}
        | metrics.to_json()
        | {
            "data": data.name,
            "counts": {split: len(data.split(split)) for split in SPLITS},
            "published": {split: pictures for split, (pictures, *_) in data.published.items()},
        }
    )
    return figures | (_start(recipe.init) if recipe.init is not None else {})


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


Work = Callable[[Row, Path], dict[str, Any]]
"""Trains a row in its folder, or goes on, and returns its figures, the name of its ``data``, and how many pictures
each split has (``counts``) and, where that is known, should have (``published``)."""


def run_rows(
    rows: Sequence[Row], out: Path, work: Work = train_and_evaluate, failures: dict[Path, str] | None = None
) -> list[dict[str, Any] | None]:
    """Train and evaluate what is not finished, and return all results in the order of the rows.

    Several processes that are given the same rows and folder share the work: each takes rows that no other is at.

    Args:
        rows: of the table.
        out: its folder.
        work: what is done for a row that is not finished.
        failures: if given, gets the reason for each row whose work fails, by the row's folder, and the others go on.

    Returns:
        A result a row: its name and seed, what ``work`` returned (params, macs and
        :meth:`~cdnet.evaluate.ranking.Metrics.to_json`'s figures), minutes, and where, when and from
        which weights it was trained. None for a row that another process is at, or that failed.

    Raises:
        CdnetError: if a row's folder holds a run by another recipe, the disk is full, or, without ``failures``, a
            row's work fails.
        StoppedError: if it was stopped; the same call goes on from there.
    """
    results: list[dict[str, Any] | None] = [None] * len(rows)
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


def read_result(row: Row, folder: Path) -> dict[str, Any] | None:
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


def kept_result(folder: Path) -> dict[str, Any] | None:
    """Return the result that a row's folder keeps, whatever the row, or None if it is not finished.

    Raises:
        CdnetError: if it cannot be read.
    """
    path = folder / RESULT
    if not path.is_file():
        return None
    try:
        result = dict(read_json(path, MAX_BYTES))
        figures = ("top1", "top5", "error") if "error" in result else ("params", "macs", "rank1", "mAP")
        complete = result.keys() >= {"name", "seed", "source", "data"}
        complete = complete and isinstance(result["name"], str) and type(result["seed"]) is int
        complete = complete and isinstance(result["data"], str) and isinstance(result.get("start", ""), str)
        complete = complete and all(_is_figure(result.get(key)) for key in figures)
        complete = complete and all(_are_counts(result.get(key, {})) for key in ("counts", "published"))
        # Earlier versions wrote 0 where no query had a match.
        complete = complete and ("error" in result or result.get("queries") != result.get("queries_without_match", 0))
    except OSError as error:
        raise CdnetError(f"{path} could not be read: {error.strerror or error}") from error
    except (ValueError, TypeError, OverflowError):
        complete = False
    if not complete:
        raise CdnetError(f"{path}: not a row's result; move it away to have the row evaluated anew")
    return result


def _is_figure(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < math.inf


def _are_counts(value: object) -> bool:
    return isinstance(value, dict) and all(type(count) is int and count >= 0 for count in value.values())


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


def _start(init: str) -> dict[str, Any]:
    return {"start": describe_start(init), "start_digest": _file_digest(init)}


def _file_digest(init: str) -> str | None:
    with suppress(CdnetError, OSError), find_weights(init).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]
    return None


def _finish(row: Row, folder: Path, figures: dict[str, Any]) -> dict[str, Any]:
    found = _data(row.recipe)
    lines = read_log(folder)
    for line in lines:
        refuse_lacking(line, ("seconds", "images_per_second"), str(folder / LOG))
    seconds = sum(line["seconds"] for line in lines)
    lost = missing_epochs(lines, row.recipe.schedule.epochs)
    if lost:
        log.warning(f"{folder / LOG} has no lines of {say_epochs(lost)}, so that the minutes are not known")
    data = figures.pop("data")
    result = (
        {"name": row.name, "seed": row.recipe.seed}
        | figures
        | {
            "epochs": row.recipe.schedule.epochs,
            "minutes": None if lost else round(seconds / 60, 2),
            "images_per_second": seconds and round(sum(x["images_per_second"] * x["seconds"] for x in lines) / seconds),
            "data": data,
            "source": found[1] if found is not None else None,
            "hardware": _hardware(),
            "version": cdnet.__version__,
            "date": date.today().isoformat(),
        }
    )
    write_text(folder / RESULT, json.dumps(result, indent=1, allow_nan=False) + "\n")
    return result


def _hardware() -> str:
    if torch.cuda.is_available():
        return f"{torch.cuda.get_device_name()}, torch {torch.__version__}"
    return f"{torch.get_num_threads()} thread(s) of {platform.machine()}, torch {torch.__version__}"

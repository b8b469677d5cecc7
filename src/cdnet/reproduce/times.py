"""The times of a table's rows: measured side by side on the machine at hand, and kept in a folder's ``times``."""

from __future__ import annotations

import json
import math
import os
import platform
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import torch
from filelock import FileLock, Timeout

import cdnet
from cdnet.bench.search import SEARCH_BATCH, time_search
from cdnet.bench.table_12 import BATCH, time_inference
from cdnet.data.layout import read_data
from cdnet.device import choose_device
from cdnet.errors import CdnetError
from cdnet.evaluate.evaluation import read_test_pictures
from cdnet.files import saying_what_failed, sweep, write_text
from cdnet.json_file import read_json
from cdnet.model_input import parse_size
from cdnet.nn.model import create_model
from cdnet.progress import notes, shown
from cdnet.reproduce.runner import Job
from cdnet.search.space import SPACES
from cdnet.train.recipe import TrainRecipe

log = notes(__name__)

FOLDER = "times"
ROUNDS = 5
"""As the paper's."""

PICTURES = 19_281
"""Queries and gallery pictures of Market-1501, junk left out."""

MAX_BYTES = 4 * 2**20
"""Of a file of times; one has some 3,000."""

ALL = "all"
"""By which the time of all branches is kept, with the space."""

Seconds = Mapping[str, Sequence[float]]


@dataclass(frozen=True)
class Times:
    """What was measured for a table's rows.

    Args:
        rows: each row's figures, of every round; besides rows, ``all CS`` and ``all CDS``.
        how: the conditions in words.
    """

    rows: Mapping[str, Seconds]
    how: str

    def of(self, job: Job) -> Seconds:
        """Return the figures of a row, or nothing."""
        return self.rows.get(job.row.name, {})

    def remarks(self, job: Job) -> list[str]:
        """Return what is to be said of a row's times."""
        if job.row.name not in self.rows:
            return []
        said = [self.how]
        if job.row.search is not None and (whole := self.rows.get(f"{ALL} {job.row.search.space}")) is not None:
            pairs = list(zip(whole["search_ms"], self.rows[job.row.name]["search_ms"], strict=True))
            every, ratio = (
                statistics.median(all_ for all_, _ in pairs),
                statistics.median(all_ / own for all_, own in pairs),
            )
            said.append(f"all branches of {job.row.search.space} take {every:.1f} ms, {ratio:.1f} times as long")
        return said


def times_path(out: Path, name: str) -> Path:
    """Return where the times of a table are kept, by its name with ``-small`` at small scale."""
    return out / FOLDER / f"{name}.json"


def read_times(out: Path | None, name: str) -> Times | None:
    """Return the times that a folder keeps of a table, or None.

    Raises:
        CdnetError: if they cannot be read.
    """
    path = None if out is None else times_path(out, name)
    if path is None or not path.is_file():
        return None
    try:
        found = read_json(path, MAX_BYTES)
        rows = {
            str(row): {str(figure): [float(value) for value in values] for figure, values in figures.items()}
            for row, figures in found["rows"].items()
        }
        if not all(values for figures in rows.values() for values in figures.values()):
            raise ValueError
        if not all(
            math.isfinite(value) for figures in rows.values() for values in figures.values() for value in values
        ):
            raise ValueError
        return Times(rows, str(found["how"]))
    except OSError as error:
        raise CdnetError(f"{path} could not be read: {error.strerror or error}") from error
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError):
        raise CdnetError(f"{path}: not a table's times; move it away to have them measured anew") from None


def measure(jobs: Iterable[Job], out: Path, name: str, rounds: int, device: str) -> None:
    """Measure the times of all rows that have one, in turns, and keep them; whatever was kept before is replaced.

    Nothing is measured while another process measures in the same folder, for each would disturb the other.

    Args:
        jobs: rows of one table, each with its recipe.
        out: folder of the tables.
        name: of the table, with ``-small`` at small scale.
        rounds: at least 1.
        device: auto, cpu or cuda.

    Raises:
        CdnetError: if the pictures cannot be read, or the times not be written.
    """
    path = times_path(out, name)
    with saying_what_failed(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(path.parent / ".lock", blocking=False):
            sweep(path.parent, [path.name])
            chosen, load = choose_device(device), _load()
            log.info(f"timing {name}, {rounds} rounds in turns")
            rows, how = _measure([job for job in jobs if job.recipe is not None], rounds, chosen)
            how = f"{how}; median and range of {rounds} rounds in turns, {_machine(chosen)}, {date.today()}{load}"
            kept = {"rows": rows, "how": how, "version": cdnet.__version__}
            write_text(path, json.dumps(kept, indent=1) + "\n")
    except Timeout:
        log.warning(f"times are being measured in {path.parent} by another process")


def _measure(
    jobs: Sequence[Job], rounds: int, device: torch.device
) -> tuple[dict[str, dict[str, Sequence[float]]], str]:
    searched = [job for job in jobs if job.row.search is not None]
    return _searches(searched, rounds, device) if searched else _inference(jobs, rounds, device)


def _searches(
    jobs: Sequence[Job], rounds: int, device: torch.device
) -> tuple[dict[str, dict[str, Sequence[float]]], str]:
    rows: dict[str, dict[str, Sequence[float]]] = {}
    first = jobs[0].recipe
    assert first is not None
    for name, space in SPACES.items():
        own = {job.row.search.k: job for job in jobs if job.row.search is not None and job.row.search.space == name}
        if own:
            every = len(space.candidates)
            found = time_search(space, [*own, every], first.width, parse_size(first.size), rounds, device.type)
            rows |= {job.row.name: {"search_ms": found[k]} for k, job in own.items()}
            rows[f"{ALL} {name}"] = {"search_ms": found[every]}
    how = f"search timed by a step forward and backward of {SEARCH_BATCH} pictures, width {first.width:g}, {first.size}"
    return rows, how


def _inference(
    jobs: Sequence[Job], rounds: int, device: torch.device
) -> tuple[dict[str, dict[str, Sequence[float]]], str]:
    recipes = {job.row.name: job.recipe for job in jobs if isinstance(job.recipe, TrainRecipe)}
    first = next(iter(recipes.values()))
    assert first.data.root is not None
    data = read_data(first.data.root, first.data.layout, first.data.holdout)
    pictures = read_test_pictures(data, parse_size(first.size), first.data.cache, shown)
    models = {
        name: create_model(recipe.genotype, recipe.width, recipe.neck, recipe.stripes).to(device).eval()
        for name, recipe in recipes.items()
    }
    for model in models.values():
        model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    found = time_inference(models, pictures, rounds, shown)
    rows: dict[str, dict[str, Sequence[float]]] = {
        name: {
            "seconds": [sum(pair) for pair in zip(times.features, times.ranking, strict=True)],
            "features_s": times.features,
            "ranking_s": times.ranking,
        }
        for name, times in found.items()
    }
    number = len(pictures.query) + len(pictures.gallery)
    other = "" if number == PICTURES else f" instead of {PICTURES:,}"
    how = (
        f"timed with fresh weights on {number:,} pictures{other} of {data.name} at {first.size} in batches of {BATCH}, "
        f"{len(pictures.query):,} queries ranked on the CPU"
    )
    return rows, how


def _machine(device: torch.device) -> str:
    if device.type == "cuda":
        return f"{torch.cuda.get_device_name()}, torch {torch.__version__}"
    return f"{torch.get_num_threads()} thread(s) of {platform.machine()}, torch {torch.__version__}"


def _load() -> str:
    # Without load averages, as on Windows, nothing is known of other work.
    found = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    return "" if found is None else f", load average {found:.1f} before"

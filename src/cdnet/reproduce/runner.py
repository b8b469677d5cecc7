"""Running a table's rows: data that are there, runs that are finished, and the rest trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from cdnet.classify.recipe import ClassifyRecipe
from cdnet.data.class_layout import read_class_data
from cdnet.data.layout import ARCHIVES, SOURCES, read_data
from cdnet.errors import CdnetError
from cdnet.reproduce.paper import PaperRow, Protocol
from cdnet.tables.classification import classify_and_test
from cdnet.tables.row import Row, read_result, run_rows, train_and_evaluate
from cdnet.train.recipe import TrainRecipe

RUNS = "runs"
"""Folder of all runs: a run that several tables share is trained once."""

NOT_RUN = "not run"
NO_DATA = "not run, no data"
ELSEWHERE = "at work in another process"


@dataclass
class Job:
    """A row of a table with what is known of its run.

    Args:
        row: of the table.
        folder: of its run, among the runs.
        recipe: of its run, or None if the row is counted alone.
        marks: what makes its figures other than the paper's.
        why: why figures are missing, empty if none are.
        results: of its seeds.
    """

    row: PaperRow
    folder: str = ""
    recipe: TrainRecipe | ClassifyRecipe | None = None
    marks: tuple[str, ...] = ()
    why: str = NOT_RUN
    results: list[Mapping[str, Any]] = field(default_factory=list)

    def seeded(self, seeds: Sequence[int]) -> list[Row]:
        """Return the row with each seed, for the row engine."""
        return [] if self.recipe is None else [Row(self.folder, replace(self.recipe, seed=seed)) for seed in seeds]


def collect(jobs: Sequence[Job], seeds: Sequence[int], out: Path) -> None:
    """Give each job the results that are finished in ``out``, and train nothing."""
    for job in jobs:
        found = [read_result(row, row.folder(out / RUNS)) for row in job.seeded(seeds)]
        job.results = [result for result in found if result is not None]
        if job.recipe is not None:
            job.why = "" if len(job.results) == len(seeds) else NOT_RUN


def run_jobs(jobs: Sequence[Job], seeds: Sequence[int], out: Path) -> None:
    """Train and evaluate what is not finished, and give each job its results.

    Jobs without a recipe or without data are left alone. Seed by seed, so
    that a table that is cut short has all its rows as far as it came.

    Raises:
        CdnetError: if a run's folder holds another recipe's, or training or evaluating fails.
        StoppedError: if it was stopped; the same call goes on from there.
    """
    for kind, work in ((TrainRecipe, train_and_evaluate), (ClassifyRecipe, classify_and_test)):
        chosen = [job for job in jobs if isinstance(job.recipe, kind) and job.why != NO_DATA]
        rows = [row for seed in seeds for job in chosen for row in job.seeded([seed])]
        results = run_rows(rows, out / RUNS, work)
        for place, job in enumerate(chosen):
            found = results[place :: len(chosen)]
            job.results = [result for result in found if result is not None]
            job.why = ELSEWHERE if None in found else ""


def missing_data(protocol: Protocol, recipe: TrainRecipe | ClassifyRecipe) -> str:
    """Return why a protocol's pictures cannot be read, where they were looked for and where to get them, or nothing."""
    root = recipe.data.root
    source = protocol.source or SOURCES[protocol.name]
    if root is None:
        return f"{protocol.title} is needed: name its folder with --data.root; {source}"
    try:
        if isinstance(recipe, ClassifyRecipe):
            read_class_data(root)
        else:
            read_data(root, recipe.data.layout, recipe.data.holdout)
    except CdnetError as error:
        places = [str(root), *(str(root / name) for name in ARCHIVES.get(protocol.name, ()))]
        said = str(error).removesuffix(source).rstrip("; ")
        return f"{protocol.title} was looked for in {' and '.join(places)}: {said}; {source}"
    return ""

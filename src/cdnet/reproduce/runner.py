"""Running a table's rows: data that are there, runs that are finished, and the rest trained."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

from cdnet.classify.recipe import ClassifyRecipe, check_classify
from cdnet.data.class_layout import find_class_data
from cdnet.data.layout import ARCHIVES, SOURCES, read_data
from cdnet.data.pictures import SPLITS
from cdnet.errors import CdnetError
from cdnet.genotype import shipped_genotypes
from cdnet.nn.baselines import BASELINES
from cdnet.reproduce.paper import DataSet, PaperRow, Protocol
from cdnet.tables.classification import classify_and_test
from cdnet.tables.result import Result
from cdnet.tables.row import Row, read_result, run_rows, train_and_evaluate
from cdnet.train.recipe import TrainRecipe, check_recipe
from cdnet.weights import find_weights, shipped_weights

Recipe = TrainRecipe | ClassifyRecipe

RUNS = "runs"
"""Folder of all runs: a run that several tables share is trained once."""

NOT_RUN = "not run"
NO_DATA = "not run, no data"
ELSEWHERE = "at work in another process"
FAILED = "failed"


@dataclass
class Job:
    """A row of a table with what is known of its run.

    Args:
        row: of the table.
        folder: of its run, among the runs.
        recipe: of its run, or None if the row is counted alone.
        paper: the recipe of the same run at the paper's settings.
        marks: what makes its figures other than the paper's.
        from_scratch: whether it is trained from scratch in place of a pre-trained one.
        start: which trained weights it starts from, if any.
        changed: what its recipe changes of the table's, as ``KEY=VALUE``.
        why: why figures are missing, where they are.
        pictures: how many each split of its data set has, where its layout does not tell.
        results: of its seeds.
        failures: what went wrong, by seed.
    """

    row: PaperRow
    folder: str = ""
    recipe: Recipe | None = None
    paper: Recipe | None = None
    marks: tuple[str, ...] = ()
    from_scratch: bool = False
    start: str = ""
    changed: tuple[str, ...] = ()
    why: str = NOT_RUN
    pictures: Mapping[str, int] = field(default_factory=dict)
    results: list[Result] = field(default_factory=list)
    failures: dict[int, str] = field(default_factory=dict)

    def seeded(self, seeds: Iterable[int]) -> list[Row]:
        """Return the row with each seed, for the row engine."""
        return [] if self.recipe is None else [Row(self.folder, replace(self.recipe, seed=seed)) for seed in seeds]

    @property
    def remarks(self) -> list[str]:
        """What is to be said of the row: its marks, what its pictures are, what is changed, and what went wrong."""
        changed = [f"changed: {', '.join(self.changed)}"] if self.changed else []
        failed = [f"seed {seed} failed: {reason}" for seed, reason in self.failures.items()]
        pictures = dict.fromkeys(said for result in self.results for said in self._on(result))
        # What a run started from it has noted itself; the weights that lie there now may be others.
        starts = dict.fromkeys(result.get("start", self.start) for result in self.results) or [self.start]
        return [*self.marks, *filter(None, starts), *pictures, *changed, *failed]

    def _on(self, result: Result) -> list[str]:
        assert self.row.run is not None
        name, title = result["data"], self.row.run.protocol.data["paper"].title
        # Of MSMT17 there are two editions, which are not to be compared.
        said = [f"on {name}"] if name.startswith(title) and name != title else []
        expected = result.get("published") or self.pictures
        counts = {split: (result.get("counts", expected).get(split, 0), number) for split, number in expected.items()}
        differing = [f"{split} {n:,} instead of {number:,}" for split, (n, number) in counts.items() if n != number]
        return [*said, *([f"not the published pictures: {', '.join(differing)}"] if differing else [])]


def settled(recipe: Recipe, classes: int | None) -> Recipe:
    """Return a recipe that names its files from the root on, wherever the next call comes from.

    Args:
        recipe: of a row.
        classes: how many its pictures have; the data set with so many is looked for in the root. None leaves the root.
    """
    if recipe.genotype not in (*shipped_genotypes(), *BASELINES):
        recipe = replace(recipe, genotype=os.path.abspath(recipe.genotype))
    if isinstance(recipe, TrainRecipe):
        if recipe.init is not None and recipe.init not in shipped_weights():
            recipe = replace(recipe, init=os.path.abspath(recipe.init))
    elif recipe.data.root is not None and classes is not None:
        with suppress(CdnetError):  # what is not there is said where it is needed
            recipe = replace(recipe, data=replace(recipe.data, root=_class_root(recipe.data.root, classes)))
    return recipe


@cache
def _class_root(root: Path, classes: int) -> Path:
    return find_class_data(root, classes).root


def check_recipes(jobs: Iterable[Job]) -> None:
    """See that no row's recipe holds what makes no sense, before the first of them is begun.

    Raises:
        CdnetError: with the first such key.
    """
    for job in jobs:
        if isinstance(job.recipe, TrainRecipe):
            check_recipe(job.recipe)
        elif isinstance(job.recipe, ClassifyRecipe):
            check_classify(job.recipe)


def find_starts(jobs: Iterable[Job], seeds: Sequence[int]) -> None:
    """See that the weights that unfinished rows start from are there.

    Raises:
        CdnetError: if some are not.
    """
    for job in jobs:
        unfinished = job.why != NO_DATA and len(job.results) < len(seeds)
        if unfinished and isinstance(job.recipe, TrainRecipe) and job.recipe.init is not None:
            find_weights(job.recipe.init)


def collect(jobs: Iterable[Job], seeds: Iterable[int], out: Path) -> None:
    """Give each job the results that are finished in ``out``, and train nothing.

    Raises:
        CdnetError: if a run's folder holds another recipe's, or a result cannot be read.
    """
    for job in jobs:
        found = [read_result(row, row.folder(out / RUNS)) for row in job.seeded(seeds)]
        job.results = [result for result in found if result is not None]


def run_jobs(jobs: Sequence[Job], seeds: Sequence[int], out: Path) -> None:
    """Train and evaluate what is not finished, and give each job its results.

    Jobs without a recipe or without data are left alone. Seed by seed, so that a table that is cut short has all its
    rows as far as it came. A row that fails has its reason in ``failures``, and the others go on.

    Raises:
        CdnetError: if a run's folder holds another recipe's, or cannot be written.
        StoppedError: if it was stopped; the same call goes on from there.
    """
    for kind, work in ((TrainRecipe, train_and_evaluate), (ClassifyRecipe, classify_and_test)):
        chosen = [job for job in jobs if isinstance(job.recipe, kind) and job.why != NO_DATA]
        rows = [row for seed in seeds for job in chosen for row in job.seeded([seed])]
        failures: dict[Path, str] = {}
        found = run_rows(rows, out / RUNS, work, failures)
        results = {row.folder(out / RUNS): result for row, result in zip(rows, found, strict=True)}
        for job in chosen:
            folders = {row.recipe.seed: row.folder(out / RUNS) for row in job.seeded(seeds)}
            job.results = [result for folder in folders.values() if (result := results[folder]) is not None]
            job.failures = {seed: failures[folder] for seed, folder in folders.items() if folder in failures}
            job.why = FAILED if job.failures else ELSEWHERE


def missing_data(protocol: Protocol, data: DataSet, recipe: Recipe) -> str:
    """Return why a data set cannot be read whole, where it was looked for and where to get it, or nothing."""
    root = recipe.data.root
    source = protocol.source or SOURCES[protocol.name]
    if root is None:
        return f"{data.title} is needed: name its folder with --data.root; {source}"
    try:
        if isinstance(recipe, ClassifyRecipe):
            assert data.classes is not None
            find_class_data(root, data.classes)
        else:
            found = read_data(root, recipe.data.layout, recipe.data.holdout)
            for split in SPLITS:
                found.require(split)
    except CdnetError as error:
        places = [str(root), *(str(root / name) for name in ARCHIVES.get(protocol.name, ()))]
        said = str(error).removesuffix(source).rstrip("; ")
        return f"{data.title} was looked for in {' and '.join(places)}: {said}; {source}"
    return ""

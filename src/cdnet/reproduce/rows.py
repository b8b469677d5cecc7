"""The rows of a table: each as it is asked for, and as it stands finished in a folder."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path

from cdnet.classify.recipe import ClassifyRecipe
from cdnet.engine.folder import RECIPE, changes, older_settings
from cdnet.errors import CdnetError
from cdnet.progress import notes
from cdnet.reproduce.comparison import compare_row
from cdnet.reproduce.counting import RowNetwork, count_row
from cdnet.reproduce.paper import Paper, PaperRow, PaperRun, PaperTable, Scale, read_paper
from cdnet.reproduce.plan import NOT_COMPARABLE, Plan, Setting, describe_scale, plan_run
from cdnet.reproduce.report import ComparedTable
from cdnet.reproduce.request import Request
from cdnet.reproduce.runner import RUNS, Job, Recipe, settled
from cdnet.reproduce.times import read_times
from cdnet.settings.recipes import read_recipe
from cdnet.tables.result import kept_result
from cdnet.tables.row import describe_start
from cdnet.train.recipe import TrainRecipe

log = notes(__name__)

UNKNOWN_START = "starts from weights that it has not noted"


def plan_job(row: PaperRow, request: Request, setting: Setting) -> Job:
    """Return a row with the recipe of its run, if it has one, and what makes it other than the paper's.

    Args:
        row: of a table.
        request: on which pictures and device.
        setting: how it is run.
    """
    if row.run is None:
        small = setting.scale == "small" and row.network is not None and "params" in row.paper
        return Job(row, marks=("counted at its full size",) if small else ())
    plan = plan_run(row.run, setting)
    if plan.refusal:
        return Job(row, marks=(plan.refusal,), why="not at small scale")
    paths = {"data.root": request.root, "data.cache": request.cache}
    own = {"device": request.device} | {key: path for key, path in paths.items() if path is not None}
    recipe = settled(_recipe(plan, own), row.run.protocol.data[setting.scale].classes)
    plain = _recipe(plan_run(row.run, replace(setting, changes=())), own) if setting.changes else recipe
    init = getattr(recipe, "init", None)
    return _job(row, setting.scale, plan, recipe, plain, "" if init is None else describe_start(init))


def times_name(table: PaperTable, scale: Scale) -> str:
    """Return the name by which a table's times are kept in a folder."""
    return table.name if scale == "paper" else f"{table.name}-{scale}"


def compare_jobs(table: PaperTable, jobs: Sequence[Job], scale: Scale, out: Path | None) -> ComparedTable:
    """Put what is known of the rows beside the paper's figures, with the times that ``out`` keeps."""
    times = None
    if table.timed:
        times = read_times(out, times_name(table, scale))
    rows = []
    for job in jobs:
        network = job.row.network if job.recipe is None else asdict(job.recipe)
        counted = {} if network is None else count_row(job.row, RowNetwork.of(network))
        full_size = scale == "paper" and not job.changed
        timed, how = ({}, []) if times is None else (times.of(job), times.remarks(job))
        said = [*job.remarks, *how]
        row = compare_row(job.row, table.figures, counted, job.results, said, job.why, full_size, timed)
        rows.append(replace(row, from_scratch=job.from_scratch))
    finished = [job for job in jobs if job.results] or jobs
    if scale == "small" and table.runs:
        trained = [
            (job.row.run, job.recipe, job.paper)
            for job in finished
            if job.row.run is not None and job.recipe is not None and job.paper is not None
        ]
        return ComparedTable(table, rows, describe_scale(trained), small=True)
    changed = f"trained by changed settings, see the remarks; {NOT_COMPARABLE}"
    return ComparedTable(table, rows, changed if any(job.changed for job in finished) else "")


def gather_table(table: PaperTable, request: Request, setting: Setting, jobs: Iterable[Job] = ()) -> ComparedTable:
    """Return a table with all that is finished of it in the folder of a request, by whatever settings and seeds.

    Args:
        table: with all its rows.
        request: how the table is reproduced.
        setting: how a row is run of which nothing is finished.
        jobs: what is known already of some of the rows.
    """
    known = {job.row.name: job for job in jobs}
    rows: list[Job] = []
    for row in table.rows:
        finished = _finished(row, request.folder, setting.scale)
        asked = known.get(row.name)
        if asked is not None and asked.failures:
            same = next((job for job in finished if job.marks == asked.marks and job.changed == asked.changed), None)
            if same is None:
                finished.append(asked)
            else:
                same.failures = asked.failures
        rows += finished or [asked or plan_job(row, request, Setting(setting.scale))]
    return compare_jobs(table, rows, setting.scale, request.folder)


def gather_others(paper: Paper, whole: ComparedTable, request: Request) -> list[ComparedTable]:
    """Return a table among all others of which something is finished in the same folder, at either scale."""
    setting, tables = request.setting, []
    for table in paper.tables.values():
        for scale in (replace(setting, scale="paper"), replace(setting, scale="small")):
            if table.name == whole.table.name and (scale == setting or not table.runs):
                tables += [] if whole in tables else [whole]
            elif any(_begun(run, request.folder, scale.scale) for run in table.runs):
                found = gather_table(table, request, scale)
                tables += [found] if found.trained else []
    return tables


def _begun(run: PaperRun, out: Path, scale: Scale) -> bool:
    # Another row's run that stands in for a pre-trained one begins no table.
    folders = [plan.folder for plan in _plans(run, scale) if plan.folder.startswith(run.name)]
    return any((out / RUNS / folder).is_dir() for folder in folders)


def _finished(row: PaperRow, out: Path, scale: Scale) -> list[Job]:
    """Return what is finished of a row, by whatever settings and on whatever: a job for all seeds that are alike."""
    jobs: dict[tuple[tuple[str, ...], str, str], Job] = {}
    for plan in _plans(row.run, scale) if row.run is not None else []:
        folders = sorted((out / RUNS / plan.folder).glob("seed-*"))
        if not folders:
            continue
        plain = _recipe(plan)
        for folder in folders:
            try:
                result = kept_result(folder)
                if result is None:
                    continue
                recipe = read_recipe(_recipe_type(plan), folder / RECIPE, older_settings(folder), "reproduce")
            except CdnetError as error:
                _say_left_out(str(error))
                continue
            start = result.get("start", UNKNOWN_START if getattr(recipe, "init", None) else "")
            job = _job(row, scale, plan, recipe, plain, start)
            alike = (
                (*job.marks, job.start, *job.changed),
                str(result.get("start_digest")),
                f"{result['data']} {result['source']}",
            )
            for same, other in ((2, "on other pictures"), (1, "starts from other weights")):
                if any(key[:same] == alike[:same] and key[same] != alike[same] for key in jobs):
                    job.marks += (f"{other} than the line above",)
                    break
            jobs.setdefault(alike, job).results.append(result)
    return list(jobs.values())


@cache
def _say_left_out(problem: str) -> None:
    # Once, however many tables the row stands in.
    log.warning(f"a row is left out, for {problem}")


def _plans(run: PaperRun, scale: Scale) -> list[Plan]:
    """Return what a run may have been started with: a pre-trained one from weights, or from scratch."""
    starts = ["given", None] if run.pretrained else [None]
    return [plan for init in starts if not (plan := plan_run(run, Setting(scale, init))).refusal]


def _job(row: PaperRow, scale: Scale, plan: Plan, recipe: Recipe, plain: Recipe, start: str) -> Job:
    """Return a row with its recipe, what it starts from, and what it changes of the plain one of its table."""
    assert row.run is not None
    changed = {key: value for key, value in changes(recipe, plain).items() if key not in ("seed", "init")}
    classes = row.run.protocol.data[scale].classes
    paper = plain if scale == "paper" else _paper_recipe(row.run.name, getattr(recipe, "init", None) is not None)
    return Job(
        row if classes is None or row.identities is None else replace(row, identities=classes),
        plan.folder,
        recipe,
        paper,
        marks=plan.marks,
        start=start,
        from_scratch=plan.from_scratch,
        changed=tuple(f"{key}={value}" for key, value in changed.items()),
        pictures=row.run.protocol.data[scale].pictures,
    )


@cache
def _paper_recipe(run_name: str, pretrained: bool) -> Recipe:
    """Return the recipe of a run at the paper's settings, from trained weights or from scratch."""
    return _recipe(plan_run(read_paper().runs[run_name], Setting(init="given" if pretrained else None)))


def _recipe(plan: Plan, changes: Mapping[str, object] | None = None) -> Recipe:
    """Return the recipe of a plan, with more changes of it."""
    return read_recipe(_recipe_type(plan), plan.recipe, {**plan.options, **(changes or {})}, "reproduce")


def _recipe_type(plan: Plan) -> type[Recipe]:
    return ClassifyRecipe if plan.command == "classify" else TrainRecipe

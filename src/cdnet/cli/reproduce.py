"""``cdnet reproduce``: the paper's tables, row by row, with its figures beside ours."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cdnet.cli.arguments import UsageError, parser, read_table
from cdnet.errors import CdnetError
from cdnet.reproduce.paper import Paper, PaperFigure, PaperRow, PaperTable, Protocol, read_paper
from cdnet.reproduce.plan import Plan, Setting, commands, costs, describe_scale, plan_run

if TYPE_CHECKING:
    from cdnet.classify.recipe import ClassifyRecipe
    from cdnet.reproduce.report import ComparedTable
    from cdnet.reproduce.runner import Job
    from cdnet.train.recipe import TrainRecipe

DESCRIPTION = (
    "Without an argument, list the paper's tables and figures with what each costs. With a table, count what its "
    "networks alone decide, train its rows where --data.root and --out are given, and print the paper's figures "
    "beside ours. Finished rows are kept, interrupted ones go on, and several processes share the rows of one --out."
)


def main(words: list[str]) -> None:
    """List the paper's tables and figures, or run one."""
    options = _read(words)
    paper = read_paper()
    if options.what is None:
        print(describe(paper))
        return
    found = paper.find(options.what)
    if isinstance(found, PaperFigure):
        print(describe_figure(found, options))
        return
    setting = Setting(options.scale, options.init, tuple(options.set))
    table = found.only(options.only) if options.only else found
    if options.print_commands:
        for command in _commands(table, options, setting):
            print(shlex.join(command))
        return
    _run(paper, table, options, setting)


def describe(paper: Paper) -> str:
    """Return the list of the tables and figures: what each shows, takes and costs, and its command."""
    small = Setting("small")
    lines = [
        "Costs are with one seed; the paper does not say how long its training took. Tables share runs: with one",
        "--out, each is trained once. --scale small runs the same rows on two CPU cores.",
        "",
    ]
    for table in paper.tables.values():
        lines.append(f"{table.name}  {table.title}")
        if table.runs:
            lines.append(f"    {costs(table, Setting())}; small scale: {costs(table, small)}")
            lines.append(f"    cdnet reproduce {table.name} --data.root DIR --out DIR")
        else:
            lines += ["    no data, no training", f"    cdnet reproduce {table.name}"]
    for figure in paper.figures.values():
        lines.append(f"{figure.name}  {figure.title}")
        lines.append(f"    needs {' and '.join(figure.runs)} of {figure.table}")
        lines.append(f"    {_figure_command(figure, 'DIR', 'OUT')}")
    return "\n".join(lines)


def describe_figure(figure: PaperFigure, options: Any) -> str:
    """Say which commands make a figure, with the folders that were given."""
    root, out = (str(given) if given else word for given, word in ((options.data.root, "DIR"), (options.out, "OUT")))
    rows = " ".join(figure.runs)
    train = f"cdnet reproduce {figure.table} --only {rows} --data.root {shlex.quote(root)} --out {shlex.quote(out)}"
    small = options.scale == "small"
    drawn = _figure_command(figure, shlex.quote(root), shlex.quote(out), options.seeds[0], small)
    title = f"{figure.name.replace('-', ' ').capitalize()}: {figure.title}"
    return f"{title}\n1. train {rows}:  {train}{' --scale small' if small else ''}\n2. draw:  {drawn}"


def _figure_command(figure: PaperFigure, data: str, out: str, seed: int = 0, small: bool = False) -> str:
    folders = [f"{name}-small" if small else name for name in figure.runs]
    runs = " ".join(f"{out}/runs/{folder}/seed-{seed}" for folder in folders)
    return figure.command.format(runs=runs, data=data, out=out)


def _read(words: list[str]) -> Any:
    made = parser("reproduce", DESCRIPTION)
    made.add_argument("what", nargs="?", help="table-1 to table-12, figure-6, figure-7 or figure-8")
    made.add_argument("--data.root", type=Path, help="folder of the data set, or a folder that holds several")
    made.add_argument("--data.cache", type=Path, help="folder for decoded pictures; by default ~/.cache/cdnet")
    made.add_argument("--out", type=Path, help="folder for runs, tables and report.html; several tables share it")
    made.add_argument("--only", nargs="+", default=[], metavar="ROW", help="some rows; a wrong name lists them")
    made.add_argument("--seeds", type=int, nargs="+", default=[0], metavar="SEED", help="every row is run with each")
    made.add_argument("--scale", choices=("paper", "small"), default="paper", help="small: for two CPU cores")
    made.add_argument(
        "--init",
        help="weights that pre-trained rows start from, such as runs/imagenet-{genotype}-{width}; without it they are "
        "trained from scratch, and say so",
    )
    made.add_argument(
        "--set", nargs="+", default=[], metavar="KEY=VALUE", help="keys of every row's recipe; the rows say so"
    )
    made.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    made.add_argument("--print-commands", action="store_true", help="print one command a row and seed, and run none")
    options = made.parse_args(words)
    if min(options.seeds) < 0 or len(set(options.seeds)) < len(options.seeds):
        raise UsageError("--seeds: no seed below 0, and none twice")
    return options


def _commands(table: PaperTable, options: Any, setting: Setting) -> list[list[str]]:
    if options.out is None or options.data.root is None:
        raise UsageError("--print-commands needs --data.root and --out, which stand in every command")
    if not table.runs:
        raise UsageError(f"{table.name} has no rows to train")
    device = None if options.device == "auto" else options.device
    cache = None if options.data.cache is None else str(options.data.cache)
    paths = {"data.root": str(options.data.root), "data.cache": cache, "out": str(options.out), "device": device}
    return commands(table, options.seeds, setting, paths)


def _run(paper: Paper, table: PaperTable, options: Any, setting: Setting) -> None:
    from cdnet.reproduce.report import PAGE, as_text, csv_name, write_page, write_table
    from cdnet.reproduce.runner import collect, run_jobs
    from cdnet.train.loop import StoppedError

    out: Path | None = options.out
    if table.runs and options.data.root is not None and out is None:
        raise UsageError("no folder for the runs; give one with --out")
    jobs = [_job(row, options, setting) for row in table.rows]
    notes: list[str] = []
    if out is not None:
        collect(jobs, options.seeds, out)
    if any(job.recipe is not None and len(job.results) < len(options.seeds) for job in jobs):
        notes = _leave_out_missing(jobs, len(options.seeds), options.data.root is not None)
        if out is not None and options.data.root is not None:
            try:
                run_jobs(jobs, options.seeds, out)
            except StoppedError as stopped:
                where = str(stopped).partition(";")[0]
                raise KeyboardInterrupt(f"{where}; the same command goes on from there") from None
    compared = _compare(table, jobs, setting)
    print("\n".join([as_text(compared), *notes]))
    if out is not None:
        write_table(out / csv_name(compared), compared)
        write_page(out / PAGE, _with_others(paper, compared, options, setting))
        print(f"report: {out / PAGE}")


def _job(row: PaperRow, options: Any, setting: Setting) -> Job:
    from cdnet.reproduce.runner import Job

    if row.run is None:
        small = setting.scale == "small" and row.network is not None and "params" in row.paper
        return Job(row, marks=("counted at its full size",) if small else ())
    plan = plan_run(row.run, setting)
    if plan.refusal:
        return Job(row, marks=(plan.refusal,), why="not at small scale")
    recipe = _recipe(plan, row.run.protocol, options)
    return Job(row, plan.folder, recipe, plan.marks)


def _recipe(plan: Plan, protocol: Protocol, options: Any) -> TrainRecipe | ClassifyRecipe:
    from cdnet.classify.recipe import ClassifyRecipe
    from cdnet.train.recipe import TrainRecipe

    words = ["--config", plan.recipe, "--out", ".", "--device", options.device]
    words += [f"--{key}={value}" for key, value in plan.options.items()]
    for key in ("root", "cache"):
        path = getattr(options.data, key)
        words += [f"--data.{key}={path}"] if path is not None else []
    if protocol.command == "classify":
        return read_table("reproduce", DESCRIPTION, ClassifyRecipe, words)[0]
    return read_table("reproduce", DESCRIPTION, TrainRecipe, words)[0]


def _leave_out_missing(jobs: Sequence[Job], seeds: int, given: bool) -> list[str]:
    """Mark the jobs whose data are missing, and say which those are; refuse if a folder was given and has none.

    Raises:
        CdnetError: if data were given, and no unfinished row has its own there.
    """
    from cdnet.reproduce.runner import NO_DATA, missing_data

    said: dict[str, str] = {}
    unfinished = [job for job in jobs if job.recipe is not None and len(job.results) < seeds]
    for job in unfinished:
        assert job.recipe is not None
        assert job.row.run is not None
        protocol = job.row.run.protocol
        if protocol.name not in said:
            said[protocol.name] = missing_data(protocol, job.recipe)
        if said[protocol.name]:
            job.why = NO_DATA
    notes = [note for note in said.values() if note]
    if given and notes and len(notes) == len(said):
        raise CdnetError(notes[0])
    return notes


def _compare(table: PaperTable, jobs: Sequence[Job], setting: Setting) -> ComparedTable:
    from cdnet.reproduce.comparison import compare_row
    from cdnet.reproduce.counting import Network, count_row
    from cdnet.reproduce.report import ComparedTable

    rows = []
    for job in jobs:
        options = job.row.network if job.recipe is None else asdict(job.recipe)
        counted = {} if options is None else count_row(job.row, Network.of(options))
        rows.append(compare_row(job.row, table.figures, counted, job.results, job.marks, job.why))
    return ComparedTable(table, rows, describe_scale(table, setting))


def _with_others(paper: Paper, compared: ComparedTable, options: Any, setting: Setting) -> list[ComparedTable]:
    """Return a table among all others of which something is finished in the same folder, at either scale."""
    tables = []
    for table in paper.tables.values():
        for scale in (replace(setting, scale="paper"), replace(setting, scale="small")):
            asked = table.name == compared.table.name and (scale == setting or not table.runs)
            if not asked:
                found = _found(table, options, scale)
                tables += [] if found is None else [found]
            elif compared not in tables:
                tables.append(compared)
    return tables


def _found(table: PaperTable, options: Any, setting: Setting) -> ComparedTable | None:
    """Return a table with what is finished of it in the folder, or None if nothing is."""
    from cdnet.reproduce.runner import RUNS, Job, collect

    jobs = []
    for row in table.rows:
        job = Job(row)
        if row.run is not None and (options.out / RUNS / plan_run(row.run, setting).folder).is_dir():
            job = _job(row, options, setting)
            try:
                collect([job], options.seeds, options.out)
            except CdnetError:  # of another scale, or with other changes
                job = Job(row)
        jobs.append(job)
    return _compare(table, jobs, setting) if any(job.results for job in jobs) else None

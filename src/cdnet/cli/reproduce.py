"""``cdnet reproduce``: the paper's tables, row by row, with its figures beside ours."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cdnet.cli.arguments import UsageError, parser
from cdnet.cli.reproduce_rows import compare_jobs, gather_others, gather_table, plan_job, times_name
from cdnet.errors import CdnetError
from cdnet.reproduce.paper import Paper, PaperFigure, PaperTable, read_paper
from cdnet.reproduce.plan import Setting, command, commands, costs, plan_run, refuse_changes_of_rows
from cdnet.shown_text import say, say_block, shell_command

if TYPE_CHECKING:
    from cdnet.reproduce.runner import Job

DESCRIPTION = (
    "Without an argument, list the paper's tables and figures with what each costs. With a table, count what its "
    "networks alone decide, train its rows where --data.root and --out are given, and print the paper's figures "
    "beside ours. Finished rows are kept, interrupted ones go on, and several processes share the rows of one --out."
)


def main(words: list[str]) -> None:
    """List the paper's tables and figures, or run one."""
    options = _read(words)
    paper = read_paper()
    if options.what == "claims":
        from cdnet.reproduce.claims import as_markdown, read_claims

        say_block(as_markdown(read_claims(), options.results).rstrip("\n"))
        return
    if options.what is None:
        say_block(describe(paper))
        return
    setting = Setting(options.scale, options.init, tuple(options.set))
    if options.what == "recipe":
        from cdnet.cli.reproduce_recipe import run

        run(options, setting)
        return
    found = paper.find(options.what)
    if isinstance(found, PaperFigure):
        say_block(describe_figure(paper, found, options, setting))
        return
    asked = found.only(options.only) if options.only else found
    refuse_changes_of_rows(asked, setting)
    if options.print_commands:
        for line in _commands(asked, options, setting):
            say(shell_command(line))
        return
    _run(paper, found, asked, options, setting)


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
        lines.append(f"    {_figure_command(figure, figure.runs, 'DIR', 'OUT')}")
    lines += [
        "claims  What the paper claims, and what the project's measured results say of it",
        "    cdnet reproduce claims",
        "recipe  What of a recipe is worth its time, measured on a part of the training identities",
        "    cdnet reproduce recipe --scale small --data.root DIR --out DIR --set distil.teacher=FILE",
    ]
    return "\n".join(lines)


def describe_figure(paper: Paper, figure: PaperFigure, options: Any, setting: Setting) -> str:
    """Say which commands make a figure, with what was given."""
    root, out = (str(given) if given else word for given, word in ((options.data.root, "DIR"), (options.out, "OUT")))
    train = command(figure.table, figure.runs, options.seeds, setting, _paths(options, root, out))
    folders = [plan_run(paper.runs[name], setting).folder for name in figure.runs]
    drawn = _figure_command(figure, folders, shell_command([root]), shell_command([out]), options.seeds[0])
    title = f"{figure.name.replace('-', ' ').capitalize()}: {figure.title}"
    return f"{title}\n1. train {' '.join(figure.runs)}:  {shell_command(train)}\n2. draw:  {drawn}"


def _figure_command(figure: PaperFigure, folders: Sequence[str], data: str, out: str, seed: int = 0) -> str:
    runs = " ".join(f"{out}/runs/{folder}/seed-{seed}" for folder in folders)
    return figure.command.format(runs=runs, data=data, out=out)


def _read(words: list[str]) -> Any:
    made = parser("reproduce", DESCRIPTION)
    made.add_argument("what", nargs="?", help="table-1 to table-12, figure-6, figure-7, figure-8, claims, or recipe")
    made.add_argument(
        "--results",
        type=Path,
        default=Path("results"),
        help="of claims: the folder of results that they are weighed by",
    )
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
    made.add_argument(
        "--times",
        choices=("first", "only", "none"),
        default="first",
        help="of Tables 1 and 12: measured before the rows are trained, and kept; measured anew, and nothing trained; "
        "not measured",
    )
    made.add_argument("--rounds", type=int, default=5, help="timed rounds, each row once in each")
    made.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    made.add_argument("--print-commands", action="store_true", help="print one command a row and seed, and run none")
    options = made.read(words)
    split = [change.partition("=") for change in options.set]
    keys = [key.replace("-", "_") for key, _, _ in split]
    if len(set(keys)) < len(keys):
        raise UsageError(f"--set has a key twice: {', '.join(keys)}", made.prog)
    options.set = [f"{key}{sign}{value}" for key, (_, sign, value) in zip(keys, split, strict=True)]
    if min(options.seeds) < 0 or len(set(options.seeds)) < len(options.seeds):
        raise UsageError("--seeds: no seed below 0, and none twice")
    if options.times == "only" and options.out is None:
        raise UsageError("--times only needs --out, where the times are kept")
    if options.rounds < 1:
        raise UsageError("--rounds: at least 1")
    return options


def _commands(table: PaperTable, options: Any, setting: Setting) -> list[list[str]]:
    if options.out is None or options.data.root is None:
        raise UsageError("--print-commands needs --data.root and --out, which stand in every command")
    if not table.runs:
        raise UsageError(f"{table.name} has no rows to train")
    paths = _paths(options, str(options.data.root), str(options.out))
    found = commands(table, options.seeds, setting, paths)
    if not table.timed:
        return found
    # Times are measured by one command before all others, which would disturb one another.
    rows = [run.name for run in table.runs if not plan_run(run, setting).refusal]
    timing = command(table.name, rows, [options.seeds[0]], setting, paths)
    measured = [[*timing, "--times", "only", "--rounds", str(options.rounds)]] if options.times != "none" else []
    trained = [[*words, "--times", "none"] for words in found] if options.times != "only" else []
    return [*measured, *trained]


def _paths(options: Any, root: str, out: str) -> dict[str, str | None]:
    device = None if options.device == "auto" else options.device
    cache = None if options.data.cache is None else str(options.data.cache)
    return {"data.root": root, "data.cache": cache, "out": out, "device": device}


def _run(paper: Paper, table: PaperTable, asked: PaperTable, options: Any, setting: Setting) -> None:
    from cdnet.reproduce.report import PAGE, as_text
    from cdnet.reproduce.runner import collect

    out: Path | None = options.out
    if table.runs and options.data.root is not None and out is None:
        raise UsageError("no folder for the runs; give one with --out")
    jobs = [plan_job(row, options, setting) for row in asked.rows]
    if out is not None and (options.data.root is not None or options.times == "only"):
        _time(asked, jobs, options, setting)
    if out is None or options.data.root is not None:
        if out is not None:
            collect(jobs, options.seeds, out)
        unfinished = [job for job in jobs if job.recipe is not None and len(job.results) < len(options.seeds)]
        notes = _leave_out_missing(unfinished, options, setting)
        if out is not None and unfinished and options.times != "only":
            try:
                _train(jobs, options.seeds, out)
            except KeyboardInterrupt:
                _report(paper, table, jobs, options, setting)
                raise
        printed = compare_jobs(asked, jobs, setting.scale, out)
    else:  # nothing can be trained, and what is finished is shown, by whatever settings
        trained = {row.row.name for row in gather_table(asked, options, setting, jobs).trained}
        unfinished = [job for job in jobs if job.recipe is not None and job.row.name not in trained]
        notes = _leave_out_missing(unfinished, options, setting)
        printed = gather_table(asked, options, setting, jobs)
    say_block(as_text(printed))
    if notes:
        say(*notes)
    if out is not None:
        _report(paper, table, jobs, options, setting)
        say(f"report: {out / PAGE}")
    failed = [f"{job.row.name}, seed {seed}: {reason}" for job in jobs for seed, reason in job.failures.items()]
    if failed:
        tried = sum(len(job.seeded(options.seeds)) for job in jobs)
        raise CdnetError(f"{len(failed)} of {tried} rows failed, first {failed[0]}")


def _time(table: PaperTable, jobs: Sequence[Job], options: Any, setting: Setting) -> None:
    """Measure the times of a table's rows, unless ``options.times`` is none or they are kept already."""
    from cdnet.reproduce.runner import missing_data
    from cdnet.reproduce.times import measure, read_times

    if not table.timed:
        if options.times == "only":
            raise CdnetError(f"--times only: {table.name} has no times; Tables 1 and 12 have")
        return
    if options.times == "none":
        return
    name = times_name(table, setting.scale)
    kept = read_times(options.out, name)
    timed = [job for job in jobs if job.recipe is not None]
    if options.times == "first" and kept is not None and all(kept.of(job) for job in timed):
        return
    for job in timed:
        assert job.row.run is not None
        assert job.recipe is not None
        protocol = job.row.run.protocol
        missing = "" if job.row.search is not None else missing_data(protocol, protocol.data[setting.scale], job.recipe)
        if missing:
            raise CdnetError(missing)
    measure(timed, options.out, name, options.rounds, options.device)


def _report(paper: Paper, table: PaperTable, jobs: Sequence[Job], options: Any, setting: Setting) -> None:
    from cdnet.reproduce.report import PAGE, csv_name, write_page, write_table

    whole = gather_table(table, options, setting, jobs)
    write_table(options.out / csv_name(whole), whole)
    write_page(options.out / PAGE, [*paper.tables.values()], gather_others(paper, whole, options, setting))


def _train(jobs: Sequence[Job], seeds: Sequence[int], out: Path) -> None:
    from cdnet.errors import StoppedError
    from cdnet.reproduce.runner import check_recipes, find_starts, run_jobs

    check_recipes(jobs)
    find_starts(jobs, seeds)
    try:
        run_jobs(jobs, seeds, out)
    except StoppedError as stopped:
        where = str(stopped).partition(";")[0]
        raise KeyboardInterrupt(f"{where}; the same command goes on from there") from None


def _leave_out_missing(jobs: Sequence[Job], options: Any, setting: Setting) -> list[str]:
    """Mark those unfinished jobs whose data are missing, and say which; refuse if a folder was given and has none.

    Raises:
        CdnetError: if data were given, and no unfinished row has its own there.
    """
    from cdnet.reproduce.runner import NO_DATA, missing_data

    said: dict[str, str] = {}
    for job in jobs:
        assert job.row.run is not None
        assert job.recipe is not None
        protocol = job.row.run.protocol
        if protocol.name not in said:
            said[protocol.name] = missing_data(protocol, protocol.data[setting.scale], job.recipe)
        if said[protocol.name]:
            job.why = NO_DATA
    notes = [note for note in said.values() if note]
    if options.data.root is not None and notes and len(notes) == len(said):
        raise CdnetError(notes[0])
    return notes

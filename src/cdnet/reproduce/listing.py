"""What can be reproduced, what it costs, and by which commands."""

from __future__ import annotations

from collections.abc import Sequence

from cdnet.errors import UsageError
from cdnet.reproduce.paper import Paper, PaperFigure, PaperTable
from cdnet.reproduce.plan import Setting, command, commands, costs, plan_run
from cdnet.reproduce.request import Request
from cdnet.shown_text import shell_command


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


def describe_figure(paper: Paper, figure: PaperFigure, request: Request) -> str:
    """Say which commands make a figure, with what was given."""
    words = request.words()
    train = command(figure.table, figure.runs, request.seeds, request.setting, words)
    folders = [plan_run(paper.runs[name], request.setting).folder for name in figure.runs]
    root, out = (shell_command([str(words[key])]) for key in ("data.root", "out"))
    drawn = _figure_command(figure, folders, root, out, request.seeds[0])
    title = f"{figure.name.replace('-', ' ').capitalize()}: {figure.title}"
    return f"{title}\n1. train {' '.join(figure.runs)}:  {shell_command(train)}\n2. draw:  {drawn}"


def _figure_command(figure: PaperFigure, folders: Sequence[str], data: str, out: str, seed: int = 0) -> str:
    runs = " ".join(f"{out}/runs/{folder}/seed-{seed}" for folder in folders)
    return figure.command.format(runs=runs, data=data, out=out)


def one_by_one(table: PaperTable, request: Request) -> list[list[str]]:
    """Return the words of one command a row and seed that together reproduce a table; times come before all others.

    Raises:
        UsageError: if the folder of the pictures or of the runs is not named, or there is nothing to train.
    """
    if request.out is None or request.root is None:
        raise UsageError("--print-commands needs --data.root and --out, which stand in every command")
    if not table.runs:
        raise UsageError(f"{table.name} has no rows to train")
    found = commands(table, request.seeds, request.setting, request.words())
    if not table.timed:
        return found
    # Times are measured by one command before all others, which would disturb one another.
    rows = [run.name for run in table.runs if not plan_run(run, request.setting).refusal]
    timing = command(table.name, rows, [request.seeds[0]], request.setting, request.words())
    measured = [[*timing, "--times", "only", "--rounds", str(request.rounds)]] if request.times != "none" else []
    trained = [[*words, "--times", "none"] for words in found] if request.times != "only" else []
    return [*measured, *trained]

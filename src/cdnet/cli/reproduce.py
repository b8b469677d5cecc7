"""``cdnet reproduce``: the paper's tables, row by row, with its figures beside ours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cdnet.cli.arguments import UsageError, parser
from cdnet.reproduce.listing import describe, describe_figure, one_by_one
from cdnet.reproduce.paper import PaperFigure, read_paper
from cdnet.reproduce.plan import Setting, refuse_changes_of_rows
from cdnet.reproduce.request import Request
from cdnet.shown_text import say, say_block, shell_command

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
    if options.what == "recipe":
        from cdnet.cli.reproduce_recipe import run

        run(options, Setting(options.scale, options.init, tuple(options.set)))
        return
    found = paper.find(options.what)
    request = _request(options)
    if isinstance(found, PaperFigure):
        say_block(describe_figure(paper, found, request))
        return
    asked = found.only(options.only) if options.only else found
    refuse_changes_of_rows(asked, request.setting)
    if options.print_commands:
        for line in one_by_one(asked, request):
            say(shell_command(line))
        return
    from cdnet.reproduce.report import as_text
    from cdnet.reproduce.table import reproduce, write_report

    done = reproduce(paper, found, asked, request)
    say_block(as_text(done.compared))
    if done.notes:
        say(*done.notes)
    if request.out is not None:
        say(f"report: {write_report(paper, found, done.jobs, request)}")
    done.refuse_failures()


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


def _request(options: Any) -> Request:
    return Request(
        Setting(options.scale, options.init, tuple(options.set)),
        options.data.root,
        options.data.cache,
        options.out,
        tuple(options.seeds),
        options.times,
        options.rounds,
        options.device,
    )

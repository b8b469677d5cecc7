"""``cdnet reproduce recipe``: what of a recipe is worth its time, row by row against one start."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cdnet.cli.arguments import UsageError
from cdnet.errors import CdnetError
from cdnet.reproduce.plan import Setting, command
from cdnet.reproduce.recipe_rows import (
    NAME,
    RecipeTable,
    as_lines,
    as_markdown,
    read_recipe_table,
    run_table,
)
from cdnet.shown_text import say, say_block, shell_command

if TYPE_CHECKING:
    from cdnet.tables.result import Result

INTRODUCTION = (
    "Each row changes one thing of the start. What was measured supports that it is better than the start in mAP, "
    "contradicts it, or cannot tell, by the rule of `cdnet reproduce claims`. Of twenty rows that change nothing, one "
    "would be decided by chance."
)


def run(options: Any, setting: Setting) -> None:
    """Train the rows where pictures are given, and print their table."""
    if setting.scale != "small":
        raise UsageError(f"{NAME} is measured at small scale alone; add --scale small")
    if setting.init is not None or options.times == "only":
        raise UsageError(f"{NAME} has neither pre-trained rows nor times; leave out --init and --times")
    whole = read_recipe_table()
    changes = dict(change.split("=", 1) for change in setting.changes)
    asked = whole.only(options.only) if options.only else whole
    table = asked.changed(changes)
    paths = {f"data.{key}": getattr(options.data, key) for key in ("root", "cache")} | {"device": options.device}
    paths = {key: path for key, path in paths.items() if path is not None}
    if options.print_commands:
        _print_commands(table, options, setting)
        return
    if options.data.root is not None and options.out is None:
        raise UsageError("no folder for the runs; give one with --out")
    failures: dict[Any, str] = {}
    results = _results(table, options, paths, failures) if options.out is not None else []
    say_block(f"{INTRODUCTION}\n\n{as_markdown(table, results)}")
    left_out = [row.name for row in asked.rows if row not in table.rows]
    if left_out:
        say(f"left out without --set distil.teacher=FILE: {', '.join(left_out)}")
    if results:
        from cdnet.tables.summary import write_csv

        path = options.out / f"{NAME}-small.csv"
        write_csv(path, as_lines(table, changes, results))
        say(f"every run: {path}")
    if failures:
        folder, reason = next(iter(failures.items()))
        raise CdnetError(f"{len(failures)} of the runs failed, first that in {folder}: {reason}")


def _print_commands(table: RecipeTable, options: Any, setting: Setting) -> None:
    if options.out is None or options.data.root is None:
        raise UsageError("--print-commands needs --data.root and --out, which stand in every command")
    paths = {
        "data.root": str(options.data.root),
        "data.cache": None if options.data.cache is None else str(options.data.cache),
        "out": str(options.out),
        "device": None if options.device == "auto" else options.device,
    }
    for seed in options.seeds:
        for row in table.rows:
            say(shell_command(command(NAME, [row.name], [seed], setting, paths)))


def _results(table: RecipeTable, options: Any, paths: Any, failures: dict[Any, str]) -> list[Result]:
    from cdnet.errors import StoppedError

    try:
        return run_table(table, options.seeds, options.out, paths, failures)
    except StoppedError as stopped:
        where = str(stopped).partition(";")[0]
        raise KeyboardInterrupt(f"{where}; the same command goes on from there") from None

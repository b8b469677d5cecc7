"""Reading command lines: a command's actions, and the recipes and folders of runs and tables."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path
from typing import Any, TypeVar

from cdnet.errors import CdnetError, UsageError
from cdnet.nearest import nearest
from cdnet.recipe_file import check_recipe_file
from cdnet.settings.files import refuse_values_of_configs
from cdnet.settings.parser import Parser
from cdnet.settings.recipes import as_recipe, recipe_parser

__all__ = ["Parser", "UsageError", "choose", "is_first_process", "parser", "read_run", "read_table"]

R = TypeVar("R")


def parser(command: str, description: str) -> Parser:
    """Return a parser for a command."""
    made: Any = Parser(prog=f"cdnet {command}", description=description)
    return made  # type: ignore[no-any-return]


def choose(command: str, words: list[str], known: Collection[str]) -> str:
    """Return which of a command's actions the first word names.

    Raises:
        UsageError: if it names none.
    """
    if words and words[0] in known:
        return words[0]
    given = f", not {words[0]!r}{nearest(words[0], known)}" if words else ""
    raise UsageError(f"`cdnet {command}` needs one of {', '.join(known)}{given}", f"cdnet {command}")


def read_run(command: str, description: str, recipe_type: type[R], words: list[str]) -> tuple[R, Path, bool]:
    """Read the command line of a run: its recipe, its folder, and whether to resume.

    The recipe file's keys come first, then the options over them; ``--resume`` without ``--config`` takes the recipe
    that the run keeps.

    Raises:
        UsageError: if an option is unknown, or of the wrong type, or there is no ``--out``.
        CdnetError: if the recipe is not there, or there is nothing to resume.
    """
    refuse_values_of_configs(recipe_type, words)
    made = recipe_parser(recipe_type, command, description, "the run's folder")
    made.add_argument("--resume", action="store_true", help="go on from the run's checkpoint")
    found = made.read(words)
    if found.out is None:
        raise UsageError("no folder for the run; give one with --out", made.prog)
    if found.resume and not found.config:
        kept = found.out / "recipe.yaml"
        if not kept.is_file():
            raise CdnetError(f"{found.out}: nothing to resume, there is no recipe.yaml")
        check_recipe_file(kept)
        try:
            made.read(["--config", str(kept)])
        except UsageError as error:
            raise CdnetError(f"{kept}: not of `cdnet {command}` ({error}); resume the run as it was begun") from None
        found = made.read(["--config", str(kept), *words])
    out, resume = found.out, found.resume
    for key in ("out", "resume"):
        del found[key]
    return as_recipe(made, recipe_type, found), out, resume


FOLDER_OF_TABLE = "folder of the table; what is finished there is kept"


def read_table(
    command: str, description: str, recipe_type: type[R], words: list[str], place: str = FOLDER_OF_TABLE
) -> tuple[R, Path]:
    """Read the command line of a table: its recipe, and where it is to be written.

    Raises:
        UsageError: if an option is unknown, or of the wrong type, or there is no ``--out``.
        CdnetError: if the recipe is not there.
    """
    refuse_values_of_configs(recipe_type, words)
    made = recipe_parser(recipe_type, command, description, place)
    found = made.read(words)
    if found.out is None:
        raise UsageError("no place for the table; give one with --out", made.prog)
    out = found.out
    del found["out"]
    return as_recipe(made, recipe_type, found), out


def is_first_process() -> bool:
    """Tell whether this is the only process of a command, or the first of those that torchrun started."""
    return os.environ.get("RANK", "0") == "0"

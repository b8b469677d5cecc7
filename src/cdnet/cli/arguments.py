"""Reading command lines: wrong usage becomes one sentence, recipes are found by name."""

from __future__ import annotations

import os
import re
from importlib import resources
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from jsonargparse import ActionConfigFile, ArgumentParser

from cdnet.errors import CdnetError
from cdnet.recipe_file import check_recipe_file, refuse_values_for_sections

R = TypeVar("R")


class UsageError(Exception):
    """A command line that cannot be understood; ``command`` is the one whose help explains it, if that is known."""

    def __init__(self, message: str, command: str = "") -> None:
        super().__init__(message)
        self.command = command


class Parser(ArgumentParser):
    """An argument parser that raises :class:`UsageError` where the usual one prints its usage and exits."""

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        """Raise the message as a :class:`UsageError`, on one line."""
        raise UsageError(_one_line(message), self.prog)


def parser(command: str, description: str) -> Parser:
    """Return a parser for a command."""
    made: Any = Parser(prog=f"cdnet {command}", description=description)
    return made  # type: ignore[no-any-return]


def shipped_recipes() -> list[str]:
    """Return the names of the recipes that come with the package."""
    files = resources.files("cdnet").joinpath("recipes").iterdir()
    return sorted(entry.name.removesuffix(".yaml") for entry in files if entry.name.endswith(".yaml"))


def recipe_path(name: str) -> Path:
    """Return the path of a recipe file, or of a shipped recipe by its name.

    Raises:
        CdnetError: if there is neither, or the file is no recipe in form.
    """
    path = Path(name)
    if path.is_file():
        check_recipe_file(path)
        return path
    shipped = path.name.removesuffix(".yaml")
    if path.parent in (Path(), Path("recipes")) and shipped in shipped_recipes():
        return Path(str(resources.files("cdnet").joinpath("recipes", f"{shipped}.yaml")))
    raise CdnetError(f"{name}: no such recipe; give a YAML file or one of {', '.join(shipped_recipes())}")


def with_recipe_paths(words: list[str]) -> list[str]:
    """Replace what follows ``--config`` by the recipe's path."""
    found = list(words)
    for number, word in enumerate(words):
        if word == "--config" and number + 1 < len(words):
            found[number + 1] = str(recipe_path(words[number + 1]))
        elif word.startswith("--config="):
            found[number] = f"--config={recipe_path(word.removeprefix('--config='))}"
    return found


def read_run(command: str, description: str, recipe_type: type[R], words: list[str]) -> tuple[R, Path, bool]:
    """Read the command line of a run: its recipe, its folder, and whether to resume.

    The recipe file's keys come first, then the options over them; ``--resume`` without ``--config`` takes the recipe
    that the run keeps.

    Raises:
        UsageError: if an option is unknown, or of the wrong type, or there is no ``--out``.
        CdnetError: if the recipe is not there, or there is nothing to resume.
    """
    made = _recipe_parser(command, description, recipe_type, "the run's folder")
    made.add_argument("--resume", action="store_true", help="go on from the run's checkpoint")
    words = with_recipe_paths(words)
    found = made.parse_args(words)
    if found.out is None:
        raise UsageError("no folder for the run; give one with --out")
    if found.resume and not found.config:
        kept = found.out / "recipe.yaml"
        if not kept.is_file():
            raise CdnetError(f"{found.out}: nothing to resume, there is no recipe.yaml")
        check_recipe_file(kept)
        try:
            made.parse_args(["--config", str(kept)])
        except UsageError as error:
            raise CdnetError(f"{kept}: not of `cdnet {command}` ({error}); resume the run as it was begun") from None
        found = made.parse_args(["--config", str(kept), *words])
    out, resume = found.out, found.resume
    for key in ("config", "out", "resume"):
        del found[key]
    refuse_values_for_sections(recipe_type, vars(found))
    return recipe_type(**made.instantiate(found)), out, resume


FOLDER_OF_TABLE = "folder of the table; what is finished there is kept"


def read_table(
    command: str, description: str, recipe_type: type[R], words: list[str], place: str = FOLDER_OF_TABLE
) -> tuple[R, Path]:
    """Read the command line of a table: its recipe, and where it is to be written.

    Raises:
        UsageError: if an option is unknown, or of the wrong type, or there is no ``--out``.
        CdnetError: if the recipe is not there.
    """
    made = _recipe_parser(command, description, recipe_type, place)
    found = made.parse_args(with_recipe_paths(words))
    if found.out is None:
        raise UsageError("no place for the table; give one with --out")
    out = found.out
    for key in ("config", "out"):
        del found[key]
    refuse_values_for_sections(recipe_type, vars(found))
    return recipe_type(**made.instantiate(found)), out


def _recipe_parser(command: str, description: str, recipe_type: type[Any], out: str) -> Parser:
    made = parser(command, description)
    made.add_argument("--config", action=ActionConfigFile, help="recipe: a YAML file or a shipped recipe's name")
    made.add_argument("--out", type=Path, help=out)
    made.add_class_arguments(recipe_type)
    return made


def is_first_process() -> bool:
    """Tell whether this is the only process of a command, or the first of those that torchrun started."""
    return os.environ.get("RANK", "0") == "0"


def _one_line(message: str) -> str:
    text = " ".join(message.split()).rstrip(".")
    text = re.sub(r"Parser key \"([^\"]+)\":?", r"--\1:", text)
    text = re.sub(r"Expected an? <class '(\w+)'>\.", r"expected a value of type \1,", text)
    text = re.sub(r"Expected an? typing\.Literal\[(.*?)\]\.", r"expected one of \1,", text)
    return text.replace("Got value:", "got")

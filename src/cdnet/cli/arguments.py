"""Reading command lines: wrong usage becomes one sentence, recipes are found by name."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path
from typing import Any, NoReturn

from jsonargparse import ArgumentParser

from cdnet.errors import CdnetError


class UsageError(Exception):
    """A command line that cannot be understood."""


class Parser(ArgumentParser):
    """An argument parser that raises :class:`UsageError` where the usual one prints its usage and exits."""

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        """Raise the message as a :class:`UsageError`, on one line."""
        raise UsageError(_one_line(message))


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
        CdnetError: if there is neither.
    """
    path = Path(name)
    if path.is_file():
        return path
    shipped = path.name.removesuffix(".yaml")
    if shipped in shipped_recipes():
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


def _one_line(message: str) -> str:
    text = " ".join(message.split()).rstrip(".")
    text = re.sub(r"Parser key \"([^\"]+)\":?", r"--\1:", text)
    text = re.sub(r"Expected an? <class '(\w+)'>\.", r"expected a value of type \1,", text)
    text = re.sub(r"Expected an? typing\.Literal\[(.*?)\]\.", r"expected one of \1,", text)
    return text.replace("Got value:", "got")

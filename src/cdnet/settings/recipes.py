"""From a recipe's name, and what is changed of it, to its dataclass: for Python, and for a command line's words."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from jsonargparse import ActionConfigFile, Namespace

from cdnet.recipe_file import refuse_values_for_sections
from cdnet.settings.files import refuse_values_of_configs
from cdnet.settings.parser import Parser

R = TypeVar("R")


def read_recipe(
    recipe_type: type[R], name: str | Path, changes: Mapping[str, object] | None = None, command: str = ""
) -> R:
    """Return a recipe as its dataclass.

    Args:
        recipe_type: the dataclass, such as ``TrainRecipe``.
        name: of a shipped recipe, or a YAML file's path.
        changes: values over the recipe's, by key, such as ``{"schedule.epochs": 100, "optim.lr": 0.03}``; a text is
            read as it would be on the command line.
        command: whose help explains the keys, for what is said of a wrong one.

    Raises:
        UsageError: if a key is unknown, or its value is of the wrong type; it is a CdnetError.
        CdnetError: if the recipe is not there, or is none in form.
    """
    words = [f"--config={name}", *(f"--{key}={_as_word(value)}" for key, value in (changes or {}).items())]
    refuse_values_of_configs(recipe_type, words)
    made = recipe_parser(recipe_type, command)
    return as_recipe(made, recipe_type, made.read(words))


def recipe_parser(recipe_type: type[Any], command: str, description: str = "", out: str | None = None) -> Parser:
    """Return a parser with ``--config``, every key of a recipe as an option, and ``--out`` if ``out`` explains it."""
    made: Any = Parser(prog=f"cdnet {command}".rstrip(), description=description)
    made.add_argument("--config", action=ActionConfigFile, help="recipe: a YAML file or a shipped recipe's name")
    if out is not None:
        made.add_argument("--out", type=Path, help=out)
    made.add_class_arguments(recipe_type)
    return made  # type: ignore[no-any-return]


def as_recipe(made: Parser, recipe_type: type[R], found: Namespace) -> R:
    """Return the recipe within what a parser of :func:`recipe_parser` read; what is no key of it must be gone.

    Raises:
        CdnetError: if a section has a single value.
    """
    del found["config"]
    refuse_values_for_sections(recipe_type, vars(found))
    return recipe_type(**made.instantiate(found))


def _as_word(value: object) -> str:
    return str(value) if isinstance(value, str | Path) else json.dumps(value)

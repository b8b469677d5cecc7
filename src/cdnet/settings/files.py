"""Where a recipe lies: a YAML file, or one that comes with the package, by its name."""

from __future__ import annotations

import os
from importlib import resources
from itertools import pairwise
from pathlib import Path
from typing import Any

from cdnet.errors import CdnetError
from cdnet.nearest import nearest
from cdnet.recipe_file import check_recipe_file, refuse_values_in_file, underscored
from cdnet.settings.words import as_given, with_kept_bytes


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
    known = shipped_recipes()
    raise CdnetError(f"{name}: no such recipe{nearest(shipped, known)}; give a YAML file or one of {', '.join(known)}")


def with_recipe_paths(words: list[str]) -> list[str]:
    """Replace what follows ``--config`` by the recipe's path."""
    found = list(words)
    for number, word in enumerate(words):
        if word == "--config" and number + 1 < len(words):
            found[number + 1] = _recipe(words[number + 1])
        elif word.startswith("--config="):
            found[number] = f"--config={_recipe(word.removeprefix('--config='))}"
    return found


def _recipe(word: str) -> str:
    path = recipe_path(os.path.expanduser(as_given(word)))
    text = path.read_text("utf-8-sig")
    # A run keeps a path that is no UTF-8 by escapes that the parser's YAML does not know.
    content = with_kept_bytes(underscored(text))
    return str(path) if content == text else content


def refuse_values_of_configs(recipe_type: type[Any], words: list[str]) -> None:
    """See that no recipe that the words name has a single value where a section belongs.

    Raises:
        CdnetError: if one has.
    """
    after = [word for before, word in pairwise(words) if before == "--config"]
    for word in (*after, *(word.partition("=")[2] for word in words if word.startswith("--config="))):
        refuse_values_in_file(recipe_type, recipe_path(os.path.expanduser(as_given(word))))

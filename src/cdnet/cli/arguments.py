"""Reading command lines: wrong usage becomes one sentence, recipes are found by name."""

from __future__ import annotations

import os
import re
from argparse import HelpFormatter
from collections.abc import Collection
from importlib import resources
from itertools import pairwise
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from jsonargparse import ActionConfigFile, ArgumentParser, Namespace

from cdnet.cli.words import WordError, as_given, checked_value, checked_words, hyphened, meant, with_kept_bytes
from cdnet.errors import CdnetError
from cdnet.nearest import nearest
from cdnet.recipe_file import check_recipe_file, refuse_values_for_sections, refuse_values_in_file

R = TypeVar("R")


class UsageError(Exception):
    """A command line that cannot be understood; ``command`` is the one whose help explains it, if that is known."""

    def __init__(self, message: str, command: str = "") -> None:
        super().__init__(message)
        self.command = command


class Parser(ArgumentParser):
    """An argument parser that raises :class:`UsageError` where the usual one prints its usage and exits.

    Options are shown with hyphens, and taken with hyphens or underscores.
    """

    def read(self, words: list[str]) -> Namespace:
        """Parse a command line, and see that its words mean what they say (:mod:`cdnet.cli.words`).

        Raises:
            UsageError: if they do not.
            CdnetError: if a recipe is not there.
        """
        try:
            found = self.parse_args(_with_recipe_paths(checked_words(words, self._option_string_actions)))
            for key, value in list(found.items()):
                found[key] = checked_value(key, value)
        except WordError as error:
            raise UsageError(str(error), self.prog) from None
        return found

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        """Raise the message as a :class:`UsageError`, on one line."""
        text = as_given(_one_line(message))
        lacking = re.fullmatch("the following arguments are required: ([^,]+).*", text)
        if lacking is not None:
            about = next((action.help for action in self._actions if action.dest == lacking[1]), None)
            text = f"{lacking[1]} is not given: {about}" if about else f"{lacking[1]} is not given"
        section = re.match("(--[^ ]+): Unable to load config", text)
        if section is not None:
            key = next(option for option in self._option_string_actions if option.startswith(f"{section[1]}."))
            text = f"{section[1]} is a section, and no value of it could be read; its keys are options, such as {key}"
        raise UsageError(self._unknown_key(text) or text, self.prog)

    def _unknown_key(self, text: str) -> str | None:
        # Of a recipe: its options are the command line's, and there the usual parser names no nearest one.
        match = re.search("Group '(?P<group>[^']+)' does not accept option '(?P<key>[^']+)'", text)
        match = match or re.search("Option '(?P<key>[^']+)' is not accepted", text)
        if match is None:
            return None
        key = ".".join(part for part in (match.groupdict().get("group"), match["key"]) if part)
        known = [option.removeprefix("--") for option in self._option_string_actions if option.startswith("--")]
        return f"a recipe of this command has no key {key}{meant(key, known)}"

    def format_help(self, formatter: HelpFormatter | None = None) -> str:
        """Return the help, with every option in its one spelling."""
        spelt = [(action, action.option_strings) for action in self._actions]
        try:
            for action, options in spelt:
                action.option_strings = [hyphened(option) for option in options]
            return str(super().format_help(formatter))
        finally:
            for action, options in spelt:
                action.option_strings = options


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


def _with_recipe_paths(words: list[str]) -> list[str]:
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
    # A run keeps a path that is no UTF-8 by escapes that the parser's YAML does not know.
    content = with_kept_bytes(path.read_text("utf-8"))
    return str(path) if content is None else content


def _refuse_values_for_sections(recipe_type: type[Any], words: list[str]) -> None:
    after = [word for before, word in pairwise(words) if before == "--config"]
    for word in (*after, *(word.partition("=")[2] for word in words if word.startswith("--config="))):
        refuse_values_in_file(recipe_type, recipe_path(os.path.expanduser(as_given(word))))


def read_run(command: str, description: str, recipe_type: type[R], words: list[str]) -> tuple[R, Path, bool]:
    """Read the command line of a run: its recipe, its folder, and whether to resume.

    The recipe file's keys come first, then the options over them; ``--resume`` without ``--config`` takes the recipe
    that the run keeps.

    Raises:
        UsageError: if an option is unknown, or of the wrong type, or there is no ``--out``.
        CdnetError: if the recipe is not there, or there is nothing to resume.
    """
    _refuse_values_for_sections(recipe_type, words)
    made = _recipe_parser(command, description, recipe_type, "the run's folder")
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
    _refuse_values_for_sections(recipe_type, words)
    made = _recipe_parser(command, description, recipe_type, place)
    found = made.read(words)
    if found.out is None:
        raise UsageError("no place for the table; give one with --out", made.prog)
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
    text = text.replace("expected a value of type list,", "expected a list, such as [1,2],")
    text = re.sub(r"^argument (--\S+): expected (?:one|at least one) argument", r"\1 has no value", text)
    text = re.sub(r"^argument (?:-h/)?(--\S+): ignored explicit argument", r"\1 takes no value, not", text)
    text = re.sub(r"^unrecognized arguments:", "too many arguments:", text)
    text = re.sub(
        r"^(--\S+): Does not validate against any of the Union subtypes.* Given value: (.*)$", r"\1 cannot be \2", text
    )
    text = text.replace("Got value:", "got")
    choice = re.search(r"expected one of (.+), got (\S+)$", text)
    return text + nearest(choice[2], re.findall(r"'([^']+)'", choice[1])) if choice is not None else text

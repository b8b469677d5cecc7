"""A parser of options whose mistakes are one sentence, and that finds recipes by name."""

from __future__ import annotations

import re
from argparse import HelpFormatter
from typing import NoReturn

from jsonargparse import ArgumentParser, Namespace

from cdnet.errors import UsageError
from cdnet.nearest import nearest
from cdnet.settings.files import with_recipe_paths
from cdnet.settings.words import (
    WordError,
    as_given,
    checked_value,
    checked_words,
    hyphened,
    meant,
    refuse_odd_numbers,
)

QUOTES = "a recipe has a name like that in quotes"


class Parser(ArgumentParser):
    """An argument parser that raises :class:`UsageError` where the usual one prints its usage and exits.

    Options are shown with hyphens, and taken with hyphens or underscores.
    """

    def read(self, words: list[str]) -> Namespace:
        """Parse a command line, and see that its words mean what they say (:mod:`cdnet.settings.words`).

        Raises:
            UsageError: if they do not.
            CdnetError: if a recipe is not there.
        """
        try:
            checked = checked_words(words, self._option_string_actions)
            found = self.parse_args(with_recipe_paths(checked))
            refuse_odd_numbers(checked, found.get)
            for key, value in list(found.items()):
                found[key] = checked_value(key, value)
        except WordError as error:
            raise UsageError(str(error), self.prog) from None
        return found

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        """Raise the message as a :class:`UsageError`, on one line."""
        text = as_given(_one_line(message))
        if "unsupported operand type(s)" in text:  # YAML's sign for a key that goes on
            text = f"{text.partition(':')[0]}: a question mark alone is no value; a file of that name is ./?"
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


def _one_line(message: str) -> str:
    text = " ".join(message.split()).rstrip(".")
    text = re.sub(r"Parser key \"([^\"]+)\":?", lambda key: f"{hyphened(f'--{key[1]}')}:", text)
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
    # Words of a command line are text; only a recipe's can be something else to YAML.
    text = re.sub(
        r"(value of type str, got (?!\[|\{).*|cannot be (?:[-+.\d]+|True|False|datetime.*))$", rf"\1; {QUOTES}", text
    )
    choice = re.search(r"expected one of (.+), got (\S+)$", text)
    return text + nearest(choice[2], re.findall(r"'([^']+)'", choice[1])) if choice is not None else text

"""The words of a command line before they are parsed, and the values after: what was written is what is meant.

Options are spelt with hyphens and taken with underscores too, as a recipe's keys have them. A value is text: no word
of a command line is read as YAML's null, and a name that is no UTF-8 passes.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from cdnet.nearest import nearest
from cdnet.recipe_file import ODD_NUMBER

AS_IT_IS = "\U0010fffd"
"""Stands before a word while it is parsed that YAML would take for nothing, such as ``#1`` or ``~``."""

BYTE = 0x10FE00
"""Bytes of names that are no UTF-8 are these private characters while they are parsed."""

PATHS = ("found", "genotype", "init", "networks", "runs", "weights")
"""Options and arguments, beside those that are paths alone, that may be a path; ``~`` begins one."""

NUMBERS, ENDLESS = re.compile(r"[-+\d.,eE\s\[\]]+"), re.compile(r"\d{101}")


class WordError(ValueError):
    """A command line has a word that cannot be meant; the message says why."""


def hyphened(option: str) -> str:
    """Return an option as it is shown: ``--evaluate_every`` as ``--evaluate-every``."""
    return option.replace("_", "-")


def checked_words(words: Iterable[str], known: Collection[str]) -> list[str]:
    """Return the words of a command line with each option spelt as the parser knows it.

    Args:
        words: as they came.
        known: the parser's options.

    Raises:
        WordError: if an option is not known, or is there twice, or a value is empty.
    """
    spelt = {hyphened(option): option for option in known}
    found: list[str] = []
    given: set[str] = set()
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word == "--":
            found += [word, *(_kept(one, "") for one in rest)]
            break
        option, separator, value = word.partition("=")
        if not _is_option(option):
            if found and found[-1] in known and word.startswith("-"):
                found[-1] += f"={word}"  # argparse takes -1e-3 for an option
                continue
            found.append(_kept(word, f" after {found[-1]}" if found and found[-1] in known else ""))
            continue
        name = spelt.get(hyphened(option))
        if name is None:
            raise WordError(f"no option {option}{meant(option, spelt)}")
        if name in given:
            raise WordError(f"{hyphened(name)} is given twice; give it once, with all its values after it")
        given.add(name)
        found.append(f"{name}={_kept(value, f' after {hyphened(name)}=')}" if separator else name)
    return found


def as_given(text: str) -> str:
    """Return a word as it was before :func:`checked_words` made it fit to be parsed."""
    text = text.replace(AS_IT_IS, "")
    return re.sub(f"[{chr(BYTE)}-{chr(BYTE + 0xFF)}]", lambda found: chr(ord(found[0]) - BYTE + 0xDC00), text)


def with_kept_bytes(recipe: str) -> str:
    """Return a recipe's YAML with the bytes of names that are no UTF-8 as they are parsed."""
    return re.sub(r"\\uDC([89A-F][0-9A-F])", rf"\\U{BYTE >> 8:06X}\1", recipe)


def refuse_odd_numbers(words: Iterable[str], parsed: Callable[[str], Any]) -> None:
    """See that no number was read in YAML's way from what is written as another one, such as ``010`` or ``1:30``.

    Args:
        words: of a command line, its options as the parser knows them.
        parsed: returns the parsed value of an option, such as ``schedule.milestones``, or None.

    Raises:
        WordError: if one was.
    """
    key = ""
    for word in words:
        text = word
        if word.startswith("--"):
            key, _, text = word.removeprefix("--").partition("=")
        odd = next((one for one in re.split(r"[\s,\[\]]+", text) if ODD_NUMBER.fullmatch(one)), None)
        value = parsed(key) if odd is not None else None
        if any(isinstance(one, int | float) for one in (value if isinstance(value, list) else [value])):
            raise WordError(f"--{hyphened(key)} {text}: write numbers without zeros in front and without colons")


def checked_value(key: str, value: Any) -> Any:
    """Return a parsed value as it was meant: paths without ``~``, names that are no UTF-8 with their bytes.

    Args:
        key: of the option, such as ``data.root``.
        value: of it.

    Raises:
        WordError: if a text cannot be a name on any system, a number is endless or has more than 19 digits, or ``~``
            stands for no folder.
    """
    if isinstance(value, str | Path):
        text = as_given(str(value))
        if text == "":
            raise WordError(f"--{hyphened(key)} has no value")
        try:
            nul = b"\0" in os.fsencode(text)
        except UnicodeEncodeError:
            nul = True
        if nul:
            raise WordError(f"--{hyphened(key)} has a character that no name can have")
        may_be_path = isinstance(value, Path) or key.rpartition(".")[2] in PATHS
        return type(value)(_at_home(key, text) if may_be_path else text)
    if isinstance(value, list):
        return [checked_value(key, item) for item in value]
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise WordError(f"--{hyphened(key)} has a number of more than 19 digits, and nothing here takes one")
    if isinstance(value, float) and not math.isfinite(value):
        raise WordError(f"--{hyphened(key)} must be a finite number")
    if is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            setattr(value, field.name, checked_value(f"{key}.{field.name}", getattr(value, field.name)))
    return value


def _is_option(word: str) -> bool:
    # As argparse sees it: what has a blank, or is a number, is a value.
    return word[:1] == "-" and len(word) > 1 and not word[1].isdigit() and word[1] != "." and " " not in word


def _kept(word: str, where: str) -> str:
    if not word.strip():
        raise WordError(f"an empty value{where}; is a variable of the shell unset?")
    if word[0] in "\u2012\u2013\u2014\u2015\u2212":
        raise WordError(f"{word} begins with a dash that is no hyphen; an option begins with two hyphens")
    if NUMBERS.fullmatch(word) and ENDLESS.search(word):
        raise WordError(f"a number of more than 100 digits{where}, and nothing here takes one")
    text = "".join(chr(ord(one) - 0xDC00 + BYTE) if 0xDC80 <= ord(one) <= 0xDCFF else one for one in word)
    # `null` alone means none, as in a recipe.
    may_be_nothing = text.lstrip()[0] in "#&!~" or (text.strip().lower() == "null" and text != "null")
    return AS_IT_IS + text if may_be_nothing else text


def _at_home(key: str, text: str) -> str:
    found = os.path.expanduser(text)
    if found == text and (text == "~" or text.startswith("~/")):
        raise WordError(f"--{hyphened(key)} begins with ~, and there is no home folder; give the whole path")
    return found


def meant(option: str, spelt: Iterable[str]) -> str:
    """Return which of the known options somebody may have meant by one that is not known, as a question."""
    # `--epochs` means `--schedule.epochs`, which its letters alone are not near to.
    last = hyphened(option).lstrip("-").rpartition(".")[2]
    same = [name for name in spelt if name.rpartition(".")[2].lstrip("-") == last and name != option]
    return f" (did you mean {' or '.join(same)}?)" if same else nearest(option, spelt)

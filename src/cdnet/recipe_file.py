"""Seeing that a recipe file says one thing and says it plainly, before its values are looked at.

YAML by itself takes the last of two keys of one name, reads a key without a value as "nothing", and lets a few lines
stand for millions of values.
"""

from __future__ import annotations

import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any, get_type_hints

import yaml

from cdnet.errors import CdnetError

MAX_BYTES = 256 * 2**10
"""The most bytes a recipe may have; those that are shipped have less than 2,000."""
MAX_DEPTH = 20
"""The most sections within sections."""

_SAVE = "save it as UTF-8 text"


def check_recipe_file(path: Path) -> None:
    """See that a file is a recipe in form: sections and keys, each once and with a value, in plain YAML.

    Raises:
        CdnetError: if it is not, which says where.
    """
    try:
        text = _text(path)
        keys = _keys(path, yaml.parse(text, Loader=yaml.SafeLoader))
    except OSError as error:
        raise CdnetError(f"{path} could not be read: {error.strerror or error}") from error
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark is not None else 1
        if _begins_with_tab(text, line):
            raise CdnetError(f"{path}, line {line}: begins with a tab; YAML is indented by blanks") from None
        raise CdnetError(f"{path}, line {line}: not YAML ({error.problem or 'not readable'})") from None
    except yaml.YAMLError as error:
        reason = " ".join(str(error).partition("\n")[0].split())
        raise CdnetError(f"{path}: not readable as YAML ({reason}); {_SAVE}") from None
    if not keys:
        raise CdnetError(f"{path}: an empty recipe; it has no key, such as `size: 256x128`")


def refuse_values_for_sections(recipe_type: type[Any], values: Mapping[str, Any]) -> None:
    """See that where a recipe has a section, there is one.

    Args:
        recipe_type: the recipe's dataclass, whose fields that are dataclasses are sections.
        values: what was read, by field.

    Raises:
        CdnetError: if there is nothing, or a single value.
    """
    for name, kind in _sections(recipe_type).items():
        if not hasattr(values.get(name), "__dict__"):
            raise CdnetError(_no_section(name, kind, values.get(name)))


def refuse_values_in_file(recipe_type: type[Any], path: Path) -> None:
    """See that where a recipe's file names a section, there is one; an option for one of its keys would hide the fault.

    Args:
        recipe_type: the recipe's dataclass, whose fields that are dataclasses are sections.
        path: a file that is a recipe in form (:func:`check_recipe_file`).

    Raises:
        CdnetError: if there is nothing, a list, or a single value, other than a file with the section.
    """
    found = yaml.safe_load(_text(path))
    for name, kind in _sections(recipe_type).items():
        value = found.get(name, {})
        if not isinstance(value, dict | str):
            raise CdnetError(f"{path}: {_no_section(name, kind, value)}")


def _sections(recipe_type: type[Any]) -> dict[str, type[Any]]:
    types = get_type_hints(recipe_type)
    kinds = {field.name: types[field.name] for field in fields(recipe_type)}
    return {name: kind for name, kind in kinds.items() if isinstance(kind, type) and is_dataclass(kind)}


def _no_section(name: str, kind: type[Any], value: object) -> str:
    known = ", ".join(entry.name for entry in fields(kind))
    return f"{name} is a section of the recipe and cannot be {value!r}; its keys are {known}"


def _text(path: Path) -> str:
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise CdnetError(f"{path}: no regular file, so no recipe")
    if status.st_size > MAX_BYTES:
        raise CdnetError(f"{path}: {status.st_size:,} bytes are more than the {MAX_BYTES:,} a recipe may have")
    data = path.read_bytes()
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise CdnetError(f"{path}: UTF-16 text, not a recipe; {_SAVE}")
    if b"\0" in data:
        raise CdnetError(f"{path}: holds NUL bytes, so it is no recipe")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise CdnetError(f"{path}: no recipe, for it is not a text file (line {line} is not UTF-8); {_SAVE}") from None


def _begins_with_tab(text: str, line: int) -> bool:
    lines = text.splitlines()
    return line <= len(lines) and "\t" in lines[line - 1][: len(lines[line - 1]) - len(lines[line - 1].lstrip())]


@dataclass
class _Level:
    """A mapping or a list that is being read: a mapping's ``keys`` so far, and the one whose value comes next."""

    keys: set[str] | None
    awaiting: str | None = None


def _keys(path: Path, events: Iterable[yaml.Event]) -> int:
    # How many keys there are. Events, unlike what YAML makes of them, take no memory and no depth.
    levels: list[_Level] = []
    count = documents = 0
    for event in events:
        place = str(path) if event.start_mark is None else f"{path}, line {event.start_mark.line + 1}"
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                raise CdnetError(f"{place}: a second document (---); a recipe is one")
        elif isinstance(event, yaml.CollectionEndEvent):
            levels.pop()
        elif isinstance(event, yaml.NodeEvent):
            count += _node(place, event, levels)
    return count


def _node(place: str, event: yaml.NodeEvent, levels: list[_Level]) -> bool:
    # Whether it is a key; otherwise it is a value.
    if isinstance(event, yaml.AliasEvent):
        raise CdnetError(f"{place}: *{event.anchor} stands for another place's value; write the value itself")
    assert isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent)
    if event.tag is not None:
        raise CdnetError(f"{place}: the tag {event.tag} is not read; leave it out")
    level = levels[-1] if levels else None
    if level is None and not isinstance(event, yaml.MappingStartEvent):
        if isinstance(event, yaml.ScalarEvent) and not event.value:
            return False  # an empty document
        raise CdnetError(f"{place}: not a recipe, which has keys and values, such as `size: 256x128`")
    if level is not None and level.keys is not None and level.awaiting is None:
        if not isinstance(event, yaml.ScalarEvent):
            raise CdnetError(f"{place}: a key that is not a word")
        if event.value in level.keys:
            raise CdnetError(f"{place}: {event.value} stands there a second time; leave one of them")
        level.keys.add(event.value)
        level.awaiting = event.value
        return True
    if level is not None and isinstance(event, yaml.ScalarEvent) and not event.value and event.style is None:
        what = "an entry of a list" if level.awaiting is None else level.awaiting
        raise CdnetError(f"{place}: {what} has no value; give it one, or leave it out to take what is usual")
    if level is not None:
        level.awaiting = None
    if isinstance(event, yaml.CollectionStartEvent):
        if len(levels) == MAX_DEPTH:
            raise CdnetError(f"{place}: more than {MAX_DEPTH} levels, and a recipe has two or three")
        levels.append(_Level(set() if isinstance(event, yaml.MappingStartEvent) else None))
    return False

"""Seeing that a recipe file says one thing and says it plainly, before its values are looked at.

YAML by itself takes the last of two keys of one name, reads a key without a value as "nothing", ``010`` as 8 and
``1:30`` as 90, and lets a few lines stand for millions of values.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any, get_type_hints

import yaml

from cdnet.errors import CdnetError

MAX_BYTES = 256 * 2**10
"""The most bytes a recipe may have; those that are shipped have less than 2,000."""
ODD_NUMBER = re.compile(r"[-+]?(?:0[\d_]+|\d[\d_]*(?::[0-5]?\d)+(?:\.[\d_]*)?)")
"""A number that YAML counts by eights or by sixties."""
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


def underscored(text: str) -> str:
    """Return a recipe with its keys spelt as they are read, ``evaluate_every`` for ``evaluate-every``.

    Args:
        text: of a recipe in form (:func:`check_recipe_file`).
    """
    letters = list(text)
    levels: list[_Level] = []
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if isinstance(event, yaml.CollectionEndEvent):
            levels.pop()
        elif isinstance(event, yaml.NodeEvent) and _node("", event, levels):
            assert event.start_mark is not None
            assert event.end_mark is not None
            for place in range(event.start_mark.index, event.end_mark.index):
                letters[place] = "_" if letters[place] == "-" else letters[place]
    return "".join(letters)


@dataclass
class _Level:
    """A mapping or a list that is being read: a mapping's ``keys`` so far, and the one whose value comes next.

    ``keys`` are those of all sections, such as ``optim.lr``, for a key may be written so, too; ``section`` is what
    stands before this mapping's, such as ``optim.``.
    """

    keys: set[str] | None
    section: str = ""
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
        key = level.section + event.value.replace("-", "_")
        if key in level.keys:
            raise CdnetError(f"{place}: {key} stands there a second time; leave one of them")
        level.keys.add(key)
        level.awaiting = event.value
        return True
    if level is not None and isinstance(event, yaml.ScalarEvent) and not event.value and event.style is None:
        what = "an entry of a list" if level.awaiting is None else level.awaiting
        raise CdnetError(f"{place}: {what} has no value; give it one, or leave it out to take what is usual")
    if isinstance(event, yaml.ScalarEvent) and event.style is None and ODD_NUMBER.fullmatch(event.value):
        raise CdnetError(
            f"{place}: {event.value} is another number in YAML; write it without zeros in front and without colons, or "
            "in quotes, if it is a name"
        )
    if isinstance(event, yaml.CollectionStartEvent):
        if len(levels) == MAX_DEPTH:
            raise CdnetError(f"{place}: more than {MAX_DEPTH} levels, and a recipe has two or three")
        levels.append(_level(event, level))
    if level is not None:
        level.awaiting = None
    return False


def _level(event: yaml.CollectionStartEvent, above: _Level | None) -> _Level:
    if not isinstance(event, yaml.MappingStartEvent):
        return _Level(None)
    if above is None or above.keys is None or above.awaiting is None:
        return _Level(set())  # the recipe itself, or an entry of a list
    return _Level(above.keys, f"{above.section}{above.awaiting.replace('-', '_')}.")

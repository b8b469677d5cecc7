"""One line of a run's log: reading it, and seeing that it can be one."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Any

from cdnet.errors import CdnetError
from cdnet.json_file import parse_json

SHARES = frozenset({"top1", "top5", "rank1", "rank5", "rank10", "rank20", "mAP", "mINP"})
"""Numbers from 0 to 1; None where they are not determined."""

NOT_NEGATIVE = frozenset(
    {"seconds", "evaluation_seconds", "images_per_second", "milliseconds_per_image", "mebibytes_per_image", "pictures"}
)
NUMBERS = SHARES | NOT_NEGATIVE | {"lr", "alpha_lr", "loss", "validation_loss", "expected_cost", "temperature"}
NUMBERS |= {"validation_triplet", "validation_softmax", "teacher_features", "teacher_relations"}
LISTS = frozenset({"entropy", "chosen"})
TABLES = frozenset({"alpha", "computed"})
"""A row an MBlock."""
EITHER = frozenset({"triplet", "softmax"})
"""A number of a search's line, and a list, a value a head, of others."""

SEARCH = ("seconds", "milliseconds_per_image", "alpha", "entropy", "chosen", "computed")
"""What a report of a search is made of."""


def parse_line(text: bytes) -> dict[str, Any]:
    """Return a line of a log.

    Raises:
        ValueError: if it is none; it says why.
    """
    found = parse_json(text)
    check_line(found)
    return dict(found)


def check_line(line: object) -> None:
    """See that a value can be a log's line: with an epoch, and what is known of its keys.

    Raises:
        ValueError: if it cannot; it says why.
    """
    if not isinstance(line, dict) or not all(isinstance(key, str) for key in line):
        raise ValueError("not an object with keys and values")
    epoch = line.get("epoch")
    if type(epoch) is not int or not 1 <= epoch < 10**9:
        raise ValueError("no epoch, a whole number from 1 on")
    for key in line.keys() & (NUMBERS | LISTS | TABLES | EITHER):
        _check_value(key, line[key])
    if "alpha" in line and "chosen" in line:
        rows, branches = shape_of(line["alpha"])
        if len(line["chosen"]) != rows or not all(type(at) is int and at < branches for at in line["chosen"]):
            raise ValueError("chosen does not name a branch for each row of alpha")


def lacking(line: Mapping[str, Any], wanted: Collection[str]) -> str:
    """Return the first wanted key that a line lacks, or nothing."""
    return next((key for key in wanted if line.get(key) is None), "")


def shape_of(value: object) -> tuple[int, ...]:
    """Return () for a finite number, (n,) for a list of them, and (m, n) for a list of m lists of n.

    Raises:
        ValueError: if it is something else.
    """
    if isinstance(value, list):
        shapes = {shape_of(item) for item in value}
        if len(shapes) != 1 or len(shape := shapes.pop()) > 1:
            raise ValueError("neither a number, nor a list or a table of numbers")
        return len(value), *shape
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("neither a number, nor a list or a table of numbers")
    try:
        finite = math.isfinite(value)
    except OverflowError:
        finite = False
    if not finite:
        raise ValueError("a number that is not finite")
    return ()


def unlike(line: Mapping[str, Any], shapes: dict[str, tuple[int, ...]]) -> str:
    """Return the first key whose list or table is not as long as in the lines before, or nothing.

    Args:
        line: that :func:`check_line` has seen.
        shapes: of the lines before; gets this line's.
    """
    for key in (LISTS | TABLES | EITHER) & line.keys():
        if shapes.setdefault(key, shape := shape_of(line[key])) != shape:
            return key
    return ""


def refuse_lacking(line: Mapping[str, Any], wanted: Collection[str], where: str) -> None:
    """See that a line has what is made something of.

    Raises:
        CdnetError: that names the line by ``where``, and the first key that is not there.
    """
    if key := lacking(line, wanted):
        raise CdnetError(f"{where}: the line of epoch {line['epoch']} has no {key}; it is of other work, or damaged")


def _check_value(key: str, value: object) -> None:
    if value is None and key in SHARES:
        return
    try:
        shape = shape_of(value)
    except ValueError as error:
        raise ValueError(f"{key}: {error}") from None
    if len(shape) not in ((0, 1) if key in EITHER else (1,) if key in LISTS else (2,) if key in TABLES else (0,)):
        raise ValueError(f"{key}: neither a number, nor a list or a table of numbers, as it should be")
    smallest = _least(value)
    if key in SHARES | NOT_NEGATIVE | {"chosen", "computed"} and smallest < 0:
        raise ValueError(f"{key}: less than 0")
    if key in SHARES and smallest > 1:
        raise ValueError(f"{key}: more than 1")


def _least(value: Any) -> float:
    return min(map(_least, value)) if isinstance(value, list) else value

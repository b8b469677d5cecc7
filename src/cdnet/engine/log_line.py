"""One line of a run's log: reading it, and seeing that it can be one."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import Annotated, Any, Required, TypedDict, cast, get_type_hints

from cdnet.errors import CdnetError
from cdnet.json_file import parse_json


@dataclass(frozen=True)
class Kind:
    """What a value of a line can be: a number (``dims`` 0), a list (1) or a table of numbers (2), all within bounds.

    ``optional`` ones are None where they are not determined.
    """

    dims: tuple[int, ...] = (0,)
    least: float = -math.inf
    most: float = math.inf
    optional: bool = False


Number = Annotated[float, Kind()]
Amount = Annotated[float, Kind(least=0)]
Share = Annotated[float | None, Kind(least=0, most=1, optional=True)]
Hits = Annotated[float, Kind(least=0, most=1)]
Part = Annotated[float | list[float], Kind((0, 1))]
"""A number of a search's line, and a list, a value a head, of others."""


class LogLine(TypedDict, total=False):
    """A line of a log: what one epoch came to. Its work decides which of these keys it has, beside ``epoch``."""

    epoch: Required[int]
    lr: Number
    loss: Number
    triplet: Part
    softmax: Part
    teacher_features: Number
    teacher_relations: Number
    images_per_second: Amount
    seconds: Amount
    # What an evaluation found.
    rank1: Share
    rank5: Share
    rank10: Share
    rank20: Share
    mAP: Share
    mINP: Share
    queries: int
    queries_without_match: int
    gallery: int
    undefined: str
    top1: Hits
    top5: Hits
    pictures: Annotated[int, Kind(least=0)]
    evaluation_seconds: Amount
    # A search's; its lists have a value an MBlock, its tables a row.
    alpha_lr: Number
    validation_loss: Number
    validation_triplet: Number
    validation_softmax: Number
    expected_cost: Number
    temperature: Number
    alpha: Annotated[list[list[float]], Kind((2,))]
    entropy: Annotated[list[float], Kind((1,))]
    chosen: Annotated[list[int], Kind((1,), least=0)]
    computed: Annotated[list[list[int]], Kind((2,), least=0)]
    milliseconds_per_image: Amount
    mebibytes_per_image: Amount


KINDS: dict[str, Kind] = {
    key: hint.__metadata__[0]
    for key, hint in get_type_hints(LogLine, include_extras=True).items()
    if isinstance(getattr(hint, "__metadata__", (None,))[0], Kind)
}
"""Of the values that are looked at where a log is read."""

SEARCH = ("seconds", "milliseconds_per_image", "alpha", "entropy", "chosen", "computed")
"""What a report of a search is made of."""


def parse_line(text: bytes) -> LogLine:
    """Return a line of a log.

    Raises:
        ValueError: if it is none; it says why.
    """
    return check_line(parse_json(text))


def check_line(line: object) -> LogLine:
    """Return a value that can be a log's line: with an epoch, and what is known of its keys.

    Raises:
        ValueError: if it cannot; it says why.
    """
    if not isinstance(line, dict) or not all(isinstance(key, str) for key in line):
        raise ValueError("not an object with keys and values")
    epoch = line.get("epoch")
    if type(epoch) is not int or not 1 <= epoch < 10**9:
        raise ValueError("no epoch, a whole number from 1 on")
    for key, kind in KINDS.items():
        if key in line:
            _check_value(key, line[key], kind)
    if "alpha" in line and "chosen" in line:
        rows, branches = shape_of(line["alpha"])
        if len(line["chosen"]) != rows or not all(type(at) is int and at < branches for at in line["chosen"]):
            raise ValueError("chosen does not name a branch for each row of alpha")
    return cast("LogLine", line)


def lacking(line: LogLine, wanted: Collection[str]) -> str:
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


def unlike(line: LogLine, shapes: dict[str, tuple[int, ...]]) -> str:
    """Return the first key whose list or table is not as long as in the lines before, or nothing.

    Args:
        line: that :func:`check_line` has seen.
        shapes: of the lines before; gets this line's.
    """
    for key, kind in KINDS.items():
        if key in line and kind.dims != (0,) and shapes.setdefault(key, shape := shape_of(line.get(key))) != shape:
            return key
    return ""


def refuse_lacking(line: LogLine, wanted: Collection[str], where: str) -> None:
    """See that a line has what is made something of.

    Raises:
        CdnetError: that names the line by ``where``, and the first key that is not there.
    """
    if key := lacking(line, wanted):
        raise CdnetError(f"{where}: the line of epoch {line['epoch']} has no {key}; it is of other work, or damaged")


def _check_value(key: str, value: object, kind: Kind) -> None:
    if value is None and kind.optional:
        return
    try:
        shape = shape_of(value)
    except ValueError as error:
        raise ValueError(f"{key}: {error}") from None
    if len(shape) not in kind.dims:
        raise ValueError(f"{key}: neither a number, nor a list or a table of numbers, as it should be")
    if _least(value) < kind.least:
        raise ValueError(f"{key}: less than {kind.least:g}")
    if not shape and cast("float", value) > kind.most:
        raise ValueError(f"{key}: more than {kind.most:g}")


def _least(value: Any) -> float:
    return min(map(_least, value)) if isinstance(value, list) else value

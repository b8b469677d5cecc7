"""What a finished row keeps: its result, and reading it back."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Required, cast

from cdnet.errors import CdnetError
from cdnet.evaluate.ranking import Figures
from cdnet.json_file import read_json

RESULT = "result.json"
MAX_BYTES = 2**20
"""Of a result; one has some 2,000."""


class Finding(Figures, total=False):
    """What a row's work finds: a ReID network's counts and figures, or a classifier's, all from 0 to 1.

    ``counts`` has how many pictures each split has and ``published``, where that is known, how many it should have;
    ``start`` is what the row's first weights were trained on, in words, and ``start_digest`` that of their file.
    """

    data: Required[str]
    counts: dict[str, int]
    published: dict[str, int]
    params: int
    macs: int
    top1: float
    top5: float
    error: float
    pictures: int
    start: str
    start_digest: str | None


class Result(Finding, total=False):
    """A finding with its row's name and seed, what it took, and where, when and on which pictures it was found.

    ``minutes`` are None where the log has lost lines, and ``source``, a digest of the pictures' names, where they
    cannot be read.
    """

    name: Required[str]
    seed: Required[int]
    epochs: int
    minutes: float | None
    images_per_second: float
    source: Required[str | None]
    hardware: str
    version: str
    date: str


def kept_result(folder: Path) -> Result | None:
    """Return the result that a row's folder keeps, whatever the row, or None if it is not finished.

    Raises:
        CdnetError: if it cannot be read.
    """
    path = folder / RESULT
    if not path.is_file():
        return None
    try:
        result = dict(read_json(path, MAX_BYTES))
        figures = ("top1", "top5", "error") if "error" in result else ("params", "macs", "rank1", "mAP")
        complete = result.keys() >= {"name", "seed", "source", "data"}
        complete = complete and isinstance(result["name"], str) and type(result["seed"]) is int
        complete = complete and isinstance(result["data"], str) and isinstance(result.get("start", ""), str)
        complete = complete and all(_is_figure(result.get(key)) for key in figures)
        complete = complete and all(_are_counts(result.get(key, {})) for key in ("counts", "published"))
        # Earlier versions wrote 0 where no query had a match.
        complete = complete and ("error" in result or result.get("queries") != result.get("queries_without_match", 0))
    except OSError as error:
        raise CdnetError(f"{path} could not be read: {error.strerror or error}") from error
    except (ValueError, TypeError, OverflowError):
        complete = False
    if not complete:
        raise CdnetError(f"{path}: not a row's result; move it away to have the row evaluated anew")
    return cast("Result", result)


def _is_figure(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < math.inf


def _are_counts(value: object) -> bool:
    return isinstance(value, dict) and all(type(count) is int and count >= 0 for count in value.values())

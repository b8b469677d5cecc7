"""How long a search took, by its log, in Table 1's unit too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple

from cdnet.engine.record import read_whole_log
from cdnet.errors import CdnetError

SIDES = 2
"""A step takes a batch for w and one of the same size for alpha."""


class SearchTime(NamedTuple):
    """The time of a search, or of as much of one as its log has.

    Args:
        epochs: that the log has.
        seconds: of all of them, without decoding, the genotype and the report.
        milliseconds_per_image: the mean of the epochs', over the pictures of both sides, as the log has it.
        table_1: Table 1's time: milliseconds of a step over the pictures that update w alone, twice as many. So the
            authors' release counts; the paper says "to process one image during the search".
    """

    epochs: int
    seconds: float
    milliseconds_per_image: float
    table_1: float


def search_time(log: Sequence[Mapping[str, Any]]) -> SearchTime:
    """Tell the time of a search from its log.

    Args:
        log: a line an epoch, at least one, with ``seconds`` and ``milliseconds_per_image``.

    Raises:
        CdnetError: if there is no line, or one without these.
    """
    try:
        seconds = sum(float(line["seconds"]) for line in log)
        each = fmean(float(line["milliseconds_per_image"]) for line in log)
    except (KeyError, TypeError, ValueError):
        said = "the log is not one of a search: it has no epochs with seconds and milliseconds_per_image"
        raise CdnetError(said) from None
    return SearchTime(len(log), round(seconds, 2), round(each, 4), round(SIDES * each, 4))


def read_search_time(out: Path) -> SearchTime:
    """Tell the time of the search in a folder.

    Raises:
        CdnetError: if there is no log of a search.
    """
    return search_time(read_whole_log(out))

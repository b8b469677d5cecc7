"""Figures of merit part by part: whose are better than the average's, by what is known of every picture.

No labels but identity and camera are used. A part is the queries of one camera, or of one camera among the gallery of
another, or those of some brightness, or those with so many matches. Parts differ in more than what they are told by.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from cdnet.data.decode import Pixels
from cdnet.data.spelling import camera_of
from cdnet.errors import CdnetError, UndefinedError
from cdnet.evaluate.bootstrap import Intervals, bootstrap
from cdnet.evaluate.labels import UNKNOWN, Labels, SortedGallery
from cdnet.evaluate.matches import check_matches
from cdnet.evaluate.part_names import BRIGHTNESS, CAMERA, CAMERA_PAIR, MATCHES
from cdnet.evaluate.ranking import Metrics, QueryScores, average
from cdnet.shown_text import harmless

Rescore = Callable[[Tensor, Tensor], QueryScores]
"""Scores some queries against some of the gallery, both given by their numbers."""

_FROM = (1, 2, 5, 10, 20)
"""Matches from which on a query is in the next part."""
_QUARTERS = 4
_BLOCK = 512


@dataclass(frozen=True)
class Part:
    """Some of the queries, and what they scored.

    ``metrics`` is None where none of them has a match, or every answer would be right; ``intervals`` is None too where
    they were not asked for, or fewer than two queries have a match.
    """

    by: str
    name: str
    queries: int
    gallery: int
    metrics: Metrics | None
    intervals: Intervals | None = None

    def as_text(self, how: str = "") -> str:
        """Return one line; figures in per cent, with their intervals where there are some."""
        counts = f"{harmless(self.name)}: {self.queries} queries against {self.gallery} gallery pictures"
        if self.metrics is None:
            return f"{counts}, nothing to measure"
        said = []
        for name, key in (("rank-1", "rank1"), ("mAP", "mAP")):
            said.append(f"{name} {100 * getattr(self.metrics, key):.1f}")
            if self.intervals is not None:
                low, high = getattr(self.intervals, key)
                said[-1] += f" ({100 * low:.1f}-{100 * high:.1f})"
        left_out = self.metrics.queries_without_match
        return f"{counts}{f', {left_out} of them without a match' if left_out else ''}, {', '.join(said)}{how}"

    def to_json(self) -> dict[str, Any]:
        """Return what it is told by, its name, and the figures, which are null where there is nothing to measure."""
        figures = None if self.metrics is None else self.metrics.to_json()
        intervals = None if self.intervals is None else self.intervals.to_json()
        found = {"by": self.by, "name": self.name, "queries": self.queries, "gallery": self.gallery}
        return found | {"figures": figures, "intervals": intervals}


@dataclass(frozen=True)
class Known:
    """What is known of Q queries and G gallery pictures; ``cameras`` are the names behind the numbers of cameras."""

    query: Labels
    gallery: Labels
    cameras: Mapping[int, str]
    pixels: Pixels

    def camera(self, number: int) -> str:
        """Return a camera as it is called in a part's name."""
        return "a camera not known" if number == UNKNOWN else f"camera {self.cameras[number]}"


def check_known(kinds: Sequence[str], query: Labels, gallery: Labels) -> None:
    """See that what parts are to be told by is known of some picture.

    Raises:
        CdnetError: if no camera is known, or something is asked for twice.
    """
    if len(set(kinds)) < len(kinds):
        raise CdnetError(f"--by {' '.join(kinds)} names one of them twice; leave one out")
    cameras = torch.cat([query.cameras, gallery.cameras])
    asked = [kind for kind in kinds if kind in (CAMERA, CAMERA_PAIR)]
    if asked and bool((cameras == UNKNOWN).all()):
        raise CdnetError(
            f"--by {asked[0]}: no picture's camera is known; name cameras in the files' names, or leave it out"
        )


def break_down(
    kinds: Sequence[str], scores: QueryScores, known: Known, rescore: Rescore, samples: int = 0, seed: int = 0
) -> tuple[Part, ...]:
    """Return the parts, kind after kind, cameras in the order of their names.

    Args:
        kinds: some of :data:`cdnet.evaluate.part_names.PARTS`.
        scores: of the Q queries against the whole gallery.
        known: of queries and gallery.
        rescore: scores the queries of a camera against the gallery of another; not called for other kinds.
        samples: of the bootstrap for intervals; 0 for none.
        seed: of these samples.
    """
    found: list[Part] = []
    for kind in kinds:
        if kind == CAMERA_PAIR:
            found += _pairs(known, rescore, samples, seed)
            continue
        for name, rows in _TOLD[kind](known):
            part = QueryScores(*(each[rows] for each in scores))
            found.append(_part(kind, name, part, known.query[rows], known.gallery, samples, seed))
    return tuple(found)


def brightness(pixels: Pixels) -> Tensor:
    """Return how bright N pictures N x H x W x 3 are on average: luma by ITU-R BT.601, N numbers from 0 to 255."""
    weights = np.array([0.299, 0.587, 0.114])
    blocks = (pixels[start : start + _BLOCK].mean((1, 2), dtype=np.float64) for start in range(0, len(pixels), _BLOCK))
    return torch.from_numpy(np.concatenate([block @ weights for block in blocks]))


def _part(by: str, name: str, scores: QueryScores, query: Labels, gallery: Labels, samples: int, seed: int) -> Part:
    try:
        check_matches(query, gallery)
    except UndefinedError:
        return Part(by, name, len(query), len(gallery), None)
    enough = samples and int(scores.matched.sum()) > 1
    intervals = bootstrap(scores, samples, seed) if enough else None
    return Part(by, name, len(query), len(gallery), average(scores, len(gallery)), intervals)


def _pairs(known: Known, rescore: Rescore, samples: int, seed: int) -> list[Part]:
    found = []
    for own in _numbers(known, known.query):
        rows = _where(known.query.cameras == own)
        for other in _numbers(known, known.gallery):
            if own == other != UNKNOWN:
                continue  # by the protocol, a camera's own pictures of the person do not count
            columns = _where(known.gallery.cameras == other)
            query, gallery = known.query[rows], known.gallery[columns]
            name = f"{known.camera(own)} to {known.camera(other)}"
            found.append(_part(CAMERA_PAIR, name, rescore(rows, columns), query, gallery, samples, seed))
    return found


def _by_camera(known: Known) -> list[tuple[str, Tensor]]:
    return [(known.camera(own), _where(known.query.cameras == own)) for own in _numbers(known, known.query)]


def _by_brightness(known: Known) -> list[tuple[str, Tensor]]:
    bright = brightness(known.pixels)
    quarters = bright.argsort(stable=True).tensor_split(_QUARTERS)
    return [
        (f"brightness {bright[rows[0]]:.1f} to {bright[rows[-1]]:.1f} of 255", rows.sort().values)
        for rows in quarters
        if len(rows)
    ]


def _by_matches(known: Known) -> list[tuple[str, Tensor]]:
    matches = SortedGallery(known.gallery).related(known.query).matches.per_row(len(known.query))
    found = []
    for least, beyond in zip(_FROM, (*_FROM[1:], None), strict=True):
        rows = _where((matches >= least) & (matches < beyond if beyond else True))
        last = "or more" if beyond is None else f"to {beyond - 1}"
        name = f"{least} match" if beyond == least + 1 else f"{least} {last} matches"
        if len(rows):
            found.append((name, rows))
    return found


_TOLD = {CAMERA: _by_camera, BRIGHTNESS: _by_brightness, MATCHES: _by_matches}


def _numbers(known: Known, labels: Labels) -> list[int]:
    """Return the cameras that some pictures have, by name and numbers within it, the unknown one last."""
    numbers: list[int] = torch.unique(labels.cameras).tolist()
    return sorted(numbers, key=lambda number: (number == UNKNOWN, _order(known.cameras.get(number, ""))))


def _order(name: str) -> tuple[int, int, str]:
    number = camera_of(name)
    return (0, int(number), "") if number.isascii() and number.isdigit() else (1, 0, name)


def _where(rows: Tensor) -> Tensor:
    return rows.nonzero().flatten()

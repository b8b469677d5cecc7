"""CMC curves of several networks in one figure."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from matplotlib.lines import Line2D

from cdnet.errors import CdnetError
from cdnet.evaluate.ranking import Metrics
from cdnet.figures.lettering import labels, left_to_right
from cdnet.figures.style import COLUMN, LINE_COLOURS, LINE_MARKERS, LINE_STYLES, Drawn, new_figure, paper_style
from cdnet.files import write_text
from cdnet.json_file import read_json

MOST_CURVES = len(LINE_COLOURS)
MOST_RANKS = 50
MAX_BYTES = 16 * 2**20
"""Of a file of saved figures; eight curves to rank 50,000 have some 8 million."""
MARKED = (1, 5, 10, 15, 20, 30, 40, 50)
"""Ranks that have a marker."""


@dataclass(frozen=True)
class Curve:
    """A network's CMC: by rank, from 1, the share of queries with a match among so many pictures; and its mAP."""

    name: str
    shares: Mapping[int, float]
    mean_ap: float


def curve_of(name: str, metrics: Metrics) -> Curve:
    """Return the whole curve of an evaluation."""
    return Curve(name, dict(enumerate(metrics.cmc, start=1)), metrics.mAP)


def read_curves(path: Path) -> list[Curve]:
    """Read saved figures: of ``cdnet evaluate --json``, which has ranks 1, 5, 10 and 20, or of :func:`write_curves`.

    Raises:
        CdnetError: if the file is neither.
    """
    try:
        found = read_json(path, MAX_BYTES)
        if isinstance(found, dict):
            if found.get("queries") is not None and found["queries"] == found.get("queries_without_match"):
                raise CdnetError(f"{path}: no query had a match in the gallery, so that there is no curve to draw")
            ranks = {
                int(key[4:]): value
                for key, value in found.items()
                if key[:4] == "rank" and key[4:].isdigit() and value is not None  # None: beyond the gallery
            }
            # Figures of another protocol must not pass for those of the plain one.
            how = [text for key, text in (("flip", "flip"), ("rerank", "re-ranked")) if found.get(key)]
            curves = [Curve(", ".join([name_of(path), *how]), ranks, float(found["mAP"]))]
        else:
            curves = [
                Curve(
                    str(entry["name"]),
                    {int(rank): share for rank, share in entry["cmc"].items()},
                    float(entry["mAP"]),
                )
                for entry in found
            ]
        if not curves or not all(map(_sound, curves)):
            raise ValueError
    except OSError as error:
        raise CdnetError(f"{path} could not be read: {error.strerror or error}") from error
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
        raise CdnetError(
            f"{path}: no saved ranking; give a file that `cdnet evaluate --json` or `cdnet figure cmc --json` wrote"
        ) from None
    return curves


def _sound(curve: Curve) -> bool:
    shares = [curve.shares[rank] for rank in sorted(curve.shares)]
    return (
        1 in curve.shares
        and all(isinstance(share, int | float) and not isinstance(share, bool) for share in shares)
        and all(0 <= share <= 1 for share in [*shares, curve.mean_ap])
        and shares == sorted(shares)
    )


def write_curves(path: Path, curves: Sequence[Curve]) -> None:
    """Write curves as JSON, so that the figure can be drawn again without the pictures.

    Raises:
        CdnetError: if the file cannot be written.
    """
    rows = [{"name": curve.name, "mAP": curve.mean_ap, "cmc": dict(curve.shares)} for curve in curves]
    write_text(path, json.dumps(rows, indent=1, allow_nan=False) + "\n")


def name_of(source: Path | str) -> str:
    """Return what to call a network: its file's name, or its run's for the files that every run has."""
    path = Path(source)
    every = path.name in ("weights.safetensors", "evaluation.json") and path.absolute().parent.name
    return every or (path.stem if path.suffix in (".safetensors", ".json") else path.absolute().name)


def draw_cmc(curves: Sequence[Curve], ranks: int = 20) -> Drawn:
    """Draw the curves, each with its own colour, line style and marker, the legend in the order of rank-1.

    Between ranks that are not known lines are straight; a marker stands at ranks 1, 5, 10 and so on.

    Args:
        curves: 1 to ``MOST_CURVES``, all with different names.
        ranks: how far to draw, 2 to ``MOST_RANKS``.

    Raises:
        CdnetError: if they are too many or share a name, or ``ranks`` is out of range.
    """
    check_curves([curve.name for curve in curves], ranks)
    names = labels([curve.name for curve in curves])
    with paper_style(names):
        figure = new_figure(COLUMN, 2.5)
        ax = figure.subplots()
        styles = zip(LINE_COLOURS, LINE_STYLES, LINE_MARKERS, strict=True)
        lowest = 1.0
        drawn: list[tuple[float, int, Line2D]] = []
        for curve, name, (colour, dash, marker) in zip(curves, names, styles, strict=False):
            x = [rank for rank in sorted(curve.shares) if rank <= ranks]
            y = [100 * curve.shares[rank] for rank in x]
            marked = [index for index, rank in enumerate(x) if rank in MARKED]
            (line,) = ax.plot(x, y, color=colour, linestyle=dash, marker=marker, markevery=marked)
            line.set_markeredgecolor("white")
            line.set_markeredgewidth(0.4)
            line.set_markersize(5)
            line.set_label(f"{left_to_right(name)}: {y[0]:.1f} %")
            drawn.append((-y[0], len(drawn), line))
            lowest = min(lowest, curve.shares[1])
        # Down to the next ten below the lowest curve: of good networks only the top is of interest.
        floor = max(0, 10 * math.floor(10 * lowest - 0.3))
        ax.set(xlabel="rank k", ylabel="queries matched in the first k, %", xlim=(0.5, ranks + 0.5))
        ax.set_ylim(floor, 100 + 0.02 * (100 - floor))
        step = 5 if ranks <= 25 else 10
        ax.set_xticks([1, *range(step, ranks + 1, step)])
        ax.grid(visible=True)
        ax.legend(
            handles=[line for *_, line in sorted(drawn, key=lambda entry: entry[:2])],
            title="rank-1",
            title_fontsize=7,
            loc="lower right",
            handlelength=3.2,
            framealpha=0.9,
            edgecolor="none",
            borderpad=0.3,
        )
    told = "; ".join(
        f"{curve.name}: rank-1 {100 * curve.shares[1]:.1f} %, mAP {100 * curve.mean_ap:.1f} %" for curve in curves
    )
    return Drawn(figure, "CMC curves", f"CMC curves up to rank {ranks}. {told}.")


def check_curves(names: Sequence[str], ranks: int) -> None:
    """Refuse what one figure of curves cannot show.

    Raises:
        CdnetError: if there are too many curves or two of one name, or ``ranks`` is out of range.
    """
    if not 1 <= len(names) <= MOST_CURVES:
        raise CdnetError(f"1 to {MOST_CURVES} curves can be told apart in one figure, not {len(names)}")
    for name in names:
        if names.count(name) > 1:
            raise CdnetError(f"two networks are called {name!r}; name them with --labels")
    if not 2 <= ranks <= MOST_RANKS:
        raise CdnetError(f"--ranks must be from 2 to {MOST_RANKS}, not {ranks}")

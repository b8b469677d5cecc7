"""Charts as SVG, to be put inside a page: its style sheet colours them, by variables such as ``--series-1``.

Each series has its own line style and marker besides its colour, so that a chart can be read without any colours.
"""

from __future__ import annotations

import html
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import matplotlib
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

# Blue, orange, purple and grey of Okabe and Ito's palette: told apart with any kind of colour vision.
SERIES = ("#0072b2", "#d55e00", "#a8578a", "#6b6b6b")
LINES = ("-", "--", "-.", ":")
MARKERS = ("o", "s", "^", "D")
INK, FAINT = "#1b1f24", "#d0d4d9"

_VARIABLES = {INK: "--ink", FAINT: "--line"} | {colour: f"--series-{n}" for n, colour in enumerate(SERIES, start=1)}
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "text.parse_math": False,
    "font.family": "sans-serif",
    "font.size": 10,
    "axes.titlesize": 10,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "grid.color": FAINT,
    "grid.linewidth": 0.8,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "lines.linewidth": 1.8,
    "lines.markersize": 4.5,
    "legend.frameon": False,
}


class Line(NamedTuple):
    """One series of a chart."""

    label: str
    x: Sequence[float]
    y: Sequence[float]


def cmc_chart(curves: Mapping[str, Sequence[float]], ranks: int = 20) -> str:
    """Draw CMC curves, one for each method.

    Args:
        curves: of each method, by its name, the share in [0, 1] of queries with a match among the first 1, 2, ...
            pictures; at most four methods, in the order of the table.
        ranks: how far to draw.
    """
    lines = []
    for name, curve in curves.items():
        shown = [100 * share for share in curve[:ranks]]
        lines.append(Line(name, range(1, len(shown) + 1), shown))
    starts = ", ".join(f"{line.label} {line.y[0]:.1f} %" for line in lines)
    with _chart("cmc", f"CMC curves up to rank {ranks}. At rank 1: {starts}.", 1) as (axes, drawn):
        _draw(axes[0], lines)
        axes[0].set(xlabel="rank k", ylabel="queries with a match in the first k, %", ylim=(0, 102))
        axes[0].set_xlim(0.5, ranks + 0.5)
        axes[0].set_xticks([1, *range(5, ranks + 1, 5)])
        _legend_above(axes[0], columns=2)
    return drawn[0]


def loss_chart(log: Sequence[Mapping[str, Any]]) -> str:
    """Draw the losses of each epoch of a training log (:func:`cdnet.engine.record.read_log`), one panel for each kind.

    Raises:
        ValueError: if the log is empty.
    """
    if not log:
        raise ValueError("a training log without a line")
    epochs = [line["epoch"] for line in log]
    heads = _head_names(len(log[0]["softmax"]))
    first, last = log[0]["loss"], log[-1]["loss"]
    with _chart("loss", f"The losses by epoch; their sum went from {first:.2f} to {last:.2f}.", 2) as (axes, drawn):
        for ax, kind, title in zip(axes, ("softmax", "triplet"), ("softmax loss", "triplet loss"), strict=True):
            parts = [[line[kind][head] for line in log] for head in range(len(heads))]
            _draw(ax, [Line(name, epochs, part) for name, part in zip(heads, parts, strict=True)])
            ax.set(ylabel=title)
            ax.set_ylim(bottom=0)
        axes[0].tick_params(labelbottom=False)
        axes[1].set_xlabel("epoch")
        _whole_epochs(axes[1], epochs[-1])
        _legend_above(axes[0], columns=2)
    return drawn[0]


def quality_chart(log: Sequence[Mapping[str, Any]]) -> str | None:
    """Draw rank-1 and mAP over the epochs of a training log; None if the log has neither.

    An epoch where they were not defined has no point.
    """
    watched = [line for line in log if line.get("rank1") is not None]
    if not watched:
        return None
    epochs = [line["epoch"] for line in watched]
    lines = [
        Line(name, epochs, [100 * line[key] for line in watched]) for name, key in (("rank-1", "rank1"), ("mAP", "mAP"))
    ]
    description = f"Rank-1 and mAP by epoch; at the end {lines[0].y[-1]:.1f} % and {lines[1].y[-1]:.1f} %."
    with _chart("quality", description, 1) as (axes, drawn):
        _draw(axes[0], lines)
        axes[0].set(xlabel="epoch", ylabel="on the test identities, %", ylim=(0, 102))
        _whole_epochs(axes[0], epochs[-1])
        _legend_above(axes[0], columns=2)
    return drawn[0]


def _head_names(count: int) -> list[str]:
    names = ["whole body (BLNeck)", "stripes (FNeck)"]
    return names if count == 2 else [f"head {number}" for number in range(1, count + 1)]


def _draw(ax: Any, lines: Sequence[Line]) -> None:
    # Up to 10 markers a line: enough to tell it, without hiding it.
    for line, colour, dash, marker in zip(lines, SERIES, LINES, MARKERS, strict=False):
        every = max(1, len(line.x) // 10)
        ax.plot(line.x, line.y, color=colour, linestyle=dash, marker=marker, markevery=every, label=line.label)


def _legend_above(ax: Any, columns: int) -> None:
    ax.legend(
        loc="lower left",
        bbox_to_anchor=(-0.02, 1.0),
        ncols=columns,
        borderaxespad=0.2,
        handlelength=3,
        columnspacing=1.4,
    )


def _whole_epochs(ax: Any, last: int) -> None:
    ax.set_xlim(0, last * 1.03)
    ax.xaxis.set_major_locator(MaxNLocator(8, integer=True))


@contextmanager
def _chart(name: str, description: str, panels: int) -> Iterator[tuple[list[Any], list[str]]]:
    """Give the axes of the panels, one above the other; after the block the list holds the SVG."""
    drawn: list[str] = []
    with matplotlib.rc_context({**_STYLE, "svg.hashsalt": name}):
        figure = Figure(figsize=(5.4, 3.9), layout="constrained")
        FigureCanvasSVG(figure)
        axes = figure.subplots(panels, 1, sharex=True, squeeze=False)[:, 0]
        yield list(axes), drawn
        buffer = io.StringIO()
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(buffer, format="svg", transparent=True, metadata=nothing)
    drawn.append(_for_page(buffer.getvalue(), name, description))


def _for_page(svg: str, name: str, description: str) -> str:
    """Cut an SVG file down to the element, with ids of its own and the page's colours."""
    svg = svg[svg.index("<svg") :].strip()
    svg = re.sub(r'\s+xmlns(:\w+)?="[^"]*"', "", svg)
    svg = svg.replace("xlink:href", "href")
    svg = re.sub(r'\bid="', f'id="{name}-', svg)
    svg = re.sub(r'(href="#|url\(#)', rf"\g<1>{name}-", svg)
    svg = re.sub(r'<svg width="[^"]*" height="[^"]*"', "<svg", svg)
    for colour, variable in _VARIABLES.items():
        svg = re.sub(colour, f"var({variable}, {colour})", svg, flags=re.IGNORECASE)
    return svg.replace("<svg", f'<svg role="img" aria-label="{html.escape(description)}"', 1)

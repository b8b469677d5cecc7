"""mAP against milliseconds and against MACs, for networks of ours and of others, measured and published."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke
from matplotlib.ticker import LogLocator, NullFormatter
from matplotlib.transforms import Bbox

from cdnet.errors import CdnetError
from cdnet.figures.lettering import labels, left_to_right
from cdnet.figures.network_costs import NetworkCost
from cdnet.figures.style import LINE_COLOURS, PAGE, Drawn, new_figure, paper_style
from cdnet.progress import notes

log = notes(__name__)

MOST = 40
"""Networks that one figure has room for."""
KINDS = (
    ("ours", True, LINE_COLOURS[0], "o"),
    ("others'", False, LINE_COLOURS[1], "s"),
)
SIZES = (4, 6)
"""Of the signs of measured and of published accuracy: a hollow sign stays to be seen around another."""
PLACES = tuple((x, y) for y in (0, 5, -5, 11, -11, 17, -17) for x in (5, -5, 0) if x or abs(y) > 5)
"""Where a name may stand, in points from its network, the best first."""


def draw_networks(costs: Sequence[NetworkCost], batch: int) -> Drawn:
    """Draw two panels with log axes: milliseconds a picture, and MACs; a network stands where its cost is known.

    Ours are circles with bold names, others' squares; accuracy that is published and not measured has no filling.

    Args:
        costs: at most ``MOST``.
        batch: pictures at once, whose times are drawn.

    Raises:
        CdnetError: if they are too many, or the cost of none is known.
    """
    if len(costs) > MOST:
        raise CdnetError(f"one figure has room for {MOST} networks, not {len(costs)}")
    timed = [(cost, cost.times[batch].ms) for cost in costs if batch in cost.times]
    counted = [(cost, cost.macs / 1e6) for cost in costs if cost.macs is not None]
    if not timed and not counted:
        raise CdnetError("neither milliseconds nor MACs of any network are known; give rows of `cdnet bench inference`")
    nowhere = [cost.name for cost in costs if cost.macs is None and batch not in cost.times]
    if nowhere:
        log.info(f"in the table alone, for neither their time nor their MACs are known: {', '.join(nowhere)}")
    names = dict(zip([cost.name for cost in costs], labels([cost.name for cost in costs]), strict=True))
    panels = [
        (timed, f"milliseconds a picture, batch {batch}"),
        (counted, "million multiply-accumulates a picture"),
    ]
    panels = [panel for panel in panels if panel[0]]
    with paper_style(names.values()):
        figure = new_figure(PAGE, 4.2)
        axes = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
        for ax, (points, title) in zip(axes, panels, strict=True):
            _points(ax, points, title)
        axes[0].set_ylabel("mAP, %")
        figure.legend(handles=_legend(costs), loc="outside upper center", ncols=4, frameon=False, handletextpad=0.2)
        figure.draw_without_rendering()  # sizes of letters and axes are known from here on
        for ax, (points, _) in zip(axes, panels, strict=True):
            _name(ax, points, names)
    told = "; ".join(_told(cost, batch) for cost in costs)
    return Drawn(figure, "mAP against cost", f"mAP against milliseconds and MACs of a picture, log axes. {told}.")


def _points(ax: Any, points: Sequence[tuple[NetworkCost, float]], title: str) -> None:
    for cost, x in points:
        _, _, colour, marker = KINDS[0 if cost.ours else 1]
        face = "none" if cost.source else colour
        size = SIZES[bool(cost.source)]
        look = {"marker": marker, "color": colour, "markerfacecolor": face, "markersize": size, "linestyle": "none"}
        ax.plot(x, 100 * cost.mean_ap, zorder=3 if cost.ours else 2.5, **look)
    ax.set_xscale("log")
    values = [x for _, x in points]
    ax.set(xlabel=title, xlim=(min(values) / 1.5, max(values) * 2.2))
    ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    ax.xaxis.set_major_formatter("{x:g}")
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.margins(y=0.12)
    ax.grid(visible=True)


def _name(ax: Any, points: Sequence[tuple[NetworkCost, float]], names: dict[str, str]) -> None:
    """Put each network's name where it covers as little as possible of points and other names."""
    dots = [ax.transData.transform((x, 100 * cost.mean_ap)) for cost, x in points]
    half = [ax.figure.dpi / 72 * (SIZES[bool(cost.source)] + 1) / 2 for cost, _ in points]
    taken = [Bbox.from_extents(x - r, y - r, x + r, y + r) for (x, y), r in zip(dots, half, strict=True)]
    frame = ax.get_window_extent()
    for own, (cost, x) in enumerate(points):
        text = ax.annotate(
            left_to_right(names[cost.name]),
            (x, 100 * cost.mean_ap),
            (0, 0),
            textcoords="offset points",
            fontsize=5.5,
            weight="bold" if cost.ours else "normal",
            path_effects=[withStroke(linewidth=1.5, foreground="white")],  # no line of the grid runs through a name
        )
        best: tuple[float, tuple[int, int]] | None = None
        for place in PLACES:
            _put(text, place)
            box = text.get_window_extent()
            others = taken[:own] + taken[own + 1 :]
            covered = sum(_shared(box, other) for other in others) + box.width * box.height - _shared(box, frame)
            if best is None or covered < best[0] - 1e-6:
                best = covered, place
        assert best is not None
        _put(text, best[1])
        taken.append(text.get_window_extent())


def _put(text: Any, place: tuple[int, int]) -> None:
    across, up = place
    text.set_position(place)
    text.set_horizontalalignment("left" if across > 0 else "right" if across < 0 else "center")
    text.set_verticalalignment("bottom" if up > 0 else "top" if up < 0 else "center")


def _shared(one: Any, other: Any) -> float:
    """Return the area that two boxes share."""
    across = min(one.x1, other.x1) - max(one.x0, other.x0)
    up = min(one.y1, other.y1) - max(one.y0, other.y0)
    return float(max(0.0, across) * max(0.0, up))


def _legend(costs: Sequence[NetworkCost]) -> list[Line2D]:
    handles = []
    for name, ours, colour, marker in KINDS:
        for published in (False, True):
            if any(cost.ours is ours and bool(cost.source) is published for cost in costs):
                face = "none" if published else colour
                label = f"{name}, {'mAP as published' if published else 'measured'}"
                look = {"marker": marker, "color": colour, "markerfacecolor": face, "linestyle": "none"}
                handles.append(Line2D([], [], markersize=SIZES[published], label=label, **look))  # type: ignore[arg-type]
    return handles


def _told(cost: NetworkCost, batch: int) -> str:
    parts = [f"{cost.name}: mAP {100 * cost.mean_ap:.1f} %{' as published' if cost.source else ''}"]
    if cost.macs is not None:
        parts.append(f"{cost.macs / 1e6:,.1f} M MACs")
    if batch in cost.times:
        parts.append(f"{cost.times[batch].ms:.3g} ms in {cost.times[batch].runtime}")
    return ", ".join(parts)

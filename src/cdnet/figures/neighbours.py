"""Neighbours: some pictures, each with those of a gallery that are nearest to it; nobody says who they are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cdnet.data.decode import Pixels
from cdnet.figures.ranked import BELOW, BETWEEN, GAP, HEAD, MARGIN, WIDEST, check_lists
from cdnet.figures.style import INK, PAGE, Drawn, new_figure, paper_style, picture_panel
from cdnet.shown_text import harmless

LETTERS = 14
"""Of a file's name; more would run into the next one's."""


def draw_neighbours(
    queries: Sequence[tuple[str, Pixels]], lists: Sequence[Sequence[tuple[str, float, Pixels]]]
) -> Drawn:
    """Draw a row a query: the query, then its neighbours with their similarities, nearest first.

    Args:
        queries: name and pixels H x W x 3 of each, 1 to ``MOST_QUERIES``.
        lists: name, cosine similarity and pixels of each neighbour, 1 to ``MOST_PLACES`` a query.

    Raises:
        CdnetError: if they are too many for a figure.
    """
    places = max(map(len, lists))
    check_lists(len(queries), places)
    names = [name for name, _ in queries] + [name for found in lists for name, _, _ in found]
    pitch = min((PAGE - MARGIN * 2 - BETWEEN + GAP) / (places + 1), WIDEST + GAP)
    wide = pitch - GAP
    height, width = queries[0][1].shape[:2]
    down = wide * height / width + BELOW + 0.1
    with paper_style(map(harmless, names)):
        figure = new_figure(
            MARGIN * 2 + BETWEEN + pitch * (places + 1) - GAP, HEAD + down * len(queries), arranged=False
        )
        for row, ((name, pixels), found) in enumerate(zip(queries, lists, strict=True)):
            top = HEAD + row * down
            panels = [(MARGIN, pixels, _short(name), "query")]
            panels += (
                (
                    MARGIN + BETWEEN + rank * pitch,
                    shown,
                    f"{value:.3f}\n{_short(other)}".replace("-0.", "\u22120."),
                    str(rank),
                )
                for rank, (other, value, shown) in enumerate(found, start=1)
            )
            for left, shown, below, head in panels:
                ax = picture_panel(figure, shown, left, top, wide)
                ax.text(0.5, -0.02, below, color=INK, ha="center", va="top", transform=ax.transAxes, fontsize=4.5)
                if row == 0:
                    ax.set_title(head, pad=4)
    about = f"{len(queries)} queries and the {places} pictures of the gallery nearest to each, with their similarities."
    return Drawn(figure, "Neighbours", about)


def _short(name: str) -> str:
    name = harmless(Path(name).name)
    return name if len(name) <= LETTERS else f"\u2026{name[1 - LETTERS :]}"

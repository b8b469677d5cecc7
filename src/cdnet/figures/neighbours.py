"""Queries with what is nearest to them, without identities: a sheet to look at."""

from __future__ import annotations

from collections.abc import Sequence

from cdnet.data.decode import Pixels
from cdnet.figures.style import INK, PAGE, Drawn, new_figure, paper_style, picture_panel

GAP, BETWEEN, MARGIN, HEAD, BELOW, WIDEST = 0.06, 0.14, 0.04, 0.22, 0.22, 0.75
"""In inches: between pictures, after the query, around all, above and below pictures; the widest a picture gets."""
MOST_QUERIES = MOST_PLACES = 20


def draw_neighbours(queries: Sequence[Pixels], found: Sequence[Sequence[tuple[Pixels, float]]]) -> Drawn:
    """Draw a row a query: the query, then what is nearest to it with its similarity below, nearest first.

    Args:
        queries: 1 to 20 pictures H x W x 3 of one size.
        found: for each, up to 20 pictures of that size and their similarities.
    """
    places = max(map(len, found))
    pitch = min((PAGE - MARGIN * 2 - BETWEEN + GAP) / (places + 1), WIDEST + GAP)
    wide = pitch - GAP
    down = wide * queries[0].shape[0] / queries[0].shape[1] + BELOW
    with paper_style():
        figure = new_figure(
            MARGIN * 2 + BETWEEN + pitch * (places + 1) - GAP, HEAD + down * len(queries), arranged=False
        )
        for row, (query, nearest) in enumerate(zip(queries, found, strict=True)):
            top = HEAD + row * down
            ax = picture_panel(figure, query, MARGIN, top, wide)
            if row == 0:
                ax.set_title("query", pad=4)
            for rank, (picture, similarity) in enumerate(nearest, start=1):
                ax = picture_panel(figure, picture, MARGIN + BETWEEN + rank * pitch, top, wide)
                said = f"{similarity:.2f}".replace("-", "\u2212")
                ax.text(0.5, -0.03, said, color=INK, ha="center", va="top", transform=ax.transAxes)
                if row == 0:
                    ax.set_title(str(rank), pad=4)
    about = f"{len(queries)} queries and up to {places} pictures nearest to each, with their cosine similarity."
    return Drawn(figure, "Nearest pictures", about)

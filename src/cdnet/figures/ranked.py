"""Ranked lists: some queries with what the network puts first, each picture marked right or wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from matplotlib.patches import Rectangle
from torch import Tensor

from cdnet.errors import CdnetError
from cdnet.evaluate.evaluation import TestPictures
from cdnet.evaluate.matches import check_matches
from cdnet.figures.style import INK, PAGE, RIGHT, WRONG, Drawn, new_figure, paper_style, picture_panel
from cdnet.report.ranked import RankedList, choose_lists, rank_queries

MOST_QUERIES = 20
MOST_PLACES = 20

# In inches: between pictures, between the query and its list, around all, and the widest that a picture gets.
GAP, BETWEEN, MARGIN, HEAD, BELOW, WIDEST = 0.06, 0.14, 0.04, 0.22, 0.22, 0.75

_TILE = 256


def check_lists(queries: int, length: int) -> None:
    """Refuse numbers of queries and places that a figure cannot show.

    Raises:
        CdnetError: if they are not 1 to ``MOST_QUERIES`` and 1 to ``MOST_PLACES``.
    """
    if not (1 <= queries <= MOST_QUERIES and 1 <= length <= MOST_PLACES):
        raise CdnetError(
            f"a figure has 1 to {MOST_QUERIES} queries with 1 to {MOST_PLACES} places each, not {queries} and {length}"
        )


def chosen_lists(
    query_features: Tensor, gallery_features: Tensor, pictures: TestPictures, queries: int = 6, length: int = 10
) -> list[RankedList]:
    """Return lists from the best to the worst: about a third of queries that failed, if there are as many.

    The choice is that of :func:`cdnet.report.ranked.choose_lists`: the same each time.

    Args:
        query_features: Q x D.
        gallery_features: G x D.
        pictures: the queries and the gallery.
        queries: lists wanted.
        length: places of each.

    Raises:
        CdnetError: if fewer queries than that have a match in the gallery, or features cannot be compared.
    """
    query, gallery = pictures.labels()
    check_matches(query, gallery)
    lists: list[RankedList] = []
    for start in range(0, len(query), _TILE):  # a tile at a time: all pairs at once take gigabytes
        rows = slice(start, start + _TILE)
        tile = rank_queries(query_features[rows], gallery_features, query[rows], gallery, length)
        lists += [replace(entry, query=entry.query + start) for entry in tile]
    if len(lists) < queries:
        raise CdnetError(
            f"{queries} queries are asked for, and {len(lists)} have a match in the gallery; ask for fewer"
        )
    failed = queries // 3
    chosen = choose_lists(lists, query, solved=queries - failed, failed=failed)
    taken = {entry.query for entry in chosen}
    spare = (entry for entry in lists if entry.query not in taken)
    # Where people are fewer than the lists wanted, some are shown by another of their queries.
    chosen += [entry for entry, _ in zip(spare, range(queries - len(chosen)), strict=False)]
    return sorted(chosen, key=lambda entry: (-entry.average_precision, entry.query))


def draw_ranked(lists: Sequence[RankedList], pictures: TestPictures) -> Drawn:
    """Draw a row a query: the query, then the gallery pictures ranked first, nearest first.

    A right picture has a solid frame and a tick, a wrong one a dashed frame and a cross; its similarity is below.

    Args:
        lists: 1 to ``MOST_QUERIES``, with equally many places or fewer.
        pictures: what they point into.
    """
    places = max(len(entry.places) for entry in lists)
    pitch = min((PAGE - MARGIN * 2 - BETWEEN + GAP) / (places + 1), WIDEST + GAP)
    wide = pitch - GAP
    height, width = pictures.query.pixels.shape[1:3]
    down = wide * height / width + BELOW
    with paper_style():
        figure = new_figure(MARGIN * 2 + BETWEEN + pitch * (places + 1) - GAP, HEAD + down * len(lists), arranged=False)
        for row, entry in enumerate(lists):
            top = HEAD + row * down
            ax = picture_panel(figure, pictures.query.pixels[entry.query], MARGIN, top, wide)
            _frame(ax, INK, "-", 0.5)
            _write_below(ax, f"AP {100 * entry.average_precision:.0f} %", INK)
            if row == 0:
                ax.set_title("query", pad=4)
            for rank, place in enumerate(entry.places, start=1):
                colour, dash, sign = (RIGHT, "-", "\u2713") if place.right else (WRONG, (0, (2.2, 1.2)), "\u2717")
                left = MARGIN + BETWEEN + rank * pitch
                ax = picture_panel(figure, pictures.gallery.pixels[place.picture], left, top, wide)
                _frame(ax, colour, dash, 1.6)
                _write_below(ax, f"{sign} {place.similarity:.2f}".replace("-", "\u2212"), colour)
                if row == 0:
                    ax.set_title(str(rank), pad=4)
    told = "; ".join(
        f"query {number}: {_ranks(entry)}, first match at rank {entry.first_right}"
        for number, entry in enumerate(lists, start=1)
    )
    about = (
        f"{len(lists)} queries and the {places} gallery pictures nearest to each; solid frame and tick: the same "
        f"person, dashed frame and cross: another. {told}."
    )
    return Drawn(figure, "Ranked lists", about)


def _ranks(entry: RankedList) -> str:
    right = [str(rank) for rank, place in enumerate(entry.places, start=1) if place.right]
    return f"right at {', '.join(right)}" if right else "none of them right"


def _frame(ax: Any, colour: str, dash: Any, thick: float) -> None:
    ax.add_patch(
        Rectangle((0, 0), 1, 1, transform=ax.transAxes, fill=False, edgecolor=colour, linestyle=dash, linewidth=thick)
    ).set_clip_on(False)


def _write_below(ax: Any, text: str, colour: str) -> None:
    ax.text(0.5, -0.03, text, color=colour, ha="center", va="top", transform=ax.transAxes)

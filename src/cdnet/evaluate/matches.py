"""Which queries have a match, told by their labels: pure functions of tensors."""

from __future__ import annotations

from cdnet.data.matches import Matches
from cdnet.errors import UndefinedError
from cdnet.evaluate.labels import Labels, SortedGallery


def count_matches(query: Labels, gallery: Labels, tile: int = 256) -> Matches:
    """Count the queries that have a match, and those that have none by the reason.

    Args:
        query: labels of the queries.
        gallery: labels of the gallery.
        tile: queries looked at at a time.
    """
    matched = absent = alone = unopposed = 0
    ordered = SortedGallery(gallery)
    for start in range(0, len(query), tile):
        rows = query[start : start + tile]
        matches, own, itself = ordered.related(rows)
        others = own.where(rows.pictures[own.rows] != gallery.pictures[own.columns]).per_row(len(rows))
        has_match = matches.per_row(len(rows)) > 0
        same = ordered.count_same(rows)
        matched += int(has_match.sum())
        unopposed += int((has_match & (len(gallery) == same + itself.per_row(len(rows)))).sum())
        absent += int((same == 0).sum())
        alone += int(((same > 0) & ~has_match & (others == 0)).sum())
    return Matches(matched, absent, alone, len(query) - matched - absent - alone, unopposed)


def check_matches(query: Labels, gallery: Labels) -> Matches:
    """See that some query has a match, and that it could be missed, and count.

    Raises:
        UndefinedError: if not, with the reason and what to do.
    """
    found = count_matches(query, gallery)
    if found.problem:
        raise UndefinedError(found.problem)
    return found

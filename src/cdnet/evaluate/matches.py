"""Which queries can have a match at all, and why the others have none: told by the labels, before anything is computed.

Pure functions of labels.
"""

from __future__ import annotations

from dataclasses import dataclass

from cdnet.errors import UndefinedError
from cdnet.evaluate.ranking import Labels, excluded


@dataclass(frozen=True)
class Matches:
    """How many queries have a match, and how many have none for each reason.

    Args:
        matched: queries that some gallery picture of their identity counts for.
        absent: the gallery has no picture of their identity.
        alone: the gallery's only picture of their identity is the query itself.
        own_camera: all other gallery pictures of their identity are by the query's own camera, and do not count.
        unopposed: of those that have a match, how many the gallery has no other identity's picture for: whatever is
            ranked first is right.
    """

    matched: int
    absent: int
    alone: int
    own_camera: int
    unopposed: int = 0

    @property
    def queries(self) -> int:
        """How many queries there are."""
        return self.matched + self.absent + self.alone + self.own_camera

    def why_none(self) -> str:
        """Say why queries have no match, and what to do."""
        reasons = (
            (
                self.absent,
                "have an identity of which the gallery has no picture",
                "give pictures of the same identities, under the same names, as queries and in the gallery",
            ),
            (
                self.alone,
                "are themselves the gallery's only picture of their identity",
                "give two or more pictures of an identity",
            ),
            (
                self.own_camera,
                "meet only pictures by their own camera of their identity, which do not count",
                "give pictures of an identity by two or more cameras, or, where cameras do not matter, name none, "
                "neither in the files' names, as _c1 does, nor in the CSV file's column",
            ),
        )
        there = [(number, what, remedy) for number, what, remedy in reasons if number]
        said = ", ".join(f"{number:,} of {self.queries:,} queries {what}" for number, what, _ in there)
        return f"{said}; {'; or '.join(remedy for *_, remedy in there)}"


def count_matches(query: Labels, gallery: Labels, tile: int = 256) -> Matches:
    """Count the queries that have a match, and those that have none by the reason.

    Args:
        query: labels of the queries.
        gallery: labels of the gallery.
        tile: queries looked at at a time.
    """
    matched = absent = alone = unopposed = 0
    for start in range(0, len(query), tile):
        rows = query[start : start + tile]
        same = rows.identities[:, None] == gallery.identities
        other = same & (rows.pictures[:, None] != gallery.pictures)
        counts = ~excluded(rows, gallery)
        has_match = (same & counts).any(1)
        matched += int(has_match.sum())
        unopposed += int((has_match & ~(counts & ~same).any(1)).sum())
        absent += int((~same.any(1)).sum())
        alone += int((same.any(1) & ~other.any(1)).sum())
    return Matches(matched, absent, alone, len(query) - matched - absent - alone, unopposed)


def check_matches(query: Labels, gallery: Labels) -> Matches:
    """See that some query has a match, and that it could be missed, and count.

    Raises:
        UndefinedError: if not, with the reason and what to do.
    """
    found = count_matches(query, gallery)
    if not found.queries:
        raise UndefinedError("there are no queries, so that nothing can be measured")
    if not found.matched:
        raise UndefinedError(
            f"no query has a match in the gallery, so that nothing can be measured: {found.why_none()}"
        )
    if found.unopposed == found.matched:
        raise UndefinedError(
            "the gallery pictures that count for a query all show its own identity, so that whatever is "
            "ranked first is right, and nothing can be measured; give pictures of other identities in the gallery"
        )
    return found

"""Which queries can have a match at all, and why the others have none: told by names alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from cdnet.data.pictures import Picture
from cdnet.data.real_paths import RealPaths


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

    @property
    def unmatched(self) -> int:
        """How many queries have none."""
        return self.queries - self.matched

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

    @property
    def problem(self) -> str:
        """Say why nothing can be measured, and what to do; nothing if it can."""
        if not self.queries:
            return "there are no queries, so that nothing can be measured"
        if not self.matched:
            return f"no query has a match in the gallery, so that nothing can be measured: {self.why_none()}"
        if self.unopposed == self.matched:
            return (
                "the gallery pictures that count for a query all show its own identity, so that whatever is "
                "ranked first is right, and nothing can be measured; give pictures of other identities in the gallery"
            )
        return ""


def match_pictures(query: Iterable[Picture], gallery: Iterable[Picture]) -> Matches:
    """Count the queries that have a match, and those that have none by the reason.

    A query is matched by a picture of its identity that is neither itself nor by the same known camera.
    """
    pictures, real = tuple(gallery), RealPaths()
    of_identity: dict[str, _Gallery] = {}
    listed: Counter[str] = Counter()
    for picture in pictures:
        path = real(picture.path)
        listed[path] += 1
        of_identity.setdefault(picture.identity, _Gallery()).add(path, picture.camera)
    matched = absent = alone = own_camera = unopposed = 0
    for picture in query:
        path, same = real(picture.path), of_identity.get(picture.identity, _Gallery())
        if same.matching(path, picture.camera):
            matched += 1
            # A picture of another identity always counts, unless it is the query's own file under another name.
            unopposed += len(pictures) - same.count == listed[path] - same.paths[path]
        elif not same.count:
            absent += 1
        elif same.count == same.paths[path]:
            alone += 1
        else:
            own_camera += 1
    return Matches(matched, absent, alone, own_camera, unopposed)


class _Gallery:
    # The gallery's pictures of one identity, counted so that each query is answered at once, however many they are.

    def __init__(self) -> None:
        self.count = 0
        self.paths: Counter[str] = Counter()
        self._cameras: Counter[str | None] = Counter()
        self._both: Counter[tuple[str, str | None]] = Counter()

    def add(self, path: str, camera: str | None) -> None:
        self.count += 1
        self.paths[path] += 1
        self._cameras[camera] += 1
        self._both[path, camera] += 1

    def matching(self, path: str, camera: str | None) -> int:
        if camera is None:
            return self.count - self.paths[path]
        return self.count - self._cameras[camera] - self.paths[path] + self._both[path, camera]

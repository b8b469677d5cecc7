"""What stands in the way of training, searching or evaluating on a data set, with the way out.

``cdnet data check`` lists it, and the other commands refuse by it, so that all have one verdict.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from os.path import realpath

from cdnet.data.pictures import Picture, ReidData
from cdnet.errors import CdnetError

PURPOSES = ("training", "search", "evaluation")
LEAST_IDENTITIES = 2
_WAY_OUT = {
    "train": ("add a folder, or rows of a CSV file, to train on", "hold out fewer identities with --data.holdout"),
    "query": ("add folders, or rows of a CSV file, to test on", "hold out more identities with --data.holdout"),
}


def refuse_obstacles(data: ReidData, purpose: str, identities: int = LEAST_IDENTITIES) -> None:
    """Refuse a data set that does not serve a purpose.

    Args:
        data: as read from disk.
        purpose: one of ``PURPOSES``.
        identities: of a batch, where batches are made.

    Raises:
        CdnetError: with the first of its :func:`obstacles`.
    """
    found = obstacles(data, purpose, identities)
    if found:
        raise CdnetError(found[0])


def obstacles(data: ReidData, purpose: str, identities: int = LEAST_IDENTITIES) -> tuple[str, ...]:
    """Return what stands in the way of a purpose, a sentence each; arguments as of :func:`refuse_obstacles`."""
    needed = ("query", "gallery") if purpose == "evaluation" else ("train",)
    try:
        for split in needed:
            data.require(split)
    except CdnetError as error:
        if data.unparsed or data.missing:
            return (str(error),)
        given, divided = _WAY_OUT[needed[0]]
        return (f"{error}; {divided if 'held out' in data.name else given}",)
    rules = {"training": _training, "search": _search}
    found = _evaluation(data) if purpose == "evaluation" else rules[purpose](data, identities)
    return tuple(f"{data.root}: {sentence}" for sentence in found)


def count_unmatched(query: Iterable[Picture], gallery: Iterable[Picture]) -> int:
    """Return how many queries no picture in the gallery can match.

    A query is matched by a picture of its identity that is neither itself nor by the same known camera.
    """
    of_identity: dict[str, list[Picture]] = {}
    for picture in gallery:
        of_identity.setdefault(picture.identity, []).append(picture)
    return sum(
        not any(
            (picture.camera is None or other.camera != picture.camera)
            and realpath(other.path) != realpath(picture.path)
            for other in of_identity.get(picture.identity, ())
        )
        for picture in query
    )


def _training(data: ReidData, identities: int) -> list[str]:
    pictures_of = Counter(picture.identity for picture in data.train)
    if len(pictures_of) >= LEAST_IDENTITIES and max(pictures_of.values()) < 2:
        return [
            f"each of the {len(pictures_of):,} identities of the training set has a single picture, and the triplet "
            "loss needs two of one; add pictures"
        ]
    return _too_few(len(pictures_of), identities, "the training set has")


def _search(data: ReidData, identities: int) -> list[str]:
    # One with a single picture is on one side of the search alone.
    pictures_of = Counter(picture.identity for picture in data.train)
    enough = sum(count > 1 for count in pictures_of.values())
    what = "the training set has" if enough == len(pictures_of) else "with two pictures or more the training set has"
    return _too_few(enough, identities, what)


def _too_few(found: int, identities: int, what: str) -> list[str]:
    people = f"{found} {'identity' if found == 1 else 'identities'}"
    if found < LEAST_IDENTITIES:
        return [
            f"{what} {people}, and at least {LEAST_IDENTITIES} are needed; add people, or hold out fewer of them, none "
            "with --data.holdout 0"
        ]
    if found < identities:
        return [f"{what} {people}, fewer than the {identities} of a batch; make it smaller: --batch.identities {found}"]
    return []


def _evaluation(data: ReidData) -> list[str]:
    if count_unmatched(data.query, data.gallery) == len(data.query):
        return [f"no query can have a match in the gallery: {_why_unmatched(data)}"]
    searched = {picture.identity for picture in data.gallery}
    if len(searched) == 1:
        return [
            f"the gallery shows one identity only, {min(searched)}, so that every answer would be right; add others, "
            "or hold out more, all with --data.holdout 1"
        ]
    return []


def _why_unmatched(data: ReidData) -> str:
    queried, searched = ({picture.identity for picture in split} for split in (data.query, data.gallery))
    if not queried & searched:
        return f"none of their identities is there, neither {min(queried)} nor another; name them alike in both"
    shown = Counter({realpath(picture.path): picture.identity for picture in (*data.query, *data.gallery)}.values())
    if all(shown[identity] == 1 for identity in queried):
        return "each identity has a single picture, and that is not matched with itself; add pictures of each"
    cameras = {picture.camera for picture in (*data.query, *data.gallery)}
    if len(cameras) == 1 and None not in cameras:
        return (
            f"all pictures are by one camera, {min(filter(None, cameras))}, and a query is not matched with its own "
            "camera's pictures of the same person; add another camera's, or leave the camera out if it is not known"
        )
    return (
        "of each query's identity it has nothing but the query itself and pictures by the query's own camera; add "
        "pictures by other cameras"
    )

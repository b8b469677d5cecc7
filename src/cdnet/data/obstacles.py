"""What stands in the way of training, searching or evaluating on a data set, with the way out.

``cdnet data check`` lists it, and the other commands refuse by it, so that all have one verdict.
"""

from __future__ import annotations

from collections import Counter

from cdnet.data.matches import match_pictures
from cdnet.data.pictures import ReidData
from cdnet.errors import CdnetError, UndefinedError

NEEDED = {"training": ("train",), "search": ("train",), "evaluation": ("query", "gallery")}
"""The splits that each purpose needs."""
PURPOSES = tuple(NEEDED)
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
        UndefinedError: with the first of its :func:`obstacles`, if an evaluation would say nothing.
        CdnetError: with the first of them, for another purpose.
    """
    found = obstacles(data, purpose, identities)
    if found:
        raise UndefinedError(found[0]) if purpose == "evaluation" else CdnetError(found[0])


def obstacles(data: ReidData, purpose: str, identities: int = LEAST_IDENTITIES) -> tuple[str, ...]:
    """Return what stands in the way of a purpose, a sentence each; arguments as of :func:`refuse_obstacles`."""
    try:
        for split in NEEDED[purpose]:
            data.require(split)
    except CdnetError as error:
        if data.unparsed or data.missing or data.conflicts:
            return (str(error),)
        given, divided = _WAY_OUT[NEEDED[purpose][0]]
        return (f"{error}; {divided if 'held out' in data.name else given}",)
    rules = {"training": _training, "search": _search}
    found = _evaluation(data) if purpose == "evaluation" else rules[purpose](data, identities)
    return tuple(f"{data.root}: {sentence}" for sentence in found)


def _training(data: ReidData, identities: int) -> list[str]:
    # Of a single picture a batch takes several variations.
    return _too_few(len({picture.identity for picture in data.train}), identities, "the training set has")


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
    matches = match_pictures(data.query, data.gallery)
    problem = matches.problem
    if matches.matched and problem and "held out" in data.name:
        problem += f", or {_WAY_OUT['query'][1]}"
    shared = shared_identities(data)
    found = [problem] if problem else []
    if shared:
        found.append(
            f"{len(shared)} {'identity is' if len(shared) == 1 else 'identities are'} trained on and tested on, first "
            f"{shared[0]}; leave them out of one of the two, or, if they are other people, give them other names"
        )
    return found


def shared_identities(data: ReidData) -> tuple[str, ...]:
    """Return the identities of the training set that the queries or the gallery have too, in order."""
    test = {picture.identity for picture in (*data.query, *data.gallery)}
    return tuple(sorted({picture.identity for picture in data.train} & test))

"""Holding out a part of the identities for the test, where nothing says which."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from cdnet.data.junk import DISTRACTOR_REASON, JUNK_REASON, is_called_distractor, is_junk, nobody
from cdnet.data.pictures import SPLITS, Picture, ReidData
from cdnet.data.spelling import identity_of

FOLDERS = (*SPLITS, "test")
"""What one's own pictures are divided into; every picture of ``test`` is a query to all the others there."""


def hold_out(pictures: Iterable[Picture], holdout: float) -> dict[str, list[Picture]]:
    """Divide pictures into ``train`` and ``test`` by their identities.

    The identities are ranked by the SHA-256 of their names, and the first share of them is held out: of n identities
    exactly :func:`share_of` (n). So the choice depends on nothing but the names. A new identity moves at most one other
    to the other side, and so does one that is taken away; a larger share holds out the same and more.

    Args:
        pictures: of all identities. Junk and distractors (:mod:`cdnet.data.junk`) are nobody to be held out, and go to
            the gallery.
        holdout: share of the identities, 0 to 1.

    Returns:
        The pictures of each of ``FOLDERS``, in their order; there are no queries.
    """
    pictures = list(pictures)
    identities = {identity_of(picture.identity) for picture in pictures}
    strangers = nobody(identities)
    ranked = sorted(identities - strangers, key=_digest)
    tested = set(ranked[: share_of(len(ranked), holdout)])
    groups: dict[str, list[Picture]] = {name: [] for name in FOLDERS}
    for picture in pictures:
        identity = identity_of(picture.identity)
        groups["gallery" if identity in strangers else "test" if identity in tested else "train"].append(picture)
    return groups


def share_of(identities: int, holdout: float) -> int:
    """Return how many of so many identities are held out: the share, rounded (a half up).

    A share that is neither none nor all leaves at least one of two or more on either side.
    """
    if holdout in (0, 1):
        return round(identities * holdout)
    return max(min(1, identities - 1), min(int(identities * holdout + 0.5), identities - 1), 0)


def held_out(groups: dict[str, list[Picture]]) -> str:
    """Say how many of the identities :func:`hold_out` held out."""
    trained, tested = ({identity_of(picture.identity) for picture in groups[name]} for name in ("train", "test"))
    return f"{len(tested)} of {len(trained) + len(tested)} identities held out"


def with_test(name: str, root: Path, groups: dict[str, list[Picture]], unparsed: list[str]) -> ReidData:
    """Return the data set of groups by the names of ``FOLDERS``; ``test`` goes to the queries and to the gallery.

    Junk is ignored and counted, and distractors in ``test`` go to the gallery alone (:mod:`cdnet.data.junk`). What is
    called so among the queries or in training, where it would pass for one person, is ignored and counted too.
    """
    everything = [picture for pictures in groups.values() for picture in pictures]
    strangers = nobody({identity_of(picture.identity) for picture in everything})
    junk = {identity for identity in strangers if is_junk(identity)}

    def real(pictures: list[Picture], left_out: set[str]) -> list[Picture]:
        return [picture for picture in pictures if identity_of(picture.identity) not in left_out]

    distractors = {identity for identity in strangers if is_called_distractor(identity)}
    train, query = (real(groups[name], junk | distractors) for name in ("train", "query"))
    ignored = {
        JUNK_REASON: len(everything) - len(real(everything, junk)),
        DISTRACTOR_REASON: sum(len(real(groups[name], junk)) for name in ("train", "query")) - len(train) - len(query),
    }
    return ReidData(
        name,
        root,
        train=tuple(train),
        query=tuple(query + real(groups["test"], strangers)),
        gallery=tuple(real(groups["gallery"], junk) + real(groups["test"], junk)),
        ignored={reason: count for reason, count in ignored.items() if count},
        unparsed=tuple(unparsed),
    )


def training_alone(data: ReidData, holdout: float) -> ReidData:
    """Return a data set of the training pictures of another, to choose settings by without a look at its test pictures.

    Args:
        data: with a training split.
        holdout: share of its identities, 0 to 1, that is held out; each picture of theirs is a query to all the others.
    """
    groups = hold_out(data.train, holdout)
    name = f"{data.name}, training pictures alone, {held_out(groups)}"
    found = with_test(name, data.root, groups, list(data.unparsed))
    return replace(found, missing=data.missing, genuine=data.is_as_published())


def _digest(identity: str) -> tuple[bytes, str]:
    # A name from the disk need not be UTF-8.
    return hashlib.sha256(identity.encode("utf-8", "surrogateescape")).digest(), identity

"""Several data sets as one, to train or search on; and a data set whose test pictures are trained on too."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from cdnet.data.conflicts import find_conflicts
from cdnet.data.layout import read_data
from cdnet.data.pictures import Picture, ReidData
from cdnet.errors import CdnetError


def read_several(roots: Sequence[Path], layout: str = "auto", holdout: float = 0.3) -> ReidData:
    """Read data sets as one; each is read as :func:`cdnet.data.layout.read_data` reads it alone.

    Of several, identities and cameras are kept apart: ``2:0007`` is the person 0007 of the second root, whoever 0007 of
    the first is. One root is as it is alone.

    Args:
        roots: at least one folder or CSV file.
        layout: of all of them.
        holdout: of each that gives no split.

    Raises:
        CdnetError: if one cannot be read, or two are the same.
    """
    if len(roots) == 1:
        return read_data(roots[0], layout, holdout)
    seen: dict[str, Path] = {}
    for root in roots:
        same = seen.setdefault(os.path.realpath(root), root)
        if same is not root:
            raise CdnetError(f"{root} and {same} are the same data set; name it once")
    return _joined([read_data(root, layout, holdout) for root in roots])


def with_test_pictures(data: ReidData) -> ReidData:
    """Return a data set of which everything is trained on: queries and gallery too, and nothing is left to test.

    Of the gallery, those whom no query looks for, such as distractors, who are many persons under one name, stay out,
    and are counted as ``ignored``.
    """
    known = {picture.identity for picture in data.query}
    training = {picture.identity for picture in data.train}
    found = {os.path.realpath(picture.path): picture for picture in data.train}
    nobody = 0
    for picture in (*data.query, *data.gallery):
        if picture.identity in known | training:
            found.setdefault(os.path.realpath(picture.path), picture)
        else:
            nobody += 1
    ignored = data.ignored | ({"gallery pictures of nobody who is searched for": nobody} if nobody else {})
    return replace(
        data,
        name=f"{data.name}, test pictures too",
        train=tuple(found.values()),
        query=(),
        gallery=(),
        ignored=ignored,
        published={},
    )


def _joined(several: Sequence[ReidData]) -> ReidData:
    def pictures(split: str) -> tuple[Picture, ...]:
        return tuple(_of(n, picture) for n, data in enumerate(several, start=1) for picture in data.split(split))

    def those(name: str) -> tuple[str, ...]:
        return tuple(sentence for data in several for sentence in getattr(data, name))

    ignored: dict[str, int] = {}
    for data in several:
        for reason, count in data.ignored.items():
            ignored[reason] = ignored.get(reason, 0) + count
    found = ReidData(
        name=" + ".join(data.name for data in several),
        root=Path(" + ".join(str(data.root) for data in several)),
        train=pictures("train"),
        query=pictures("query"),
        gallery=pictures("gallery"),
        ignored=ignored,
        unparsed=those("unparsed"),
        missing=those("missing"),
        passed_over=those("passed_over"),
        notes=those("notes"),
        joined=those("joined"),
        alike=those("alike"),
        genuine=all(data.genuine for data in several),
    )
    return replace(found, conflicts=those("conflicts") or find_conflicts(found))


def _of(number: int, picture: Picture) -> Picture:
    camera = None if picture.camera is None else f"{number}:{picture.camera}"
    return Picture(picture.path, f"{number}:{picture.identity}", camera)

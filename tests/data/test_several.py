"""Several data sets as one, and test pictures that are trained on."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import pytest

from cdnet import CdnetError
from cdnet.data.layout import read_data
from cdnet.data.several import read_several, with_test_pictures


@pytest.fixture
def roots(market: Path, tmp_path: Path) -> list[Path]:
    """The drawn data set, and persons of the same names in folders."""
    own = tmp_path / "own"
    for number, path in enumerate(sorted((market / "bounding_box_train").glob("*.jpg"))[::3]):
        place = own / path.name[:4] / f"{number}_c1.jpg"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(path.read_bytes() + b"another file")
    return [market, own]


def test_identities_and_cameras_are_kept_apart_by_root(roots: list[Path]) -> None:
    alone = [read_data(root) for root in roots]
    assert {picture.identity for picture in alone[0].train} & {picture.identity for picture in alone[1].train}
    both = read_several(roots)
    for split in ("train", "query", "gallery"):
        assert [p.path for p in both.split(split)] == [p.path for data in alone for p in data.split(split)]
        names = {(p.identity, p.camera): 0 for p in both.split(split)}
        assert {i[:2] for i, _ in names} == {c[:2] for _, c in names if c} == {"1:", "2:"}
    people = [len({picture.identity for picture in data.train}) for data in (*alone, both)]
    assert people[2] == people[0] + people[1]
    assert read_several(roots[:1]) == alone[0]


def test_one_picture_in_two_roots_is_refused(roots: list[Path], tmp_path: Path) -> None:
    with pytest.raises(CdnetError, match="same data set"):
        read_several([roots[0], roots[0] / ".." / roots[0].name])
    (tmp_path / "linked").symlink_to(roots[0] / "bounding_box_train")
    (tmp_path / "third").mkdir()
    for name in ("x", "y"):
        (tmp_path / "third" / name).mkdir()
        picture = next((roots[0] / "bounding_box_train").glob("*.jpg"))
        (tmp_path / "third" / name / "1.jpg").symlink_to(picture) if name == "x" else shutil.copy(
            next(roots[1].rglob("*.jpg")), tmp_path / "third" / name / "2.jpg"
        )
    with pytest.raises(CdnetError, match="given to two persons"):
        read_several([roots[0], tmp_path / "third"], holdout=0).require("train")


def test_all_that_is_somebody_s_is_trained_on_once(market: Path) -> None:
    data = read_data(market)
    found = with_test_pictures(data)
    assert not found.query
    assert not found.gallery
    wanted = {p.path for p in (*data.train, *data.query)} | {p.path for p in data.gallery if p.identity != "0000"}
    assert Counter(p.path for p in found.train) == Counter(wanted)
    assert found.ignored["gallery pictures of nobody who is searched for"] == 3
    assert "test pictures too" in found.name

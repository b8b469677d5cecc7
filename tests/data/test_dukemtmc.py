from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from cdnet.data.check import check_data
from cdnet.data.dukemtmc import FILES
from cdnet.data.layout import read_data
from cdnet.data.named_files import is_named, read_named
from cdnet.errors import CdnetError

Tree = Callable[[Iterable[str]], Path]

# Names of the published form, and what its README says of them.
REAL = [
    ("bounding_box_train/0001_c2_f0046182.jpg", "train", "0001", "2"),
    ("bounding_box_train/0001_c8_f0046302.jpg", "train", "0001", "8"),
    ("bounding_box_train/7140_c8_f0179200.jpg", "train", "7140", "8"),
    ("query/0005_c2_f0046985.jpg", "query", "0005", "2"),
    ("bounding_box_test/0002_c1_f0044158.jpg", "gallery", "0002", "1"),
    ("bounding_box_test/0005_c5_f0051341.JPG", "gallery", "0005", "5"),
]


def test_real_names_give_identity_and_camera(tree: Tree) -> None:
    root = tree(name for name, *_ in REAL)
    data = read_data(root)
    assert (data.name, data.unparsed, data.ignored) == ("DukeMTMC-reID", (), {})
    for split in ("train", "query", "gallery"):
        expected = {(str(root / name), identity, camera) for name, s, identity, camera in REAL if s == split}
        assert {(str(p.path), p.identity, p.camera) for p in data.split(split)} == expected
    # The distractor 0002 stays, nobody is trained and tested on, and the query finds the other camera's picture.
    found = check_data(data, purposes=("training", "evaluation"))
    assert (found.sound, found.unmatched, found.shared) == (True, 0, ())
    assert found.splits["gallery"].identities == 2


def test_junk_files_are_passed_over(tree: Tree) -> None:
    root = tree(name for name, *_ in REAL)
    for folder in ("bounding_box_train", "query", "bounding_box_test"):
        (root / folder / "Thumbs.db").write_bytes(b"\xd0\xcf\x11\xe0")
        for name in [path.name for path in (root / folder).glob("*_f*.jpg")]:
            (root / folder / f"._{name}").write_bytes(b"Mac OS X")
    assert is_named(root, FILES)
    data = read_named(root, FILES)
    assert data.unparsed == ()
    assert [len(data.split(split)) for split in ("train", "query", "gallery")] == [3, 1, 2]


@pytest.mark.parametrize(
    "name",
    [
        "person.jpg",
        "0002_c1s1_000451_03.jpg",
        "0001_c2_0046182.jpg",
        "-1_c2_f0046182.jpg",
        "0001_f0046182_c2.jpg",
        "0001_c2_f0046182 (copy).jpg",
    ],
)
def test_names_that_do_not_parse_are_listed_and_refused(tree: Tree, name: str) -> None:
    root = tree([f"bounding_box_train/{name}", *(name for name, *_ in REAL)])
    data = read_data(root)
    assert data.name == "DukeMTMC-reID"
    assert len(data.train) == 3
    assert [name in problem for problem in data.unparsed] == [True]
    with pytest.raises(CdnetError, match=r"not of the form 0001_c2_f0046182\.jpg; rename or remove it"):
        data.require("train")


def test_the_names_tell_it_from_market1501(tree: Tree) -> None:
    root = tree(
        [
            "bounding_box_train/0002_c1s1_000451_03.jpg",
            "bounding_box_train/0002_c1s1_000551_01.jpg",
            "bounding_box_train/0001_c2_f0046182.jpg",
        ]
    )
    assert not is_named(root, FILES)
    data = read_data(root)
    assert (data.name, len(data.train), len(data.unparsed)) == ("market1501", 2, 1)
    assert len(read_data(root, "dukemtmc").unparsed) == 2


def test_another_data_sets_names_alone_are_not_read(tree: Tree) -> None:
    root = tree(["bounding_box_train/0002_c1s1_000451_03.jpg", "query/0002_c2s1_000551_01.jpg"])
    with pytest.raises(CdnetError, match=r"none of the 2 pictures .* DukeMTMC-reID's form.*--data\.layout auto"):
        read_data(root, "dukemtmc")


def test_a_missing_folder_is_an_empty_split(tree: Tree) -> None:
    data = read_data(tree(name for name, split, *_ in REAL if split != "train"))
    assert data.name == "DukeMTMC-reID"
    assert (len(data.require("query")), len(data.require("gallery"))) == (1, 2)
    with pytest.raises(CdnetError, match=r"the split 'train' has no pictures \(read as DukeMTMC-reID\)"):
        data.require("train")


def test_where_it_is_not_the_folder_and_the_withdrawal_are_said(tmp_path: Path) -> None:
    with pytest.raises(CdnetError, match=r"nowhere: no such folder.*withdrawn by its authors in 2019"):
        read_data(tmp_path / "nowhere", "dukemtmc")
    with pytest.raises(CdnetError, match=r"no folder bounding_box_train.*withdrawn by its authors in 2019"):
        read_data(tmp_path, "dukemtmc")


def test_the_check_compares_with_the_published_counts(tree: Tree) -> None:
    # As the data set's README and Torchreid have them.
    found = check_data(read_data(tree(name for name, *_ in REAL)))
    assert found.published == {"train": (16_522, 702, 8), "query": (2_228, 702, 8), "gallery": (17_661, 1_110, 8)}
    assert found.unpublished == ("train", "query", "gallery")


@pytest.mark.skipif("CDNET_DUKEMTMC" not in os.environ, reason="CDNET_DUKEMTMC names no copy of DukeMTMC-reID")
def test_published_counts() -> None:
    data = read_data(os.environ["CDNET_DUKEMTMC"])
    for split, (pictures, identities, cameras) in data.published.items():
        found = data.split(split)
        assert len(found) == pictures
        assert (len({p.identity for p in found}), len({p.camera for p in found})) == (identities, cameras)
    assert data.unparsed == ()

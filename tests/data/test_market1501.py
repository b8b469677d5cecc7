from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from cdnet.data.layout import read_data
from cdnet.data.market1501 import FILES
from cdnet.data.named_files import is_named, read_named
from cdnet.errors import CdnetError

Tree = Callable[[Iterable[str]], Path]

# Real names of the data set, and what its README says of them.
REAL = [
    ("bounding_box_train/0002_c1s1_000451_03.jpg", "train", "0002", "1"),
    ("bounding_box_train/0002_c1s1_000551_01.jpg", "train", "0002", "1"),
    ("bounding_box_train/1500_c6s3_086567_01.jpg", "train", "1500", "6"),
    ("query/0001_c1s1_001051_00.jpg", "query", "0001", "1"),
    ("query/0003_c5s1_015896_00.jpg.jpg", "query", "0003", "5"),
    ("bounding_box_test/0000_c1s1_000151_01.jpg", "gallery", "0000", "1"),
    ("bounding_box_test/1501_c6s4_001902_01.jpg.jpg", "gallery", "1501", "6"),
    ("bounding_box_test/0001_c2s1_000301_00.JPG", "gallery", "0001", "2"),
]


def test_real_names_give_identity_and_camera(tree: Tree) -> None:
    root = tree(name for name, *_ in REAL)
    data = read_named(root, FILES)
    assert data.unparsed == ()
    assert data.ignored == {}
    for split in ("train", "query", "gallery"):
        expected = {(str(root / name), identity, camera) for name, s, identity, camera in REAL if s == split}
        assert {(str(p.path), p.identity, p.camera) for p in data.split(split)} == expected


def test_junk_is_left_out_and_counted_in_every_folder_and_distractors_stay(tree: Tree) -> None:
    root = tree(
        [
            "bounding_box_test/-1_c1s1_000401_03.jpg",
            "bounding_box_test/-1_c3s1_000401_04.jpg.jpg",
            "bounding_box_train/-1_c1s1_000401_03.jpg",
            "bounding_box_test/0000_c1s1_000151_01.jpg",
        ]
    )
    data = read_named(root, FILES)
    assert [p.identity for p in data.gallery] == ["0000"]
    assert data.train == ()
    assert list(data.ignored.values()) == [3]


def test_thumbs_db_and_hidden_files_are_passed_over(tree: Tree) -> None:
    root = tree(["bounding_box_train/0002_c1s1_000451_03.jpg"])
    for folder in ("bounding_box_train", "query", "bounding_box_test"):
        (root / folder).mkdir(exist_ok=True)
        (root / folder / "Thumbs.db").write_bytes(b"\xd0\xcf\x11\xe0")
        (root / folder / "._0002_c1s1_000451_03.jpg").write_bytes(b"Mac OS X")
    data = read_named(root, FILES)
    assert data.unparsed == ()
    assert [len(data.split(split)) for split in ("train", "query", "gallery")] == [1, 0, 0]


@pytest.mark.parametrize(
    "name",
    [
        "person.jpg",
        "0002.jpg",
        "0002_c1_000451_03.jpg",
        "0002_c1s1_000451.jpg",
        "x0002_c1s1_000451_03.jpg",
        "-2_c1s1_000451_03.jpg",
        "0002_c1s1_000451_03 (copy).jpg",
    ],
)
def test_names_that_do_not_parse_are_listed_and_refused(tree: Tree, name: str) -> None:
    root = tree([f"bounding_box_train/{name}", "bounding_box_train/0002_c1s1_000451_03.jpg"])
    data = read_named(root, FILES)
    assert len(data.train) == 1
    assert len(data.unparsed) == 1
    assert name in data.unparsed[0]
    with pytest.raises(CdnetError, match="rename or remove it"):
        data.require("train")


def test_is_market1501_wants_its_own_folders(tmp_path: Path) -> None:
    (tmp_path / "query").mkdir()
    (tmp_path / "train").mkdir()
    assert not is_named(tmp_path, FILES)
    (tmp_path / "bounding_box_test").mkdir()
    assert is_named(tmp_path, FILES)


def test_the_order_does_not_depend_on_the_disk(tree: Tree) -> None:
    names = [f"bounding_box_train/{n:04d}_c{c}s1_000001_00.jpg" for n in (7, 2, 9) for c in (3, 1)]
    root = tree(names)
    assert [p.path.relative_to(root).as_posix() for p in read_named(root, FILES).train] == sorted(names)


@pytest.mark.skipif("CDNET_MARKET1501" not in os.environ, reason="CDNET_MARKET1501 names no copy of Market-1501")
def test_published_counts() -> None:
    # As published with the data set and printed by Torchreid: the gallery's 751 labels are 750 and the distractors'.
    data = read_data(os.environ["CDNET_MARKET1501"])
    counts = {s: (len(data.split(s)), len({p.identity for p in data.split(s)})) for s in ("train", "query", "gallery")}
    assert counts == {"train": (12_936, 751), "query": (3_368, 750), "gallery": (15_913, 751)}
    assert {s: found[:2] for s, found in data.published.items()} == counts
    assert data.ignored == {"junk (identity -1)": 3_819}
    assert data.unparsed == ()
    assert {p.camera for p in data.train} == set("123456")

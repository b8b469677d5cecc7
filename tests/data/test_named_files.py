"""Data sets whose files are named after identity and camera: CUHK03-NP, VeRi-776, and any in Market-1501's form."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from cdnet.data.check import check_data
from cdnet.data.layout import read_data
from cdnet.errors import CdnetError

Tree = Callable[[Iterable[str]], Path]

CUHK = [
    "bounding_box_train/0001_c1_0.png",
    "bounding_box_train/0001_c2_6.png",
    "query/0003_c1_21.png",
    "bounding_box_test/0003_c2_26.png",
    "bounding_box_test/0004_c2_26.png",
]
VERI = [
    "image_train/0001_c001_00016450_0.jpg",
    "image_train/0001_c020_00027300_0.jpg",
    "image_query/0002_c002_00030600_0.jpg",
    "image_test/0002_c003_00030605_1.jpg",
    "image_test/0776_c003_00030605_1.jpg",
]


@pytest.mark.parametrize("folder", ["detected", "labeled"])
def test_one_cropping_of_cuhk03_np(tree: Tree, folder: str) -> None:
    root = tree(f"{folder}/{name}" for name in CUHK)
    for place in (root, root / folder):
        for layout in ("auto", "cuhk03-np"):
            data = read_data(place, layout)
            assert (data.name, data.root, data.unparsed) == (f"CUHK03-NP {folder}", root / folder, ())
            assert {(p.identity, p.camera) for p in data.train} == {("0001", "1"), ("0001", "2")}
            assert [(p.identity, p.camera) for p in data.query] == [("0003", "1")]
            assert {(p.identity, p.camera) for p in data.gallery} == {("0003", "2"), ("0004", "2")}


def test_both_croppings_are_a_choice(tree: Tree) -> None:
    root = tree(f"CUHK03-NP/{folder}/{name}" for folder in ("detected", "labeled") for name in CUHK)
    with pytest.raises(
        CdnetError, match=r"holds detected and labeled, .*name one of them, such as .*/CUHK03-NP/detected"
    ):
        read_data(root)
    # As the data set's authors count them.
    detected, labeled = (read_data(root / "CUHK03-NP" / folder).published for folder in ("detected", "labeled"))
    assert detected == {"train": (7_365, 767, 2), "query": (1_400, 700, 2), "gallery": (5_332, 700, 2)}
    assert labeled == {"train": (7_368, 767, 2), "query": (1_400, 700, 2), "gallery": (5_328, 700, 2)}


def test_veri(tree: Tree) -> None:
    root = tree(VERI)
    for layout in ("auto", "veri"):
        data = read_data(root, layout)
        assert (data.name, data.unparsed) == ("veri", ())
        assert {(p.identity, p.camera) for p in data.train} == {("0001", "001"), ("0001", "020")}
        assert [(p.identity, p.camera) for p in data.query] == [("0002", "002")]
        assert {p.identity for p in data.gallery} == {"0002", "0776"}
    assert check_data(data, purposes=["evaluation"]).unmatched == 0
    # What follows the camera makes no difference.
    (root / VERI[0]).rename(root / "image_train/0001_c002_left.jpg")
    assert read_data(root).train[0].camera == "002"


@pytest.mark.parametrize(
    ("train", "query", "test"),
    [("Bounding_Box_Train", "QUERY", "Bounding_Box_Test"), ("train", "query", "gallery"), ("train", "probe", "test")],
)
def test_market1501s_names_in_folders_of_other_names(tree: Tree, train: str, query: str, test: str) -> None:
    root = tree(
        [f"{train}/0002_c1s1_000451_03.jpg", f"{query}/0001_c1s1_001051_00.jpg", f"{test}/0001_c2s1_000301_00.jpg"]
    )
    data = read_data(root)
    assert data.name == "market1501"
    assert [[p.identity for p in data.split(s)] for s in ("train", "query", "gallery")] == [
        ["0002"],
        ["0001"],
        ["0001"],
    ]


def test_any_ending_of_a_picture_will_do(tree: Tree) -> None:
    data = read_data(tree(["bounding_box_train/0002_c1s1_000451_03.webp", "query/0001_c1s1_001051_00.jpg.tiff"]))
    assert (data.name, len(data.train), len(data.query)) == ("market1501", 1, 1)


def test_unknown_names_are_shown_and_no_layout_that_just_ran_is_advised(tree: Tree) -> None:
    root = tree(["bounding_box_train/anna-1-2.jpg", "query/boris-1-2.jpg"])
    with pytest.raises(
        CdnetError, match=r"form, 0002_c1s1_000451_03\.jpg, but names such as anna-1-2\.jpg; rename them"
    ) as e:
        read_data(root)
    assert "--data.layout" not in str(e.value)


def test_a_folder_for_each_person_below_market1501s_folders(tree: Tree) -> None:
    data = read_data(tree(["bounding_box_train/ann/1.jpg", "query/bob/1.jpg", "bounding_box_test/bob/2.jpg"]))
    assert (data.name, [len(data.split(s)) for s in ("train", "query", "gallery")]) == ("folders", [1, 1, 1])

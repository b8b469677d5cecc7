from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from cdnet.data.own import read_folders
from cdnet.data.pictures import Picture
from cdnet.errors import CdnetError

Tree = Callable[[Iterable[str]], Path]


def facts(pictures: Iterable[Picture], root: Path) -> set[tuple[str, str, str | None]]:
    return {(p.path.relative_to(root).as_posix(), p.identity, p.camera) for p in pictures}


def test_folders_with_splits_any_names_and_missing_cameras(tree: Tree) -> None:
    root = tree(
        [
            "train/Anna Müller/x.jpg",
            "train/Anna Müller/day 2/y_c3.jpg",
            "train/山田/0002_c12s1_000451_03.jpg",
            "query/-/a.jpg",
            "gallery/-/b_c2.jpg",
        ]
    )
    data = read_folders(root, 0.3)
    assert facts(data.train, root) == {
        ("train/Anna Müller/x.jpg", "Anna Müller", None),
        ("train/Anna Müller/day 2/y_c3.jpg", "Anna Müller", "3"),
        ("train/山田/0002_c12s1_000451_03.jpg", "山田", "12"),
    }
    assert facts(data.query, root) == {("query/-/a.jpg", "-", None)}
    assert facts(data.gallery, root) == {("gallery/-/b_c2.jpg", "-", "2")}


def test_test_folder_is_query_and_gallery(tree: Tree) -> None:
    root = tree(["train/a/1.jpg", "test/b/1.jpg", "test/b/2.jpg"])
    data = read_folders(root, 0.3)
    in_test = {("test/b/1.jpg", "b", None), ("test/b/2.jpg", "b", None)}
    assert facts(data.gallery, root) == in_test
    assert facts(data.query, root) == in_test


def test_a_picture_outside_of_an_identitys_folder_is_listed(tree: Tree) -> None:
    data = read_folders(tree(["train/lost.jpg", "train/a/1.jpg"]), 0.3)
    assert len(data.train) == 1
    assert len(data.unparsed) == 1
    assert "lost.jpg: lies in no identity's folder" in data.unparsed[0]
    with pytest.raises(CdnetError, match=r"lost\.jpg"):
        data.require("train")


def test_folder_names_that_are_not_utf8(tree: Tree) -> None:
    root = tree(["a/1.jpg"])
    folder = os.fsencode(root) + b"/caf\xe9"
    os.mkdir(folder)
    Path(os.fsdecode(folder), "1.jpg").touch()
    data = read_folders(root, 0.5)
    assert len({p.identity for p in (*data.train, *data.gallery)}) == 2

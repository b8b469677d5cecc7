"""VIPeR and PRID 2011 in miniature, as their archives unpack, with their traps."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from cdnet.data.check import check_data
from cdnet.data.layout import LAYOUTS, read_data
from cdnet.errors import CdnetError

Tree = Callable[[Iterable[str]], Path]

VIPER = ["cam_a/000_45.bmp", "cam_a/873_0.bmp", "cam_b/000_90.bmp", "cam_b/873_180.bmp"]
PRID = [f"cam_{view}/person_{number:04}.png" for view, numbers in (("a", (1, 200, 201, 385)), ("b", (1, 200, 201, 749)))
        for number in numbers]  # fmt: skip


@pytest.mark.parametrize("inside", ["", "VIPeR", "VIPeR.v1.0/VIPeR"])
def test_viper(tree: Tree, inside: str) -> None:
    root = tree(str(Path(inside, name)) for name in VIPER)
    for layout in ("auto", "viper"):
        data = read_data(root, layout)
        assert (data.name, data.root, data.train, data.unparsed) == ("viper", root / inside, (), ())
        assert [(p.identity, p.camera) for p in data.query] == [("000", "1"), ("873", "1")]
        assert [(p.identity, p.camera) for p in data.gallery] == [("000", "2"), ("873", "2")]
    assert data.published == {"query": (632, 632, 1), "gallery": (632, 632, 1)}
    found = check_data(data, purposes=["evaluation"])
    assert (found.unmatched, found.unpublished) == (0, ("query", "gallery"))


@pytest.mark.parametrize("inside", ["", "single_shot", "prid_2011/single_shot"])
def test_of_prid_2011_those_in_both_views_are_searched_for_in_all_of_view_b(tree: Tree, inside: str) -> None:
    multi = ["prid_2011/multi_shot/cam_a/person_0001/0001.png"] if inside.startswith("prid") else []
    root = tree([str(Path(inside, name)) for name in PRID] + multi)
    for layout in ("auto", "prid2011"):
        data = read_data(root, layout)
        assert (data.name, data.root, data.unparsed) == ("prid2011", root / inside, ())
        assert [p.identity for p in data.query] == ["0001", "0200"]
        assert [p.identity for p in data.gallery] == ["0001", "0200", "0201", "0749"]
        # Number 201 of view A is another person than number 201 of view B.
        assert data.ignored == {"persons of view A who are not in view B": 2}


def test_names_of_another_form_are_told_and_nothing_is_guessed(tree: Tree) -> None:
    root = tree([*VIPER, "cam_a/001.bmp", "cam_b/deeper/002_45.bmp"])
    data = read_data(root, "viper")
    assert len(data.query) == len(data.gallery) == 2
    assert [line.split(": ")[0].rpartition("/")[2] for line in data.unparsed] == ["001.bmp", "002_45.bmp"]


def test_what_is_not_whole_or_is_somebodys_own_is_not_taken_for_one_of_them(tree: Tree) -> None:
    root = tree(["half/cam_a/000_45.bmp", "half/other/1.bmp", "own/cam_a/anna/1.jpg", "own/cam_b/anna/2.jpg"])
    with pytest.raises(CdnetError, match=r"half: holds no folder cam_b; VIPeR is on its authors' page, https://"):
        read_data(root / "half", "viper")
    assert (
        read_data(root / "own", "camera-folders").name == "folders, cameras above persons, 0 of 1 identities held out"
    )
    assert {"viper", "prid2011"} < set(LAYOUTS)
    assert not {"viper-train", "prid2011-train"} & set(LAYOUTS)  # they have no training pictures

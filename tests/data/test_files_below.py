from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

import pytest

from cdnet.data.cache import cached_pictures
from cdnet.data.check import check_data
from cdnet.data.class_folders import read_class_folders
from cdnet.data.files_below import files_below
from cdnet.data.layout import read_data
from cdnet.data.remarks import remarks

Tree = Callable[[Iterable[str]], Path]

HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"


def test_every_ending_of_a_picture_and_pictures_without_one(tree: Tree) -> None:
    names = [
        "a.JPG", "b.jfif", "c.jpe", "d.gif", "e.webp", "f.avif", "g.jp2", "h.ppm", "i.tiff", "j.HEIC", "k.dng",
        "none", "frame.0001", "folder.jpg/l.png",
    ]  # fmt: skip
    root = tree(names)
    found = files_below(root)
    assert [path.relative_to(root).as_posix() for path in found.pictures] == sorted(names)
    assert found.others == []


def test_what_is_no_picture_is_named_and_what_lies_beside_pictures_anyway_is_not(tree: Tree, tmp_path: Path) -> None:
    root = tree(["anna/1.jpg", "anna/2.jpg_large", "anna/3.jpg.part", ".boris/1.jpg", ".ipynb_checkpoints/1.jpg"])
    for name in ("Thumbs.db", ".DS_Store", "desktop.ini", "notes.txt", "1.json", "._1.jpg", ".hidden.jpg"):
        (root / "anna" / name).write_bytes(b"x")
    (root / "anna" / "clip.mp4").write_bytes(b"\0\0\0\x18ftypisom")
    (root / "anna" / "README").write_bytes(b"Hello")
    (root / "carla").mkdir()
    os.mkfifo(root / "anna" / "pipe")
    found = files_below(root)
    assert [path.name for path in found.pictures] == ["1.jpg"]
    assert {path.relative_to(root).as_posix(): what for path, what in found.others} == {
        ".boris": "a hidden folder",
        "anna/2.jpg_large": "JPEG by its content; give it that ending",
        "anna/3.jpg.part": "JPEG by its content; give it that ending",
        "anna/README": "no picture",
        "anna/clip.mp4": "no picture",
        "anna/pipe": "no picture",
        "carla": "an empty folder",
    }


def test_a_person_linked_to_another_is_two_and_hidden_pictures_are_named(tree: Tree) -> None:
    root = tree(["anna/1.jpg", "anna/2.jpg", "boris/1.jpg", "boris/.2.jpg"])
    (root / "carla").symlink_to(root / "anna")
    (root / "anna" / "loop").symlink_to(root)
    (root / "boris" / "back").symlink_to(root / "boris")
    found = files_below(root)
    names = [path.relative_to(root).as_posix() for path in found.pictures]
    assert names == ["anna/1.jpg", "anna/2.jpg", "boris/1.jpg", "carla/1.jpg", "carla/2.jpg"]
    assert found.others == [(root / "boris" / ".2.jpg", "a hidden picture")]
    (first, _) = read_data(root, holdout=0).conflicts
    assert "given to two persons, 'anna' and 'carla'" in first


def test_nobody_vanishes_without_a_word(tree: Tree, tmp_path: Path) -> None:
    root = tree(["ann/1.jpg", "ann/2.jpg", "bob/1.jpg"])
    for person, name in (("heidi", "1.HEIC"), ("victor", "1.mp4")):
        (root / person).mkdir()
        (root / person / name).write_bytes(HEIC if name.endswith("HEIC") else b"film")
    data = read_data(root, holdout=0)
    found = check_data(data)
    assert found.splits["train"].identities == 3
    assert found.unreadable == (f"{root}/heidi/1.HEIC: HEIC, which is not read here; convert it to JPEG",)
    assert found.passed_over == (f"{root}/victor/1.mp4: no picture",)
    assert not found.sound
    said = remarks(data, [cached_pictures(data.train, (32, 16), "x", tmp_path / "cache")])
    assert said == [
        f"1 unreadable picture(s) left out; first {found.unreadable[0]}",
        "1 identity of which no picture can be read is left out; first heidi",
        f"1 file(s) or folder(s) passed over; first {root}/victor/1.mp4: no picture",
    ]


def test_somebody_of_whom_there_are_only_notes_is_named(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tree(["anna/1.jpg", "anna/more/2.jpg", "boris/1.jpg"])
    for folder in ("carla", "dora/day/one", "anna/notes"):
        (root / folder).mkdir(parents=True)
        (root / folder / "notes.txt").write_text("lost")
    expected = [(folder, "a folder without pictures") for folder in ("anna/notes", "carla", "dora")]
    assert [(path.relative_to(root).as_posix(), what) for path, what in files_below(root).others] == expected
    monkeypatch.chdir(root)
    assert [(path.as_posix(), what) for path, what in files_below(Path()).others] == expected
    assert read_data(root, holdout=0).passed_over[1] == f"{root}/carla: a folder without pictures"


def test_somebody_of_whom_no_picture_can_be_read_is_named(tree: Tree, tmp_path: Path) -> None:
    root = tree(["ann/1.jpg", "ann/2.jpg", "bob/1.jpg", "cec/1.jpg", "cec/2.jpg"])
    for name in ("ann/1.jpg", "cec/1.jpg", "cec/2.jpg"):
        (root / name).write_bytes(b"\xff\xd8\xff")
    data = read_data(root, holdout=0)
    pictures = cached_pictures(data.train, (32, 16), "x", tmp_path / "cache")
    assert pictures.lost == ("cec",)
    said = remarks(data, [pictures])
    assert said[0].startswith("3 unreadable picture(s) left out")
    assert said[1] == "1 identity of which no picture can be read is left out; first cec"


def test_joined_spellings_are_said(tree: Tree) -> None:
    data = read_data(tree(["7/1.jpg", "0007/2.jpg", "bob/1.jpg"]), holdout=0)
    assert remarks(data, []) == ["`0007` and `7` are taken as one identity"]
    data = read_data(tree(["8/1.jpg", "0008/2.jpg"]), holdout=0)
    assert remarks(data, []) == [
        "2 names that are written in several ways are taken as one each; first `0007` and `7` are taken as one identity"
    ]


def test_a_deep_root_takes_no_longer_than_its_files(tree: Tree) -> None:
    import resource

    root = tree([])
    deep, names = str(root), []
    while len(deep) + 12 < 3900:
        deep += "/d"
        names.append(deep)
    place = os.getcwd()
    try:
        os.chdir(root)
        for _ in names:
            os.mkdir("d")
            os.chdir("d")
        Path("1.jpg").touch()
        os.chdir(place)
        before = resource.getrusage(resource.RUSAGE_SELF)
        found = files_below(Path(names[0]).parent)
        after = resource.getrusage(resource.RUSAGE_SELF)
        assert [str(path) for path in found.pictures] == [f"{deep}/1.jpg"]
        assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 3
    finally:
        os.chdir(place)
        Path(deep, "1.jpg").unlink(missing_ok=True)
        for name in reversed(names):  # as deep as this, `rmtree` calls itself too often
            with suppress(OSError):
                os.rmdir(name)


def test_of_a_published_data_set_only_the_folders_that_are_read_are_looked_at(tree: Tree) -> None:
    root = tree(["bounding_box_train/0002_c1s1_000451_03.jpg", "gt_bbox/0002_c1s1_000451_00.jpg"])
    (root / "gt_query").mkdir()
    (root / "gt_query" / "0001_c1s1_001051_00_good").write_bytes(b"x")
    (root / "bounding_box_train" / "film.mp4").write_bytes(b"x")
    assert read_data(root).passed_over == (f"{root}/bounding_box_train/film.mp4: no picture",)


def test_classes_name_what_they_pass_over(tree: Tree) -> None:
    root = tree(["train/a/1.jpg", "train/b/1.jpg", "val/a/1.jpg", "val/b/1.jpg"])
    (root / "val" / "b" / "2.mp4").write_bytes(b"x")
    assert read_class_folders(root).passed_over == (f"{root}/val/b/2.mp4: no picture",)


@pytest.mark.parametrize("layout", ["auto", "csv"])
def test_a_pipe_in_the_place_of_a_data_set_is_not_waited_for(tmp_path: Path, layout: str) -> None:
    from cdnet.errors import CdnetError

    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(CdnetError, match="no regular file"):
        read_data(tmp_path / "pipe", layout)

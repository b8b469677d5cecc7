from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import simplejpeg
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import cdnet.data.check as check
from cdnet.data.check import Check, SplitCounts, check_data
from cdnet.data.decode import Decoded
from cdnet.data.layout import read_data
from cdnet.data.matches import match_pictures
from cdnet.data.pictures import Picture, ReidData
from cdnet.data.threads import CHUNK
from cdnet.errors import CdnetError
from cdnet.evaluate.evaluation import read_test_pictures
from cdnet.evaluate.extract import number_labels
from cdnet.evaluate.matches import count_matches
from cdnet.evaluate.ranking import evaluate_ranking

Tree = Callable[[Iterable[str]], Path]
Save = Callable[..., Path]

SOUND = [
    "train/ann/1_c1.jpg",
    "train/ann/2_c2.jpg",
    "train/bob/1.jpg",
    "train/bob/2.jpg",
    "query/cec/1_c1.jpg",
    "query/dan/1_c1.jpg",
    "gallery/cec/2_c2.jpg",
    "gallery/dan/2_c1.jpg",
    "gallery/dan/3_c1.jpg",
    "gallery/eve/1.jpg",
]


def test_counts_of_a_sound_data_set(tree: Tree) -> None:
    root = tree(SOUND)
    found = check_data(read_data(root))
    assert found.splits == {
        "train": SplitCounts(pictures=4, identities=2, cameras=2, without_camera=2, single=0),
        "query": SplitCounts(pictures=2, identities=2, cameras=1, without_camera=0, single=2),
        "gallery": SplitCounts(pictures=4, identities=3, cameras=2, without_camera=1, single=2),
    }
    assert found.unmatched == 1  # dan was seen by one camera only
    assert (found.name, found.root) == ("folders", str(root))
    assert (found.shared, found.unreadable, found.unparsed, found.duplicates, found.ignored) == ((), (), (), (), {})
    assert found.sound
    assert json.loads(json.dumps(asdict(found)))["splits"]["train"]["pictures"] == 4


def test_identities_shared_between_training_and_test(tree: Tree) -> None:
    found = check_data(
        read_data(
            tree(
                [*SOUND, "train/eve/9.jpg", "train/cec/9.jpg", "train/cec/8.jpg", "train/fay/1.jpg", "query/fay/2.jpg"]
            )
        )
    )
    assert found.shared == ("cec", "eve", "fay")
    assert not found.sound


def test_a_query_identity_in_the_gallery_is_not_shared(tree: Tree) -> None:
    assert check_data(read_data(tree(["test/a/1.jpg", "test/a/2.jpg", "train/b/1.jpg"]))).shared == ()


def test_unreadable_pictures_are_listed_and_no_others(tree: Tree) -> None:
    root = tree(SOUND)
    cut, empty, gone = (root / SOUND[n] for n in (0, 5, 8))
    cut.write_bytes(cut.read_bytes()[:-30])
    empty.write_bytes(b"")
    data = read_data(root)
    gone.unlink()
    found = check_data(data)
    assert [problem.split(": ")[0] for problem in found.unreadable] == [str(path) for path in (cut, empty, gone)]
    assert not found.sound
    assert found.splits["train"].pictures == 4  # they are there, and counted


def test_a_split_of_which_nothing_reads_is_said_as_an_evaluation_says_it(tree: Tree, tmp_path: Path) -> None:
    root = tree(SOUND)
    for path in (root / "gallery").rglob("*.jpg"):
        path.write_bytes(b"")
    data = read_data(root)
    found = check_data(data, identities=2)
    assert not found.obstacles["training"]
    with pytest.raises(CdnetError) as error:
        read_test_pictures(data, (8, 4), tmp_path / "cache")
    assert found.obstacles["evaluation"] == (str(error.value),)


def test_names_that_do_not_parse_are_passed_on(tree: Tree) -> None:
    found = check_data(read_data(tree([*SOUND, "train/stray.jpg"])))
    assert len(found.unparsed) == 1
    assert not found.sound


def test_duplicates_are_found_by_their_pixels(tree: Tree, save: Save) -> None:
    root = tree(SOUND)
    # The same picture within a split and in another, as a copy, as a PNG, and with other metadata.
    original = root / SOUND[0]
    data = original.read_bytes()
    pixels = simplejpeg.decode_jpeg(data)
    (root / "gallery/eve/copy.jpg").write_bytes(data)
    Image.fromarray(pixels).save(root / "train/ann/same.png")
    (root / "query/dan/comment.jpg").write_bytes(data[:2] + b"\xff\xfe\x00\x06note" + data[2:])
    # One bit of one pixel is another picture, and so are the same bytes in another shape.
    other = pixels.copy()
    other[5, 5, 0] ^= 1
    Image.fromarray(other).save(root / "train/ann/other.png")
    Image.fromarray(pixels.reshape(24, 48, 3)).save(root / "train/ann/shape.png")
    save(root / "train/bob/twin1.jpg", 90)
    save(root / "train/bob/twin2.jpg", 90)
    found = check_data(read_data(root))
    same = {"train/ann/1_c1.jpg", "train/ann/same.png", "query/dan/comment.jpg", "gallery/eve/copy.jpg"}
    assert {frozenset(group) for group in found.duplicates} == {
        frozenset(str(root / name) for name in same),
        frozenset(str(root / f"train/bob/twin{n}.jpg") for n in (1, 2)),
    }
    assert sum(len(group) for group in found.duplicates) == 6
    # Of one person they are worth knowing, but no obstacle; of two persons, one is wrong.
    assert len(found.conflicts) == 2
    for said, person in zip(found.conflicts, ("dan", "eve"), strict=True):
        assert f"the same picture as {original}, and given to two persons, 'ann' and '{person}'" in said
    assert not found.sound


def test_a_test_folder_is_no_heap_of_duplicates_but_a_row_listed_twice_is(tree: Tree, tmp_path: Path) -> None:
    root = tree(["test/a/1.jpg", "test/a/2.jpg"])
    assert check_data(read_data(root)).duplicates == ()
    table = tmp_path / "rows.csv"
    one, two = "data/test/a/1.jpg", "data/test/a/2.jpg"
    table.write_text(f"path,identity,split\n{one},a,train\n{two},a,train\n{one},b,train\n{two},c,test\n", "utf-8")
    assert check_data(read_data(table)).duplicates == ((str(tmp_path / one),) * 2,)


def test_rows_whose_file_is_not_there_are_unreadable(tree: Tree, tmp_path: Path) -> None:
    tree(["1.jpg"])
    table = tmp_path / "rows.csv"
    table.write_text("path,identity,split\ndata/1.jpg,a,train\ndata/2.jpg,a,train\n", "utf-8")
    found = check_data(read_data(table))
    assert found.unreadable == (f"{tmp_path / 'data/2.jpg'}: No such file or directory",)


def test_junk_is_not_read(tree: Tree) -> None:
    root = tree(["bounding_box_train/0002_c1s1_000451_03.jpg", "bounding_box_test/-1_c1s1_000401_03.jpg"])
    (root / "bounding_box_test/-1_c1s1_000401_03.jpg").write_bytes(b"")
    found = check_data(read_data(root))
    assert found.unreadable == ()
    assert found.ignored == {"junk (identity -1)": 1}
    # Junk is no picture of the gallery: that split is empty, and so is the missing query.
    assert found.empty == ("query", "gallery")
    assert not found.sound


camera = st.sampled_from([None, "1", "2"])
identity = st.sampled_from("abc")


@settings(max_examples=150, deadline=None)
@given(
    queries=st.lists(st.tuples(st.integers(0, 5), identity, camera), min_size=1, max_size=8, unique_by=lambda t: t[0]),
    gallery=st.lists(st.tuples(st.integers(0, 9), identity, camera), min_size=1, max_size=8, unique_by=lambda t: t[0]),
)
def test_unmatched_queries_are_those_that_the_evaluation_leaves_out(
    queries: list[tuple[int, str, str | None]], gallery: list[tuple[int, str, str | None]]
) -> None:
    q, g = ([Picture(Path(f"{n}.jpg"), who, cam) for n, who, cam in split] for split in (queries, gallery))
    expected = 0
    for picture in q:
        for other in g:
            itself = other.path == picture.path
            same_camera = other.camera is not None and other.camera == picture.camera
            if other.identity == picture.identity and not itself and not same_camera:
                break
        else:
            expected += 1
    found = check_data(ReidData("made up", Path("nowhere"), query=tuple(q), gallery=tuple(g)))
    assert found.unmatched == expected
    labels = number_labels(q, g)
    # The evaluation counts by labels what is counted here by names.
    assert match_pictures(q, g) == count_matches(*labels)
    if expected < len(q):
        metrics = evaluate_ranking(torch.randn(len(q), 4), torch.randn(len(g), 4), *labels)
        assert metrics.queries_without_match == expected


def test_ctrl_c_does_not_read_on(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[Path] = []

    def slowly(path: Path) -> Any:
        import time

        read.append(path)
        time.sleep(0.01)
        return Decoded(np.zeros((2, 2, 3), np.uint8), False)

    def stopped(items: Iterable[Any], _description: str, _total: int) -> Iterator[Any]:
        for number, item in enumerate(items):
            if number == 3:
                raise KeyboardInterrupt
            yield item

    monkeypatch.setattr(check, "open_picture", slowly)
    pictures = tuple(Picture(Path(f"{n}.jpg"), "a") for n in range(2000))
    with pytest.raises(KeyboardInterrupt):
        check_data(ReidData("made up", Path("nowhere"), train=pictures), stopped)
    assert len(read) <= CHUNK + 3  # of 2000: what was handed to the threads, and no more


def test_progress_sees_every_file_once(tree: Tree) -> None:
    totals: list[int] = []

    def progress(items: Iterable[Any], _description: str, total: int) -> Iterator[Any]:
        for item in items:
            totals.append(total)
            yield item

    check_data(read_data(tree(["test/a/1.jpg", "test/a/2.jpg", "train/b/1.jpg"])), progress)
    assert totals == [3, 3, 3]


def test_splits_that_differ_from_the_published_counts_are_named_and_no_obstacle(tree: Tree) -> None:
    data = read_data(tree(SOUND))
    assert check_data(data).unpublished == ()  # nothing is published of one's own pictures
    exact = {"train": (4, 2, 2), "query": (2, 2, 1), "gallery": (4, 3, 2)}
    assert check_data(replace(data, published=exact)).unpublished == ()
    for wrong in ((4, 3, 3), (5, 3, 2), (4, 4, 2)):
        found = check_data(replace(data, published=exact | {"gallery": wrong}))
        assert found.unpublished == ("gallery",)
        assert found.sound


def test_sound_means_nothing_unparsed_unreadable_missing_or_in_the_way() -> None:
    def made(**problems: Any) -> Check:
        return Check("n", "r", {}, {}, **{"unparsed": (), "unreadable": (), "shared": (), "unmatched": 0, **problems})

    assert made().sound
    assert made(unmatched=3, duplicates=(("a", "b"),)).sound
    for problem in ("unparsed", "unreadable", "missing", "conflicts"):
        assert not made(**{problem: ("x",)}).sound
    assert not made(obstacles={"training": (), "search": ("x",)}).sound


def test_who_is_trained_and_tested_on_hinders_an_evaluation_and_nothing_else(tree: Tree) -> None:
    data = read_data(tree([*SOUND, "gallery/ann/9_c2.jpg"]))
    assert check_data(data, purposes=("training", "search"), identities=2).sound
    assert not check_data(data, purposes=("evaluation",)).sound


def test_turned_pictures_are_counted(tree: Tree) -> None:
    root = tree(SOUND)
    exif = Image.Exif()
    exif[0x0112] = 8
    Image.fromarray(np.zeros((8, 4, 3), np.uint8)).save(root / "train/ann/lying.jpg", exif=exif)
    found = check_data(read_data(root))
    assert found.turned == 1
    assert found.sound


def test_a_link_to_another_persons_picture_is_a_conflict_and_a_link_to_ones_own_is_not(tree: Tree) -> None:
    root = tree(SOUND)
    (root / "train/ann/link.jpg").symlink_to("1_c1.jpg")
    (root / "train/ann/link_c1.jpg").symlink_to("1_c1.jpg")
    (root / "train/bob/link.jpg").symlink_to("../ann/2_c2.jpg")
    data = read_data(root)
    assert len(data.conflicts) == 2
    assert "given to two cameras, '1' and none" in data.conflicts[0]
    assert "given to two persons, 'ann' and 'bob'" in data.conflicts[1]
    assert not check_data(data).sound


def test_a_conflict_of_pixels_is_in_the_way(tree: Tree) -> None:
    root = tree(SOUND)
    (root / "query/cec/1_c1.jpg").write_bytes((root / "train/ann/1_c1.jpg").read_bytes())
    found = check_data(read_data(root), identities=2)
    assert len(found.conflicts) == 1
    assert not found.sound
    for purpose in ("training", "search", "evaluation"):
        (said,) = found.obstacles[purpose]
        assert "the same picture as" in said
        assert "given to two persons, 'ann' and 'cec'" in said


def test_somebody_who_cannot_be_read_is_missed(tree: Tree) -> None:
    root = tree(SOUND)
    for name in ("1.jpg", "2.jpg"):
        (root / "train" / "bob" / name).write_bytes(b"no picture")
    found = check_data(read_data(root), identities=2)
    assert "the training set has 1 identity, and at least 2 are needed" in found.obstacles["training"][0]
    assert found.obstacles["evaluation"] == ()

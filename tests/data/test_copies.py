"""Copies among pictures: the same file, the same pixels, or saved anew; every command has one verdict on them."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import simplejpeg
from PIL import Image

from cdnet.cli import main
from cdnet.data import looks
from cdnet.data.check import check_data
from cdnet.data.copies import Copies, refuse_copies
from cdnet.data.layout import read_data
from cdnet.data.looks import Looks, alike, row_of
from cdnet.errors import CdnetError
from cdnet.evaluate.evaluation import read_test_pictures

Tree = Callable[[Iterable[str]], Path]
Draw = Callable[..., npt.NDArray[np.uint8]]

SOUND = ["train/a/1.jpg", "train/a/2.jpg", "train/b/1.jpg", "train/b/2.jpg"]
SOUND += [f"{split}/{name}/{n}.jpg" for split in ("query", "gallery") for name in "xy" for n in "12"]
SMALL = ["--width", 0.1, "--size", "64x32", "--batch.identities", 2, "--batch.pictures", 2, "--device", "cpu"]


def saved_anew(path: Path, how: str) -> bytes:
    """Return a picture's file as a program would save it anew."""
    made, out = Image.open(path), io.BytesIO()
    if how == "half":
        made = made.resize((made.width // 2, made.height // 2), Image.Resampling.BILINEAR)
    if how == "double":
        made = made.resize((made.width * 2, made.height * 2), Image.Resampling.BICUBIC)
    form, options = {
        "png": ("PNG", {}),
        "half": ("PNG", {}),
        "double": ("JPEG", {"quality": 90}),
        "webp": ("WEBP", {"quality": 70}),
    }.get(how, ("JPEG", {"quality": int(how) if how.isdecimal() else 0}))
    made.save(out, form, **options)
    return out.getvalue()


@pytest.mark.parametrize("how", ["png", "95", "70", "webp", "half", "double"])
@pytest.mark.parametrize("place", ["train/b/9.jpg", "query/y/9.jpg", "gallery/x/9.jpg"])
def test_a_training_picture_saved_anew_under_another_person_is_refused_alike(
    how: str, place: str, tree: Tree, tmp_path: Path
) -> None:
    root = tree(SOUND)
    assert refuse_copies(read_data(root), tmp_path / "cache") == Copies()
    (root / place).write_bytes(saved_anew(root / "train/a/1.jpg", how))
    said = f"{root / place}: the same picture as {root / 'train/a/1.jpg'}, and given to two persons, 'a' and "
    data = read_data(root)
    found = check_data(data, identities=2)
    assert [conflict.startswith(said) for conflict in found.conflicts] == [True]
    assert all(found.obstacles[purpose][0].startswith(said) for purpose in ("training", "search", "evaluation"))
    for use in (
        lambda: refuse_copies(data, tmp_path / "cache"),
        lambda: read_test_pictures(data, (8, 4), tmp_path / "cache"),
    ):
        with pytest.raises(CdnetError) as refused:
            use()
        assert str(refused.value) == f"{found.conflicts[0]}; decide for one, `cdnet data check` lists all"


def test_every_command_refuses_it_before_it_begins(
    tree: Tree, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tree(SOUND)
    (root / "query/y/9.jpg").write_bytes(saved_anew(root / "train/a/1.jpg", "80"))
    pictures = ["--data.root", root, "--data.cache", tmp_path / "cache"]
    run = [*SMALL, *pictures, "--out", tmp_path / "run"]
    for words in (
        ["train", *run, "--genotype", "cnet-top3", "--schedule.epochs", 1, "--schedule.milestones", "[]"],
        ["search", *run, "--epochs", 1, "--validation", 1],
        ["evaluate", "cdnet-x0.25-market1501", *pictures],
        ["data", "check", root, "--batch.identities", 2],
    ):
        assert main([str(word) for word in words]) == 1
        out, err = capsys.readouterr()
        assert f"{root / 'query/y/9.jpg'}: the same picture as {root / 'train/a/1.jpg'}" in out + err
    assert not (tmp_path / "run" / "log.jsonl").exists()


def test_all_copies_are_counted_and_the_files_of_a_published_set_are_not_looked_at(tree: Tree, tmp_path: Path) -> None:
    root = tree(SOUND)
    (root / "train/b/copy.jpg").hardlink_to(root / "train/a/1.jpg")
    (root / "train/b/again.png").write_bytes(saved_anew(root / "train/a/2.jpg", "png"))
    data = read_data(root)
    with pytest.raises(CdnetError, match=r"and given to two persons, 'a' and 'b' \(and 1 more\); decide for one"):
        refuse_copies(data, tmp_path / "cache")
    published = replace(data, published={"train": (6, 2, 0), "query": (4, 2, 0), "gallery": (4, 2, 0)})
    assert published.is_as_published()
    assert refuse_copies(replace(published, genuine=True), tmp_path / "other") == Copies()
    assert check_data(replace(published, genuine=True)).conflicts == ()
    assert not (tmp_path / "other").exists()
    assert not replace(published, published={"train": (7, 2, 0)}).is_as_published()


def test_somebodys_own_pictures_in_a_published_sets_layout_are_looked_at(market: Path, tmp_path: Path) -> None:
    data = read_data(market)
    assert data.published
    assert not data.genuine
    assert refuse_copies(data, tmp_path / "cache") == Copies()  # no two drawn people are taken for one


def test_queries_with_a_copy_in_the_gallery_are_counted(tree: Tree, tmp_path: Path) -> None:
    names = ["query/ann/1_c1.jpg", "query/bob/1_c1.jpg", "query/cec/1.jpg", "query/dan/1_c1.jpg"]
    root = tree([*names, *(f"gallery/{name}/2_c2.jpg" for name in ("ann", "bob", "cec", "dan"))])
    # By its own camera it is no match; of dan there is another picture alone.
    for name, how in (("ann/copy_c3.jpg", "95"), ("bob/copy_c1.jpg", "95"), ("cec/copy_c1.jpg", "60")):
        person = name.partition("/")[0]
        original = next((root / "query" / person).iterdir())
        (root / "gallery" / name).write_bytes(saved_anew(original, how))
    data = read_data(root)
    assert read_test_pictures(data, (8, 4), tmp_path / "cache").copied == 2
    assert check_data(data).copied == 2


def test_a_picture_that_is_both_query_and_in_the_gallery_is_no_copy_of_itself(tree: Tree, tmp_path: Path) -> None:
    data = read_data(tree([f"test/{name}/{n}.jpg" for name in "xy" for n in "12"]))
    assert read_test_pictures(data, (8, 4), tmp_path / "cache").copied == 0


def as_looks(pictures: Iterable[npt.NDArray[np.uint8] | None]) -> Looks:
    rows = [row_of(pixels) for pixels in pictures]
    return Looks.of_rows(np.frombuffer(b"".join(rows), np.uint8).reshape(len(rows), -1))


def pairs_of(found: Looks) -> set[tuple[int, int]]:
    pairs = [(one.tolist(), other.tolist()) for one, other in alike(found)]
    return {(min(pair), max(pair)) for ones, others in pairs for pair in zip(ones, others, strict=True)}


def test_pairs_are_those_that_comparing_each_with_each_finds(drawn: Draw, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    pictures: list[npt.NDArray[np.uint8] | None] = []
    for number in range(40):
        pixels = drawn(number % 30)
        noise = rng.normal(0, (0, 2, 8)[number % 3], (6, 3, 3))
        noise = np.kron(noise, np.ones((8, 8, 1)))
        pictures.append(np.clip(pixels + noise, 0, 255).astype(np.uint8))
    pictures[3] = None
    found = as_looks(pictures)
    grids = found.grids.astype(np.float64).reshape(40, -1, 3)
    wanted = set()
    for one in range(40):
        for other in range(one + 1, 40):
            apart = np.sqrt(np.square(grids[one] - grids[other]).mean())
            varied = min(np.sqrt(np.square(grids[n] - grids[n].mean(0)).mean()) for n in (one, other))
            if 3 not in (one, other) and apart <= 0.1 * varied:
                wanted.add((one, other))
    assert 2 < len(wanted) < 10
    for block in (256, 7):
        monkeypatch.setattr(looks, "BLOCK", block)
        monkeypatch.setattr(looks, "PAIRS", block)
        assert pairs_of(found) == wanted


def test_even_pictures_are_alike_only_where_their_pixels_are() -> None:
    walls = [np.full((64, 32, 3), level, np.uint8) for level in (90, 90, 91)]
    assert pairs_of(as_looks([*walls, None, None])) == {(0, 1)}
    assert pairs_of(as_looks([np.full((64, 32, 3), 90, np.uint8), np.full((32, 64, 3), 90, np.uint8)])) == set()


def test_what_pictures_look_like_is_kept_until_they_change(
    tree: Tree, tmp_path: Path, drawn: Draw, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, folder = tree(SOUND), tmp_path / "cache"
    read = []
    real = looks.open_picture
    monkeypatch.setattr(looks, "open_picture", lambda path: read.append(path) or real(path))
    (root / SOUND[0]).write_bytes(b"no picture")
    for _ in range(2):
        refuse_copies(read_data(root), folder)
    assert sorted(read) == sorted(root / name for name in SOUND)
    (root / SOUND[0]).write_bytes(simplejpeg.encode_jpeg(np.ascontiguousarray(drawn(50))))
    refuse_copies(read_data(root), folder)
    assert len(read) == 2 * len(SOUND)
    (kept,) = folder.glob("*.looks")
    os.truncate(kept, 5)  # no whole file of it
    half = folder / f".{kept.name}.0123456789abcdef"  # what a process that was killed leaves
    half.touch()
    refuse_copies(read_data(root), folder)
    assert len(read) == 3 * len(SOUND)
    assert not half.exists()

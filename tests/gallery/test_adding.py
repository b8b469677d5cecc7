"""Adding picture files: what is decoded, what their names say, what is passed over, and going on."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from cdnet.data.cache import cached_pictures
from cdnet.data.layout import read_data
from cdnet.errors import CdnetError


@pytest.fixture
def pictures(market: Path, tmp_path: Path) -> Path:
    """A folder of drawn pictures, to be changed."""
    return Path(shutil.copytree(market / "bounding_box_test", tmp_path / "pictures"))


def add(gallery, network, places, persons="names", **options):
    from cdnet.gallery.adding import add_pictures
    from cdnet.gallery.picture_files import labelled

    found, remarks = labelled(places, persons)
    return add_pictures(gallery, network, found, **options), remarks


def test_features_labels_and_places_are_those_of_the_evaluation(gallery, tiny_network, market, tmp_path):
    done, remarks = add(gallery, tiny_network, [market / "bounding_box_test"])
    data = read_data(market)
    assert done.added == len(data.gallery) > 20
    assert done.broken == []
    assert any("junk" in remark for remark in remarks)
    cached = cached_pictures(data.gallery, tiny_network.preprocessing.size, "x", tmp_path)
    entries = list(gallery.iterate())
    features = gallery.features([entry.id for entry in entries])
    by_place = {entry.place: entry for entry in entries}
    for picture, pixels in zip(cached.pictures, cached.pixels, strict=True):
        entry = by_place[str(picture.path)]
        assert entry.camera == picture.camera
        assert entry.person == (None if picture.identity == "0000" else picture.identity)
        assert entry.digest == hashlib.sha256(picture.path.read_bytes()).digest()
        wanted = tiny_network(pixels[None])[0]
        assert features[entry.id] == pytest.approx(wanted / np.linalg.norm(wanted), abs=1e-6)


def test_adding_again_adds_what_is_new_alone(gallery, tiny_network, pictures):
    names = sorted(path for path in pictures.iterdir() if not path.name.startswith("-1"))
    taken = tuple(names[:5])
    for path in taken:
        path.rename(pictures.parent / path.name)
    first, _ = add(gallery, tiny_network, [pictures])
    for path in taken:
        (pictures.parent / path.name).rename(path)
    shutil.copy(names[9], pictures / "9999_c1s1_000001_00.jpg")  # the same picture under another name
    second, _ = add(gallery, tiny_network, [pictures])
    assert (second.added, second.there) == (5, first.added + 1)
    assert gallery.stats().entries == len(names)


def test_what_stops_half_way_goes_on(gallery, tiny_network, pictures, monkeypatch):
    from cdnet.gallery import adding

    monkeypatch.setattr(adding, "BATCH", 10)
    calls = 0

    class Stopping(type(tiny_network)):
        def __call__(self, pixels):
            nonlocal calls
            calls += 1
            if calls == 4:
                raise KeyboardInterrupt
            return super().__call__(pixels)

    with pytest.raises(KeyboardInterrupt):
        add(gallery, Stopping(), [pictures])
    there = gallery.stats().entries
    assert there == 10
    done, _ = add(gallery, tiny_network, [pictures])
    assert done.there == there
    assert gallery.stats().entries == done.added + there


def test_what_cannot_be_read_is_left_out_and_said(gallery, tiny_network, pictures):
    (pictures / "0009_c1s1_000001_00.jpg").write_bytes(b"\xff\xd8\xff cut short")
    (pictures / "0009_c1s1_000002_00.jpg").write_bytes(b"")
    os.mkfifo(pictures / "0009_c1s1_000003_00.jpg")
    (pictures / "0009_c1s1_000004_00.jpg").symlink_to(pictures / "none.jpg")
    before = sum(not path.name.startswith(("-1", "0009")) for path in pictures.iterdir())
    done, _ = add(gallery, tiny_network, [pictures])
    assert done.added == before
    assert len(done.broken) == 4
    assert gallery.stats().entries == before


def test_pictures_that_are_kept_outlive_their_files(gallery, tiny_network, pictures):
    from cdnet.gallery import NotThereError

    one, two = sorted(pictures.glob("000*"))[:2]
    data = one.read_bytes()
    add(gallery, tiny_network, [one], keep=True)
    add(gallery, tiny_network, [two])
    one.unlink()
    kept, placed = gallery.entries()
    assert gallery.picture(kept.id) == data
    assert gallery.picture(placed.id) == two.read_bytes()
    cv2.imwrite(str(two), np.zeros((20, 20, 3), np.uint8))
    with pytest.raises(NotThereError, match="changed"):
        gallery.picture(placed.id)
    two.unlink()
    with pytest.raises(NotThereError, match="not where it was"):
        gallery.picture(placed.id)
    gallery.remove([kept.id])
    with pytest.raises(NotThereError):
        gallery.picture(kept.id)


def test_folders_of_persons_and_plain_folders(gallery, tiny_network, market, tmp_path):
    files = sorted((market / "query").glob("*.jpg"))[:6]
    for number, file in enumerate(files):
        folder = tmp_path / "own" / f"person{number % 2}" / ("cam3" if number % 3 == 0 else "")
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, folder / f"{number}.jpg")
    add(gallery, tiny_network, [tmp_path / "own"])
    assert {entry.person for entry in gallery.entries()} == {None}  # a plain folder tells nobody
    assert sum(entry.camera == "cam3" for entry in gallery.entries()) == 2
    gallery.remove([entry.id for entry in gallery.entries()])
    add(gallery, tiny_network, [tmp_path / "own"], persons="folders")
    assert {entry.person for entry in gallery.entries()} == {"person0", "person1"}


def test_places_without_pictures_are_refused(tmp_path):
    from cdnet.gallery.picture_files import labelled

    with pytest.raises(CdnetError, match="no such"):
        labelled([tmp_path / "none"], "names")
    with pytest.raises(CdnetError, match="no pictures"):
        labelled([tmp_path], "names")


def test_parts_of_a_data_set_are_said(market):
    from cdnet.gallery.picture_files import labelled

    _, remarks = labelled([market], "names")
    assert any("bounding_box_train" in remark and "query" in remark for remark in remarks)


def table(folder: Path, text: str) -> Path:
    path = folder / "pictures.csv"
    path.write_text(text, "utf-8")
    return path


def test_a_table_says_what_is_known_of_each(gallery, tiny_network, market, tmp_path):
    from datetime import UTC, datetime

    from cdnet.gallery import Box

    one, two = sorted((market / "query").glob("*.jpg"))[:2]
    shutil.copy(one, tmp_path / "ä 1.jpg")
    shutil.copy(two, tmp_path / "2.jpg")
    path = table(
        tmp_path,
        "Path;camera;time;person;note;source;box;colour\n"
        "ä 1.jpg;door;2026-03-01T14:00+01:00;Anna;a note;rtsp://x;1 2 30 40;red\n"
        "2.jpg;;2026-03-02;;;;;\nnone.jpg;;;;;;;\n",
    )
    done, remarks = add(gallery, tiny_network, [path])
    assert (done.added, len(done.broken)) == (2, 1)
    assert any("'colour'" in remark for remark in remarks)
    first, second = gallery.entries()
    assert (first.camera, first.person, first.note, first.source) == ("door", "Anna", "a note", "rtsp://x")
    assert first.time == datetime(2026, 3, 1, 13, tzinfo=UTC)
    assert first.box == Box(1, 2, 30, 40)
    assert (second.camera, second.person, second.time) == (None, None, datetime(2026, 3, 2, tzinfo=UTC))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("picture\nx.jpg\n", "no column 'path'"),
        ("path,time\nx.jpg,yesterday\n", "line 2: 'yesterday' is no time"),
        ("path,time\nx.jpg,1969-01-01\n", "before 1970"),
        ("path,box\nx.jpg,1 2 3\n", "line 2: the box"),
        ("path,person,identity\nx.jpg,a,b\n", "one thing"),
        ("path,camera\n,a\n", "line 2: no path"),
    ],
)
def test_a_table_that_says_what_cannot_be_is_refused(gallery, tiny_network, tmp_path, text, says):
    (tmp_path / "x.jpg").write_bytes(b"x")
    with pytest.raises(CdnetError, match=says):
        add(gallery, tiny_network, [table(tmp_path, text)])

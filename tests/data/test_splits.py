from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cdnet.data.layout import read_data
from cdnet.data.splits import decode_split
from cdnet.errors import CdnetError

Save = Callable[..., Path]
SPLITS = ("train", "query", "gallery")


@pytest.fixture
def root(tmp_path: Path, save: Save) -> Path:
    for number, split in enumerate(SPLITS):
        for n in range(4):
            save(tmp_path / "data" / split / f"person {n % 2}" / f"{n}.jpg", 10 * number + n)
    return tmp_path / "data"


def test_each_split_has_its_own_pixels(root: Path, tmp_path: Path) -> None:
    data = read_data(root)
    for _ in range(2):
        splits = [decode_split(data, split, (48, 24), tmp_path / "cache") for split in SPLITS]
        for name, split in zip(SPLITS, splits, strict=True):
            assert split.pictures == data.split(name)
            assert split.pixels.shape == (4, 48, 24, 3)
    assert len({split.pixels.tobytes() for split in splits}) == 3
    assert len(list((tmp_path / "cache").glob("*.u8"))) == 3


def test_two_data_sets_do_not_share_a_cache(root: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    root.rename(copy)
    first = decode_split(read_data(copy), "train", (48, 24), tmp_path / "cache")
    copy.rename(root)
    second = decode_split(read_data(root), "train", (48, 24), tmp_path / "cache")
    assert np.array_equal(first.pixels, second.pixels)
    assert len(list((tmp_path / "cache").glob("*.u8"))) == 2


def test_a_relative_root_finds_the_same_cache(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    decode_split(read_data(root), "train", (48, 24), tmp_path / "cache")
    (pixels,) = (tmp_path / "cache").glob("*.u8")
    written = pixels.stat().st_ino
    monkeypatch.chdir(root.parent)
    decode_split(read_data(root.name), "train", (48, 24), tmp_path / "cache")
    assert [path.stat().st_ino for path in (tmp_path / "cache").glob("*.u8")] == [written]


def test_a_truncated_picture_is_left_out_and_counted(root: Path, tmp_path: Path) -> None:
    path = root / "train" / "person 1" / "1.jpg"
    path.write_bytes(path.read_bytes()[:-10])
    cached = decode_split(read_data(root), "train", (48, 24), tmp_path / "cache")
    assert len(cached) == 3
    assert path not in {picture.path for picture in cached.pictures}
    assert len(cached.broken) == 1
    assert cached.broken[0].startswith(f"{path}: ")


def test_a_split_without_readable_pictures(root: Path, tmp_path: Path) -> None:
    for path in (root / "query").rglob("*.jpg"):
        path.write_bytes(b"")
    with pytest.raises(CdnetError, match=r"no picture of the split 'query' can be read; first .*0\.jpg: empty"):
        decode_split(read_data(root), "query", (48, 24), tmp_path / "cache")


def test_a_split_without_pictures(root: Path, tmp_path: Path) -> None:
    for path in (root / "query").rglob("*.jpg"):
        path.unlink()
    with pytest.raises(CdnetError, match="the split 'query' has no pictures"):
        decode_split(read_data(root), "query", (48, 24), tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


def test_names_that_do_not_parse_stop_it_before_decoding(root: Path, tmp_path: Path, save: Save) -> None:
    save(root / "train" / "stray.jpg")
    with pytest.raises(CdnetError, match=r"stray\.jpg: lies in no identity's folder; rename or remove it"):
        decode_split(read_data(root), "train", (48, 24), tmp_path / "cache")
    assert not (tmp_path / "cache").exists()

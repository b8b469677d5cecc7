"""Neighbours are those that all similarities, sorted, give."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cdnet import CdnetError
from cdnet.cli import main
from cdnet.extract.extractor import FeatureExtractor
from cdnet.extract.job import extract_all
from cdnet.extract.neighbours import find


def test_neighbours_by_hand(
    extractor: FeatureExtractor, market: Path, pictures: Path, small_parts: Callable[[], None]
) -> None:
    small_parts()
    gallery = sorted((market / "bounding_box_test").glob("*.jpg"))
    queries = sorted(pictures.glob("*.jpg"))[:3]
    found = find(extractor, queries, market / "bounding_box_test", 7)
    q, g = (extractor(paths).astype(float) for paths in (queries, gallery))
    q, g = (features / np.linalg.norm(features, axis=1, keepdims=True) for features in (q, g))
    for row, neighbours in zip(q @ g.T, found.lists, strict=True):
        assert [one.file for one in neighbours] == [gallery[place] for place in np.argsort(-row)[:7]]
        np.testing.assert_allclose([one.similarity for one in neighbours], np.sort(row)[::-1][:7], atol=1e-5)
    assert found.count == len(gallery)


def test_features_of_another_network_are_not_compared(
    extractor: FeatureExtractor, pictures: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.npz"
    extract_all(extractor, pictures, out)
    query = next(pictures.glob("*.jpg"))
    with pytest.raises(CdnetError, match="another network"):
        find(FeatureExtractor("cdnet-x0.25-market1501"), [query], out)
    alone = tmp_path / "alone"
    alone.mkdir()
    (alone / "me.jpg").symlink_to(query.resolve())
    with pytest.raises(CdnetError, match="nothing but the query itself"):
        find(extractor, [query], alone)
    with pytest.raises(CdnetError, match=r"gone\.jpg"):
        find(extractor, [tmp_path / "gone.jpg"], out)
    with pytest.raises(CdnetError, match="places"):
        find(extractor, [query], out, 0)


def test_what_was_not_read_is_said_of_features_too(extractor: FeatureExtractor, pictures: Path, tmp_path: Path) -> None:
    folder, query = tmp_path / "folder", sorted(pictures.glob("*.jpg"))[0]
    shutil.copytree(pictures, folder)
    (folder / "broken.jpg").write_bytes(b"no picture")
    extract_all(extractor, folder, tmp_path / "out.npz")
    found = find(extractor, [query], tmp_path / "out.npz")
    assert any("1 pictures could not be read" in remark for remark in found.remarks)


def test_what_is_looked_through_is_not_written_over(
    weights: Path, extractor: FeatureExtractor, pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gallery, query = tmp_path / "gallery.npz", sorted(pictures.glob("*.jpg"))[0]
    extract_all(extractor, pictures, gallery)
    before = gallery.read_bytes(), query.read_bytes()
    words = ["find", str(weights), "--query", str(query), "--gallery", str(gallery)]
    for more in (["--csv", str(gallery)], ["--csv", str(query)], ["--csv", str(weights)]):
        assert main([*words, *more]) == 1
        assert "is what is read, or a part of it, and would be lost" in capsys.readouterr().err
    assert main([*words, "--csv", str(tmp_path / "x.png"), "--figure", str(tmp_path / "x.png")]) == 2
    assert (gallery.read_bytes(), query.read_bytes()) == before

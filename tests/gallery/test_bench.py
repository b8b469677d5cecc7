"""The benchmark of a gallery fills it with what it says, and measures against that."""

from __future__ import annotations

import json

import numpy as np
import pytest

from cdnet.errors import CdnetError


def test_features_are_the_same_however_they_are_cut():
    from cdnet.bench.gallery import synthetic

    whole = synthetic(0, 12_000, 8, seed=1)
    assert np.array_equal(synthetic(3_000, 4_000, 8, seed=1), whole[3_000:7_000])
    assert np.array_equal(synthetic(10_000, 2_000, 8, seed=1), whole[10_000:])
    assert np.linalg.norm(whole, axis=1) == pytest.approx(np.ones(12_000), abs=1e-5)
    assert not np.array_equal(synthetic(0, 10, 8, seed=2), whole[:10])


def test_a_gallery_grows_to_the_sizes_that_are_said(gallery, tmp_path):
    from cdnet.bench.gallery import bench_gallery, synthetic

    path = tmp_path / "rows.json"
    with pytest.raises(CdnetError, match="minutes are over while filling up to 120"):
        list(bench_gallery(gallery, [120, 5_300], 2, 12, 0, path, minutes=1e-9))
    assert not path.exists()
    rows = list(bench_gallery(gallery, [120, 5_300], 2, 12, 0, path))
    assert [row["entries"] for row in rows] == [120, 5_300]
    assert [row["filled"] for row in rows] == [0, 5_180]  # the first ones were there before the time was over
    entries = list(gallery.iterate())
    features = gallery.features([entry.id for entry in entries])
    found = np.stack([features[entry.id] for entry in entries])
    assert found == pytest.approx(synthetic(0, 5_300, 24, 0), abs=1e-6)
    assert json.loads(path.read_text()) == rows
    assert all(row["exact_ms"]["median"] > 0 for row in rows)
    assert list(bench_gallery(gallery, [120, 5_300], 2, 12, 0, path)) == rows  # not measured again
    with pytest.raises(CdnetError, match="other settings"):
        list(bench_gallery(gallery, [120], 3, 12, 0, path))
    with pytest.raises(CdnetError, match="already"):
        list(bench_gallery(gallery, [1_000], 2, 12, 0, path))
    for damaged in ("{", "5", '[{"entries": 120}]', "[1]"):
        path.write_text(damaged)
        with pytest.raises(CdnetError, match="damaged, or not what"):
            list(bench_gallery(gallery, [120], 2, 12, 0, path))
        assert path.read_text() == damaged


def test_ranks_through_a_gallery_are_those_in_memory(gallery, tiny_network, market, tmp_path):
    from cdnet.bench.through_gallery import through_gallery
    from cdnet.data.layout import read_data

    found = through_gallery(gallery, tiny_network, read_data(market), tmp_path)
    assert found["through_gallery"] == pytest.approx(found["in_memory"])
    assert 0 < found["in_memory"]["mAP"] < 1
    assert found["index"]["indexed"]["rank1"] == pytest.approx(found["in_memory"]["rank1"], abs=0.2)

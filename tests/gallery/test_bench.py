"""The benchmark of a gallery fills it with what it says, and measures against that."""

from __future__ import annotations

import itertools
import json
from types import SimpleNamespace

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
    with pytest.raises(CdnetError, match=r"minutes are over while filling up to 120, 100% of it done"):
        list(bench_gallery(gallery, [120, 5_300], 2, 12, 0, path, minutes=1e-9))
    assert not path.exists()
    rows = list(bench_gallery(gallery, [120, 5_300], 2, 12, 0, path))
    assert [row["entries"] for row in rows] == [120, 5_300]
    assert [row["filled"] for row in rows] == [120, 5_180]
    assert rows[0]["fill_seconds"] >= 0
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


def test_what_was_spent_before_a_stop_is_counted(gallery, tmp_path, monkeypatch):
    from cdnet.bench import gallery as bench
    from cdnet.gallery import indexing

    monkeypatch.setattr(indexing, "EXACT_UP_TO", 1_000)
    monkeypatch.setattr("cdnet.bench.spent.time", SimpleNamespace(perf_counter=itertools.count().__next__))
    path, stops = tmp_path / "unfinished.json", iter(("filling", "index 2 of 2", "measuring", "searching 6,000"))
    stop = next(stops)

    def stopped(what, share):
        if stop is not None and what.startswith(stop) and share < 1:
            raise KeyboardInterrupt

    for following in (*stops, None):
        with pytest.raises(KeyboardInterrupt):
            bench.bench_size(gallery, 6_000, 2, 12, 0, path, stopped)
        stop = following
    row = bench.bench_size(gallery, 6_000, 2, 12, 0, path, stopped)
    assert (row["filled"], row["indexed_months"]) == (6_000, 2)
    # By this clock each part that is done takes a second: two batches; the index of two months, its recall, and at last
    # a look that finds nothing to do. What was stopped half way and done anew counts once.
    assert row["fill_seconds"] == 2
    assert row["index_seconds"] == 4


def test_ranks_through_a_gallery_are_those_in_memory(gallery, tiny_network, market, tmp_path):
    from cdnet.bench.through_gallery import through_gallery
    from cdnet.data.layout import read_data

    found = through_gallery(gallery, tiny_network, read_data(market), tmp_path)
    assert found["through_gallery"] == pytest.approx(found["in_memory"])
    assert 0 < found["in_memory"]["mAP"] < 1
    by_index = found["index"]["through_gallery"]
    assert by_index["queries_without_match"] == found["in_memory"]["queries_without_match"]
    assert by_index["mAP"] == pytest.approx(found["in_memory"]["mAP"], abs=0.05)

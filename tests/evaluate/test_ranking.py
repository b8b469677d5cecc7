"""Ranking against a brute-force oracle, one query and one gallery picture at a time."""

from __future__ import annotations

import json
import math
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cdnet.evaluate.ranking import UNKNOWN, Labels, evaluate_ranking


def labels(rows: list[tuple[int, int, int]]) -> Labels:
    return Labels(*torch.tensor(rows).reshape(-1, 3).T)


def oracle(
    query_features: list[list[float]],
    gallery_features: list[list[float]],
    query: list[tuple[int, int, int]],
    gallery: list[tuple[int, int, int]],
) -> dict[str, float]:
    """Follow the protocol's words, with lists and loops."""
    cmc = [0] * 20
    precisions, penalties, unmatched = [], [], 0
    for feature, (identity, camera, picture) in zip(query_features, query, strict=True):
        ranked = []
        for other, (gallery_identity, gallery_camera, gallery_picture) in zip(gallery_features, gallery, strict=True):
            own_camera = identity == gallery_identity and camera == gallery_camera and camera != UNKNOWN
            if not own_camera and picture != gallery_picture:
                norms = math.hypot(*feature) * math.hypot(*other)
                cosine = sum(a * b for a, b in zip(feature, other, strict=True)) / norms
                ranked.append((-cosine, gallery_identity == identity))
        ranked.sort(key=lambda entry: entry[0])
        places = [place for place, (_, right) in enumerate(ranked, start=1) if right]
        if not places:
            unmatched += 1
            continue
        for rank in range(20):
            cmc[rank] += places[0] <= rank + 1
        precisions.append(sum(n / place for n, place in enumerate(places, start=1)) / len(places))
        penalties.append(len(places) / places[-1])
    matched = max(len(precisions), 1)
    return {
        "rank1": cmc[0] / matched,
        "rank5": cmc[4] / matched,
        "rank10": cmc[9] / matched,
        "rank20": cmc[19] / matched,
        "mAP": sum(precisions) / matched,
        "mINP": sum(penalties) / matched,
        "queries": len(query),
        "queries_without_match": unmatched,
        "gallery": len(gallery),
    }


@settings(max_examples=80, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    queries=st.integers(1, 9),
    gallery_size=st.integers(1, 30),
    identities=st.integers(1, 5),
    cameras=st.sampled_from([0, 1, 3]),
    tile=st.sampled_from([1, 4, 256]),
)
def test_equals_the_oracle(
    seed: int, queries: int, gallery_size: int, identities: int, cameras: int, tile: int
) -> None:
    chance = random.Random(seed)

    def made(count: int, first: int) -> list[tuple[int, int, int]]:
        # Camera 0 of 0..cameras-1, sometimes unknown; picture numbers overlap, so that a query may lie in the gallery.
        return [
            (
                chance.randrange(identities),
                chance.choice([UNKNOWN, *range(cameras)]),
                first + number if chance.random() < 0.8 else number,
            )
            for number in range(count)
        ]

    query, gallery = made(queries, 0), made(gallery_size, 100)
    features = torch.randn(queries + gallery_size, 4, dtype=torch.double, generator=torch.Generator().manual_seed(seed))
    q, g = features[:queries], features[queries:]
    found = evaluate_ranking(q, g, labels(query), labels(gallery), tile=tile)
    expected = oracle(q.tolist(), g.tolist(), query, gallery)
    assert found.to_json() == pytest.approx(expected, abs=1e-9)


def test_by_hand() -> None:
    # Gallery from near to far: own camera (does not count), wrong, right, wrong, right.
    angles = torch.tensor([0.1, 0.2, 0.3, 0.4, 0.5])
    gallery = torch.stack([angles.cos(), angles.sin()], 1)
    of_gallery = labels([(1, 0, 1), (2, 1, 2), (1, 1, 3), (3, 0, 4), (1, 2, 5)])
    found = evaluate_ranking(torch.tensor([[1.0, 0.0]]), gallery, labels([(1, 0, 0)]), of_gallery)
    assert found.cmc[:4] == (0.0, 1.0, 1.0, 1.0)
    assert found.mAP == pytest.approx((1 / 2 + 2 / 4) / 2)
    assert found.mINP == pytest.approx(2 / 4)


def test_without_cameras_only_the_query_itself_is_left_out() -> None:
    features = torch.tensor([[1.0, 0.0], [0.9, 0.1], [0.0, 1.0]])
    everything = labels([(1, UNKNOWN, 0), (1, UNKNOWN, 1), (2, UNKNOWN, 2)])
    found = evaluate_ranking(features, features, everything, everything)
    assert found.rank1 == 1.0
    assert found.queries_without_match == 1  # the only picture of identity 2 cannot match itself


def test_queries_without_match_are_counted_not_averaged() -> None:
    features = torch.eye(3)
    found = evaluate_ranking(
        features[:2], features, labels([(1, 0, 0), (9, 0, 1)]), labels([(1, 1, 2), (2, 1, 3), (3, 1, 4)])
    )
    assert (found.queries, found.queries_without_match, found.rank1) == (2, 1, 1.0)


def test_no_query_matches() -> None:
    found = evaluate_ranking(torch.eye(2)[:1], torch.eye(2), labels([(5, 0, 0)]), labels([(1, 1, 1), (2, 1, 2)]))
    assert (found.rank1, found.mAP, found.mINP, found.queries_without_match) == (0.0, 0.0, 0.0, 1)


def test_shapes_that_disagree_are_refused() -> None:
    with pytest.raises(ValueError, match="differ in length"):
        evaluate_ranking(torch.eye(2), torch.eye(2), labels([(1, 0, 0)]), labels([(1, 1, 1), (2, 1, 2)]))
    with pytest.raises(ValueError, match="at least one"):
        evaluate_ranking(torch.eye(2), torch.zeros(0, 2), labels([(1, 0, 0), (1, 0, 1)]), labels([]))


@pytest.mark.parametrize("expected", json.loads(Path(__file__).with_name("torchreid.json").read_text()))
def test_equals_torchreid(expected: dict[str, Any]) -> None:
    # torchreid.json has what torchreid 1.4.0's evaluate_rank (in Python, Market-1501's protocol) gives on this data.
    rng = np.random.default_rng(expected["seed"])
    queries, size, people = int(rng.integers(20, 90)), int(rng.integers(100, 400)), int(rng.integers(5, 30))
    q, g = rng.standard_normal((queries, 16)), rng.standard_normal((size, 16))
    q_person, g_person = rng.integers(0, people + 3, queries), rng.integers(0, people, size)
    q_camera, g_camera = rng.integers(0, 6, queries), rng.integers(0, 6, size)
    query = labels(list(zip(q_person, q_camera, range(queries), strict=True)))
    gallery = labels(list(zip(g_person, g_camera, range(1000, 1000 + size), strict=True)))
    found = evaluate_ranking(torch.from_numpy(q), torch.from_numpy(g), query, gallery)
    cmc = [found.rank1, found.rank5, found.rank10, found.rank20]
    assert cmc == pytest.approx(expected["cmc"], abs=1e-6)
    assert found.mAP == pytest.approx(expected["mAP"], abs=1e-6)

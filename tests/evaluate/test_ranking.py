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

from cdnet.errors import CdnetError, UndefinedError
from cdnet.evaluate.labels import UNKNOWN, Labels
from cdnet.evaluate.ranking import (
    QueryScores,
    average,
    evaluate_ranking,
    score_distances,
    score_features,
    score_tile,
)


def labels(rows: list[tuple[int, int, int]]) -> Labels:
    return Labels(*torch.tensor(rows).reshape(-1, 3).T)


def oracle(
    query_features: list[list[float]],
    gallery_features: list[list[float]],
    query: list[tuple[int, int, int]],
    gallery: list[tuple[int, int, int]],
) -> dict[str, float | None] | None:
    """Follow the protocol's words, with lists and loops; None where no query has a match."""
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
    matched = len(precisions)
    if not matched:
        return None
    return {
        **{f"rank{k}": cmc[k - 1] / matched if k <= len(gallery) else None for k in (1, 5, 10, 20)},
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
    expected = oracle(q.tolist(), g.tolist(), query, gallery)
    scores = score_features(q, g, labels(query), labels(gallery), tile=tile)
    if expected is None:
        with pytest.raises(UndefinedError, match="no query has a match"):
            average(scores, gallery_size)
        return
    found = average(scores, gallery_size)
    assert found.to_json() == pytest.approx(expected, abs=1e-9)
    assert len(found.cmc) == min(50, gallery_size)


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


def test_what_a_query_without_match_scores_is_no_number() -> None:
    query, gallery = labels([(5, 0, 0), (1, 0, 1)]), labels([(1, 1, 2), (2, 1, 3)])
    scores = score_features(torch.eye(2), torch.eye(2), query, gallery)
    assert scores.matched.tolist() == [False, True]
    assert scores.average_precision.isnan().tolist() == [True, False]
    assert scores.inverse_negative_penalty.isnan().tolist() == [True, False]


def test_no_query_matches() -> None:
    with pytest.raises(UndefinedError, match="no query has a match"):
        evaluate_ranking(torch.eye(2)[:1], torch.eye(2), labels([(5, 0, 0)]), labels([(1, 1, 1), (2, 1, 2)]))
    nothing = QueryScores(torch.zeros(0, dtype=torch.bool), torch.zeros(0, 20), torch.zeros(0), torch.zeros(0))
    with pytest.raises(UndefinedError, match="no query has a match"):
        average(nothing, 3)


def test_ranks_end_where_the_gallery_does() -> None:
    gallery = labels([(number, 1, 10 + number) for number in range(6)])
    found = evaluate_ranking(torch.eye(6)[2:3], torch.eye(6), labels([(2, 0, 0)]), gallery)
    assert found.cmc == (1.0,) * 6
    assert (found.rank1, found.rank5, found.rank10, found.rank20) == (1.0, 1.0, None, None)
    assert found.as_text(" [how]") == (
        "rank-1 100.00, rank-5 100.00 [how]\nmAP 100.00, mINP 100.00 [how]\n1 queries against 6 gallery pictures\n"
        "0 queries have no match in the gallery and are left out of the averages\n"
        "the gallery is too small for rank-10, rank-20"
    )
    assert json.loads(json.dumps(found.to_json(), allow_nan=False))["rank20"] is None
    five = evaluate_ranking(torch.eye(6)[2:3], torch.eye(6)[:5], labels([(2, 0, 0)]), gallery[slice(5)])
    assert (five.rank5, five.rank10) == (1.0, None)


def test_equally_near_pictures_are_ranked_in_the_gallerys_order() -> None:
    same = torch.ones(4, 3)
    for right in range(4):
        gallery = labels([(int(number == right), 1, 10 + number) for number in range(4)])
        found = evaluate_ranking(same[:1], same, labels([(1, 0, 0)]), gallery)
        assert found.cmc == tuple(float(rank >= right) for rank in range(4))
        assert found.mAP == 1 / (right + 1)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_not_ranked(bad: float) -> None:
    query, gallery = labels([(1, 0, 0)]), labels([(1, 1, 1), (2, 1, 2)])
    for where in range(2):
        features = [torch.eye(2)[:1].clone(), torch.eye(2)]
        features[where][0, 1] = bad
        with pytest.raises(CdnetError, match=r"1 of \d pictures have features that are not finite"):
            evaluate_ranking(*features, query, gallery)
    with pytest.raises(CdnetError, match="distances that are not finite"):
        score_distances(torch.tensor([[0.5, bad]]), query, gallery)


def test_shapes_that_disagree_are_refused() -> None:
    with pytest.raises(ValueError, match="differ in length"):
        evaluate_ranking(torch.eye(2), torch.eye(2), labels([(1, 0, 0)]), labels([(1, 1, 1), (2, 1, 2)]))
    two = labels([(1, 0, 0), (1, 0, 1)])
    with pytest.raises(ValueError, match="at least one"):
        evaluate_ranking(torch.eye(2), torch.zeros(0, 2), two, labels([]))
    with pytest.raises(ValueError, match="at least one"):
        evaluate_ranking(torch.zeros(0, 2), torch.eye(2), labels([]), two)
    with pytest.raises(ValueError, match="at least one"):
        score_distances(torch.zeros(2, 0), two, labels([]))
    with pytest.raises(ValueError, match="at least one"):
        score_tile(torch.zeros(2, 0, dtype=torch.long), two, labels([]), 20)


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


def test_an_order_is_scored_by_hand() -> None:
    # Persons 1, 0, 0, 0, 2; the third picture is of the first query's own camera and does not count.
    gallery = labels([(1, 1, 10), (0, 1, 11), (0, 0, 12), (0, 1, 13), (2, 1, 14)])
    query = labels([(0, 0, 0), (9, 0, 1), (2, 0, 2)])
    orders = torch.tensor([[0, 2, 1, 3, 4], [0, 1, 2, 3, 4], [3, 1, 2, 0, 4]])
    matched, hits, precision, penalty = score_tile(orders, query, gallery, 4)
    assert matched.tolist() == [True, False, True]
    assert hits[[0, 2]].tolist() == [[False, True, True, True], [False] * 4]
    assert precision[[0, 2]].tolist() == pytest.approx([(1 / 2 + 2 / 3) / 2, 1 / 5])
    assert penalty[[0, 2]].tolist() == pytest.approx([2 / 3, 1 / 5])
    assert precision[1].isnan()
    assert penalty[1].isnan()

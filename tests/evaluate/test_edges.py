"""Galleries that are empty, equal to the last bit, or of another length, at the public functions that rank them."""

from __future__ import annotations

import math
import re

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from cdnet.errors import CdnetError, UndefinedError
from cdnet.evaluate import bootstrap as bootstrap_module
from cdnet.evaluate.bootstrap import LEAST, MOST, bootstrap, check_enough
from cdnet.evaluate.comparable import unit_length
from cdnet.evaluate.options import Options
from cdnet.evaluate.ranking import Labels, QueryScores, evaluate_ranking, score_distances, score_features
from cdnet.evaluate.rerank import Rerank, rerank
from cdnet.evaluate.threshold import count_pairs, find_thresholds


def labels(identities: list[int], camera: int, first: int = 0) -> Labels:
    count = len(identities)
    return Labels(
        torch.tensor(identities, dtype=torch.long), torch.full((count,), camera), torch.arange(first, first + count)
    )


def features(count: int, seed: int = 0, dim: int = 4) -> Tensor:
    return torch.randn(count, dim, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(("queries", "gallery"), [(0, 3), (2, 0), (0, 0)])
def test_ranking_nothing_is_refused(queries: int, gallery: int) -> None:
    query, others = labels([0] * queries, 0), labels([0] * gallery, 1, 10)
    with pytest.raises(ValueError, match="at least one query and one gallery picture"):
        evaluate_ranking(features(queries), features(gallery), query, others)
    with pytest.raises(ValueError, match="at least one query and one gallery picture"):
        score_distances(torch.zeros(queries, gallery), query, others)
    with pytest.raises(ValueError, match="at least one query and one gallery picture"):
        rerank(features(queries), features(gallery))


@pytest.mark.parametrize(("queries", "gallery"), [(1, 3), (3, 3), (2, 2), (2, 4)])
def test_features_and_labels_of_another_length_are_refused(queries: int, gallery: int) -> None:
    query, others = labels([0, 1], 0), labels([0, 1, 2], 1, 10)
    with pytest.raises(ValueError, match="differ in length"):
        score_features(features(queries), features(gallery), query, others)
    with pytest.raises(ValueError, match="differ in length"):
        score_distances(torch.zeros(queries, gallery), query, others)
    with pytest.raises(ValueError, match="differ in length"):
        find_thresholds(features(queries), features(gallery), query, others, [0.5])


def test_features_of_another_width_are_not_reranked() -> None:
    with pytest.raises(ValueError, match="differ in length"):
        rerank(features(2), features(3, dim=5))
    with pytest.raises(ValueError, match="differ in length"):
        rerank(features(2)[0], features(3))


@pytest.mark.parametrize("wrong", [math.nan, math.inf])
def test_distances_that_are_no_numbers_are_refused(wrong: float) -> None:
    distances = torch.zeros(2, 3)
    distances[1, 2] = wrong
    with pytest.raises(CdnetError, match="not finite"):
        score_distances(distances, labels([0, 1], 0), labels([0, 1, 2], 1, 10))


@pytest.mark.parametrize("tile", [1, 2, 5])
def test_exact_duplicates_are_ranked_as_the_gallery_has_them(tile: int) -> None:
    # Every gallery picture is the same: the match is where the gallery has it, third for person 0, first for person 5.
    one = features(1).expand(4, 4)
    gallery = labels([5, 6, 0, 7], 1, 10)
    for person, rank in ((0, 3), (5, 1), (7, 4)):
        scores = score_features(one[:1], one, labels([person], 0), gallery, tile=tile)
        assert scores.hits[0].tolist() == [False] * (rank - 1) + [True] * (len(scores.hits[0]) - rank + 1)
        assert scores.average_precision.item() == pytest.approx(1 / rank)
        assert scores.inverse_negative_penalty.item() == pytest.approx(1 / rank)


@pytest.mark.parametrize(("asked", "long"), [(1, 20), (20, 20), (21, 21), (50, 50)])
def test_a_curve_is_as_long_as_asked_and_at_least_20(asked: int, long: int) -> None:
    distances, query, gallery = torch.rand(2, 60), labels([0, 1], 0), labels([0, 1] * 30, 1, 10)
    assert score_distances(distances, query, gallery, max_rank=asked).hits.shape == (2, long)


def test_what_is_left_out_of_a_ranking_is_a_curve_of_50() -> None:
    query, gallery = labels([0, 1], 0), labels([0, 1] * 30, 1, 10)
    assert score_distances(torch.rand(2, 60), query, gallery).hits.shape == (2, 50)
    assert score_features(features(2), features(60, 1), query, gallery).hits.shape == (2, 50)
    assert len(evaluate_ranking(features(2), features(60, 1), query, gallery).cmc) == 50


def test_what_is_left_out_of_reranking_is_the_papers() -> None:
    query, gallery = features(6), features(70, 1)
    assert Rerank() == Rerank(k1=20, k2=6, weight=0.3)
    assert torch.equal(rerank(query, gallery), rerank(query, gallery, 20, 6, 0.3))


@pytest.mark.parametrize(("k1", "k2", "weight"), [(0, 6, 0.3), (20, 0, 0.3), (20, 6, -0.01), (20, 6, 1.01)])
def test_settings_out_of_range_are_refused(k1: int, k2: int, weight: float) -> None:
    with pytest.raises(ValueError, match="re-ranking needs k1 and k2 from 1"):
        rerank(features(3), features(30, 1), k1, k2, weight)


@pytest.mark.parametrize(("k1", "k2", "weight"), [(1, 1, 0.0), (1, 1, 1.0), (500, 500, 0.5)])
def test_settings_at_their_ends_give_distances(k1: int, k2: int, weight: float) -> None:
    distances = rerank(features(3), features(30, 1), k1, k2, weight)
    assert distances.shape == (3, 30)
    assert 0 <= distances.min() <= distances.max() <= 1 + 1e-6


def test_all_weight_on_the_original_distance_is_that_distance() -> None:
    query, gallery = F.normalize(features(5)), F.normalize(features(40, 1))
    everything = torch.cat([query, gallery])
    squared = torch.cdist(query.double(), everything.double()).square()
    expected = squared[:, 5:] / squared.amax(1, keepdim=True)
    torch.testing.assert_close(rerank(query, gallery, weight=1.0).double(), expected, rtol=1e-4, atol=1e-5)


def test_pictures_that_are_all_the_same_are_at_no_distance() -> None:
    one = features(1)
    distances = rerank(one.expand(3, 4), one.expand(40, 4))
    assert distances.isfinite().all()
    assert distances.abs().max() < 1 + 1e-6
    numbers = torch.zeros(3, dtype=torch.long), torch.zeros(40, dtype=torch.long)
    assert rerank(one.expand(3, 4), one.expand(40, 4), pictures=numbers).abs().max() < 1e-5


def test_a_picture_that_is_there_twice_counts_once() -> None:
    query, gallery = features(4), features(50, 1)
    plain = rerank(query, gallery)
    twice = torch.cat([gallery, gallery[10:30]])
    numbers = torch.arange(4), torch.cat([torch.arange(4, 54), torch.arange(14, 34)])
    found = rerank(query, twice, pictures=numbers)
    torch.testing.assert_close(found[:, :50], plain)
    torch.testing.assert_close(found[:, 50:], plain[:, 10:30])


@pytest.mark.parametrize("angle", [30, 60, 90, 120, 179])
def test_neighbouring_floats_are_told_apart(angle: int) -> None:
    # Similarities a few units in the last place from each other, around 0, around a half, and below 0.
    angles = math.radians(angle) + (torch.arange(-30, 30, dtype=torch.double) + 0.5) * 4e-8
    gallery_features = torch.stack([angles.cos(), angles.sin()], dim=1).float()
    query_features = torch.tensor([[1.0, 0.0]])
    similarity = (unit_length(query_features) @ unit_length(gallery_features).T)[0].tolist()
    query, gallery = labels([0], 0), labels([1] * 59 + [0], 1, 10)
    impostor = sorted(similarity[:59], reverse=True)
    assert count_pairs(query, gallery) == (1, 59)
    allowed = range(1, 58)
    found = find_thresholds(query_features, gallery_features, query, gallery, [(n + 0.5) / 59 for n in allowed])
    for n, threshold in zip(allowed, found, strict=True):
        assert threshold.threshold == impostor[n]  # the least that no more than n are above
        assert threshold.false_match_rate == sum(value > impostor[n] for value in impostor) / 59
        assert threshold.true_match_rate == float(similarity[59] > impostor[n])


def scores(matched: list[bool]) -> QueryScores:
    there = torch.tensor(matched, dtype=torch.bool)
    values = torch.linspace(0.2, 0.9, len(matched), dtype=torch.double).masked_fill(~there, math.nan)
    return QueryScores(there, there[:, None], values, values)


@pytest.mark.parametrize("matched", [[False] * 4, [False, True, False], [True], []])
def test_no_intervals_with_fewer_than_two_matches(matched: list[bool]) -> None:
    with pytest.raises(UndefinedError, match=f"need two of them at least, not {sum(matched)};"):
        bootstrap(scores(matched))
    with pytest.raises(UndefinedError):
        check_enough(sum(matched))


def test_two_matches_are_enough_and_queries_without_one_change_nothing() -> None:
    check_enough(2)
    few = bootstrap(scores([True, False, True]), LEAST, seed=3)
    assert 0.2 <= few.mAP[0] < few.mAP[1] <= 0.9
    assert few.rank1 == (1.0, 1.0)
    assert (few.level, few.samples, few.seed) == (0.95, LEAST, 3)


def test_what_is_left_out_of_intervals() -> None:
    given = scores([True] * 9)
    assert bootstrap(given) == bootstrap(given, 1000, 0, 0.95)


@pytest.mark.parametrize(("samples", "level"), [(LEAST - 1, 0.95), (MOST + 1, 0.95), (LEAST, 0.0), (LEAST, 1.0)])
def test_intervals_of_too_few_samples_or_no_level_are_refused(samples: int, level: float) -> None:
    with pytest.raises(ValueError, match="expected 100 to 100000 samples and a level between 0 and 1"):
        bootstrap(scores([True] * 4), samples, level=level)


def test_what_an_evaluation_may_ask_for_ends_where_it_is_said_to() -> None:
    # One more than each limit is refused, and each limit is allowed.
    rates = tuple(n / 100 for n in range(1, 22))
    assert len(Options(false_match_rates=rates[:20]).false_match_rates) == 20
    with pytest.raises(CdnetError, match="20 false-match rates at most, not 21"):
        Options(false_match_rates=rates)
    Options(rerank=Rerank(200, 200))
    for wrong in (Rerank(201, 6), Rerank(20, 201)):
        with pytest.raises(CdnetError, match="k1 and k2 from 1 to 200"):
            Options(rerank=wrong)
    Options(bootstrap=100)
    Options(bootstrap=100_000)
    for samples in (99, 100_001):
        with pytest.raises(CdnetError, match="intervals need 100 to 100,000 bootstrap samples"):
            Options(bootstrap=samples)


@pytest.mark.parametrize(
    ("pairs", "least"),
    [(3, "0.334"), (7, "0.143"), (59, "0.017"), (99, "0.0102"), (100, "0.01"), (101, "0.00991"), (150, "0.00667")],
)
def test_the_least_rate_that_so_many_pairs_tell_has_three_digits(pairs: int, least: str) -> None:
    query, gallery = labels([0], 0), labels([1] * pairs + [0], 1, 10)
    with pytest.raises(CdnetError, match=rf"the least they can tell is {re.escape(least)}$"):
        find_thresholds(features(1), features(pairs + 1), query, gallery, [1e-6])
    (found,) = find_thresholds(features(1), features(pairs + 1), query, gallery, [float(least)])
    assert found.false_match_rate == pytest.approx(1 / pairs)


def test_the_first_rate_that_is_too_small_is_named() -> None:
    query, gallery = labels([0], 0), labels([1, 2, 0], 1, 10)
    with pytest.raises(CdnetError, match=r"^the false-match rate 1e-06 is too small for 2 pairs"):
        find_thresholds(features(1), features(3), query, gallery, [0.5, 1e-6, 1e-7])
    with pytest.raises(CdnetError, match=r"between 0 and 1, such as 1e-3, not 2$"):
        find_thresholds(features(1), features(3), query, gallery, [0.5, 2.0, 3.0])


def test_pictures_of_the_unknown_camera_count_for_each_other() -> None:
    # -1 is the camera that is not known, in files of features too.
    distances = torch.tensor([[0.1, 0.2, 0.3]])
    for camera, matches in ((-1, True), (0, False), (-2, False)):
        scores = score_distances(distances, labels([0], camera), labels([0, 1, 2], camera, 10))
        assert scores.matched.tolist() == [matches]


@pytest.mark.parametrize("at_a_time", [1, 20, 300])
def test_so_many_queries_that_few_samples_are_drawn_at_a_time(at_a_time: int, monkeypatch: pytest.MonkeyPatch) -> None:
    given = scores([True] * 9)
    whole = bootstrap(given, 200, seed=5)
    monkeypatch.setattr(bootstrap_module, "_DRAWN", at_a_time)
    assert bootstrap(given, 200, seed=5) == whole

"""Bootstrap intervals: a second implementation in loops, and how often they hold what was planted."""

from __future__ import annotations

import math
import statistics

import pytest
import torch

from cdnet.errors import UndefinedError
from cdnet.evaluate import bootstrap as module
from cdnet.evaluate.bootstrap import bootstrap
from cdnet.evaluate.ranking import QueryScores


def scores(rank1: torch.Tensor, precision: torch.Tensor, matched: torch.Tensor | None = None) -> QueryScores:
    matched = torch.ones(len(rank1), dtype=torch.bool) if matched is None else matched
    return QueryScores(matched, rank1[:, None].bool(), precision.double(), precision.double() ** 2)


def percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    low = math.floor(place)
    return ordered[low] + (place - low) * (ordered[min(low + 1, len(ordered) - 1)] - ordered[low])


@pytest.mark.parametrize(("seed", "level"), [(0, 0.95), (7, 0.8)])
def test_equals_loops_over_the_same_draws(seed: int, level: float) -> None:
    generator = torch.Generator().manual_seed(3)
    matched = torch.rand(30, generator=generator) < 0.8
    given = scores(torch.rand(30, generator=generator) < 0.6, torch.rand(30, generator=generator), matched)
    found = bootstrap(given, 300, seed, level)

    figures = {
        "rank1": [float(hit) for hit, there in zip(given.hits[:, 0].tolist(), matched.tolist(), strict=True) if there],
        "mAP": given.average_precision[matched].tolist(),
        "mINP": given.inverse_negative_penalty[matched].tolist(),
    }
    queries = len(figures["mAP"])
    draws = torch.randint(queries, (300, queries), generator=torch.Generator().manual_seed(seed)).tolist()
    for name, values in figures.items():
        means = [statistics.fmean(values[query] for query in sample) for sample in draws]
        expected = percentile(means, (1 - level) / 2), percentile(means, (1 + level) / 2)
        assert getattr(found, name) == pytest.approx(expected, abs=1e-12), name


def test_intervals_hold_the_planted_mean_as_often_as_they_say() -> None:
    held = {"rank1": 0, "mAP": 0}
    trials = 300
    for trial in range(trials):
        generator = torch.Generator().manual_seed(trial)
        # Right first with 0.7; precision is the square of an even draw, of mean 1/3.
        given = scores(torch.rand(150, generator=generator) < 0.7, torch.rand(150, generator=generator) ** 2)
        found = bootstrap(given, 200, trial)
        held["rank1"] += found.rank1[0] <= 0.7 <= found.rank1[1]
        held["mAP"] += found.mAP[0] <= 1 / 3 <= found.mAP[1]
    # 95 %, give or take three deviations of 300 trials, and a little below for what percentiles miss at 150 queries.
    assert all(0.905 < count / trials < 0.99 for count in held.values()), held


def test_the_same_seed_gives_the_same_and_another_one_others() -> None:
    given = scores(torch.arange(50) % 3 > 0, torch.linspace(0, 1, 50))
    assert bootstrap(given, 200, 1) == bootstrap(given, 200, 1)
    assert bootstrap(given, 200, 1).mAP != bootstrap(given, 200, 2).mAP


@pytest.mark.parametrize("with_match", [0, 1])
def test_of_fewer_than_two_queries_there_are_no_intervals(with_match: int) -> None:
    given = scores(torch.ones(3), torch.ones(3), torch.arange(3) < with_match)
    with pytest.raises(UndefinedError, match=f"need two of them at least, not {with_match}"):
        bootstrap(given)


def test_two_queries_with_a_match_have_intervals_whatever_the_others_score() -> None:
    given = scores(torch.ones(4), torch.tensor([0.5, 0.75, math.nan, math.nan]), torch.arange(4) < 2)
    assert bootstrap(given, 100).mAP == (0.5, 0.75)


@pytest.mark.parametrize(
    ("samples", "level"), [(99, 0.95), (100_001, 0.95), (1000, 1.0), (1000, 0.0), (1000, math.nan)]
)
def test_wrong_settings_are_refused(samples: int, level: float) -> None:
    with pytest.raises(ValueError, match="100 to 100000 samples"):
        bootstrap(scores(torch.ones(3), torch.ones(3)), samples, 0, level)


def test_draws_do_not_depend_on_how_many_are_made_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    given = scores(torch.arange(50) % 3 > 0, torch.linspace(0, 1, 50))
    whole = bootstrap(given, 200, 1)
    monkeypatch.setattr(module, "_DRAWN", 120)
    assert bootstrap(given, 200, 1) == whole


def test_text_is_in_per_cent() -> None:
    found = bootstrap(scores(torch.ones(9), torch.full((9,), 0.5)), 100)
    text = found.as_text(1.0, 0.5, 0.25, " [flip]")
    assert text == (
        "95 % intervals from 100 bootstrap samples of the queries: "
        "rank-1 100.0 (100.0-100.0), mAP 50.0 (50.0-50.0), mINP 25.0 (25.0-25.0) [flip]"
    )

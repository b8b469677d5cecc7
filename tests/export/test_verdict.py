"""Whether another input is better is decided beyond the chance of the queries, or said not to be decided."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from cdnet.evaluate.ranking import QueryScores
from cdnet.export.feeds import Ranked, usual_feeds
from cdnet.export.verdict import COSTS, FEWEST, gain, judge

RGB, PLAIN, *_ = usual_feeds((64, 32))


def ranked(feed: int, precision: np.ndarray, unmatched: int = 0) -> Ranked:
    """An input by which the queries have these average precisions, and so many more have no match."""
    values = torch.cat([torch.from_numpy(precision), torch.full((unmatched,), torch.nan, dtype=torch.double)])
    matched = values.isfinite()
    hits = (values > 0.5)[:, None].expand(-1, 20)
    mean = float(values[matched].mean())
    return Ranked(usual_feeds((64, 32))[feed], mean, 0.5, "", QueryScores(matched, hits, values, values))


def queries(seed: int, count: int, lost: float) -> tuple[np.ndarray, np.ndarray]:
    """Average precisions by the right input, and by one that loses so much on average, query by query at random."""
    rng = np.random.default_rng(seed)
    right = rng.uniform(0.4, 1.0, count)
    return right, np.clip(right - lost + rng.normal(0, 0.15, count), 0, 1)


def test_the_interval_is_that_of_the_differences() -> None:
    right, wrong = queries(0, 400, 0.1)
    found = gain(ranked(0, right, 5), ranked(1, wrong, 5))
    assert found is not None
    more = right - wrong
    half = 2.576 * more.std() / np.sqrt(len(more))  # by the normal distribution
    assert found.found == pytest.approx(more.mean())
    assert (found.low, found.high) == pytest.approx((more.mean() - half, more.mean() + half), abs=0.1 * half)


@pytest.mark.parametrize("seed", range(8))
def test_a_good_file_is_not_refused_and_a_broken_one_is(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cdnet.export.verdict.SAMPLES", 2000)
    right, as_good = queries(seed, 60, 0.0)
    _, wrong = queries(seed, 60, 0.2)
    for said, other in ((right, as_good), (as_good, right)):  # by chance one of them is better
        both = sorted([ranked(0, said), ranked(1, other)], key=lambda one: -(one.mAP or 0))
        assert not judge(RGB, both).wrong
    verdict = judge(PLAIN, [ranked(0, right), ranked(1, wrong)])
    assert verdict.wrong
    assert "the pictures are not normalised at all" in verdict.text
    assert not judge(RGB, [ranked(0, right), ranked(1, wrong)]).wrong


def test_what_is_certain_and_too_little_to_matter_is_no_mistake() -> None:
    right = np.linspace(0.2, 0.9, 60)
    verdict = judge(PLAIN, [ranked(0, right), ranked(1, right - COSTS / 2)])
    assert not verdict.wrong
    assert "as well as by any other usual input" in verdict.text
    assert judge(PLAIN, [ranked(0, right), ranked(1, right - 2 * COSTS)]).wrong


def test_what_is_not_decided_is_said_not_to_be() -> None:
    right, wrong = queries(3, FEWEST, 0.03)
    verdict = judge(PLAIN, [ranked(0, right), ranked(1, wrong)])
    assert not verdict.wrong
    assert verdict.text.startswith("not decided: RGB, 0 to 1, then ImageNet's mean and deviation gives +")
    few = judge(PLAIN, [ranked(0, right[1:], 9), ranked(1, wrong[1:] * 0, 9)])
    assert not few.wrong
    assert f"fewer than {FEWEST} queries with a match do not tell" in few.text


def test_a_network_that_knows_no_such_pictures_shows_nothing() -> None:
    right, wrong = queries(0, 200, 0.2)
    verdict = judge(RGB, [ranked(1, right * 0.3), ranked(0, wrong * 0.1)])
    assert not verdict.wrong
    assert verdict.text.startswith("not decided: by no usual input does it tell these people apart")
    assert judge(None, [ranked(1, right * 0.3), ranked(0, wrong * 0.1)]).text == verdict.text


def test_without_a_word_of_the_input_the_best_is_named_with_those_that_may_be_as_good() -> None:
    right, as_good = queries(5, 60, 0.0)
    _, wrong = queries(5, 60, 0.3)
    every = sorted([ranked(0, right), ranked(1, as_good), ranked(2, wrong)], key=lambda one: -(one.mAP or 0))
    assert "; 1 other(s) may be as good" in judge(None, every).text
    assert "other" not in judge(None, [ranked(0, right), ranked(2, wrong)]).text


def test_an_input_that_tells_nobody_apart_is_a_mistake() -> None:
    right, _ = queries(0, 60, 0.0)
    nothing = Ranked(PLAIN, None, 1.0, "all 80 pictures have the same features")
    assert judge(PLAIN, [ranked(0, right), nothing]).wrong
    assert "with no other usual input" in judge(RGB, [ranked(0, right), nothing]).text

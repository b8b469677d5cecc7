"""The learning rate at points that can be worked out by hand."""

from __future__ import annotations

import math

import pytest

from cdnet.engine.recipe import ScheduleRecipe
from cdnet.engine.schedule import learning_rate, never_reached


@pytest.mark.parametrize(
    ("epoch", "expected"),
    [(0, 0.065), (149.99, 0.065), (150, 0.0065), (225, 0.00065), (300, 0.000065), (349, 0.000065)],
)
def test_the_papers_steps(epoch: float, expected: float) -> None:
    assert learning_rate(0.065, ScheduleRecipe(), epoch) == pytest.approx(expected)


def test_warm_up_rises_evenly_from_a_hundredth() -> None:
    schedule = ScheduleRecipe(epochs=20, kind="cosine", warmup=4)
    rates = [learning_rate(1.0, schedule, epoch) for epoch in (0, 1, 2, 3, 4)]
    assert rates == pytest.approx([0.01, 0.2575, 0.505, 0.7525, 1.0])


def test_cosine_after_warm_up() -> None:
    schedule = ScheduleRecipe(epochs=20, kind="cosine", warmup=4)
    for epoch in (4, 8, 12, 16, 20):
        expected = (1 + math.cos(math.pi * (epoch - 4) / 16)) / 2
        assert learning_rate(0.5, schedule, epoch) == pytest.approx(0.5 * expected)
    assert learning_rate(0.5, schedule, 20) == pytest.approx(0, abs=1e-12)


def test_exponential_falls_after_each_epoch() -> None:
    schedule = ScheduleRecipe(epochs=240, kind="exponential", factor=0.97)
    rates = [learning_rate(0.1, schedule, epoch) for epoch in (0, 0.99, 1, 2.5, 239)]
    assert rates == pytest.approx([0.1, 0.1, 0.097, 0.09409, 0.1 * 0.97**239])


def test_a_warm_up_as_long_as_the_training_ends_at_the_highest_rate() -> None:
    assert learning_rate(0.5, ScheduleRecipe(epochs=4, kind="cosine", warmup=4), 4) == 0.5


def test_milestones_that_no_epoch_reaches_are_said() -> None:
    assert never_reached([3, 9], 10) == ""
    assert never_reached([9, 10, 12], 10) == (
        "of 10 epochs none reaches the milestone(s) 10, 12: the learning rate does not fall there"
    )

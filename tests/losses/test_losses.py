"""The losses against slow definitions written from the papers."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cdnet.losses.objective import Losses, objective
from cdnet.losses.softmax import softmax_loss
from cdnet.losses.triplet import Margin, batch_hard_triplet, euclidean
from cdnet.nn.necks import Head


def triplet_by_hand(
    features: torch.Tensor, identities: list[int], margin: Margin = 0.3, normalise: bool = False
) -> float:
    lengths = [math.hypot(*row) if normalise else 1.0 for row in features.tolist()]
    points = [[value / length for value in row] for row, length in zip(features.tolist(), lengths, strict=True)]
    losses = []
    for a, point in enumerate(points):
        distance = [math.dist(point, other) for other in points]
        positive = max(d for d, identity in zip(distance, identities, strict=True) if identity == identities[a])
        negatives = [d for d, identity in zip(distance, identities, strict=True) if identity != identities[a]]
        apart = positive - min(negatives, default=math.inf)
        losses.append(math.log1p(math.exp(apart)) if margin == "soft" else max(0.0, margin + apart))
    return sum(losses) / len(losses)


@settings(max_examples=60, deadline=None)
@given(
    identities=st.lists(st.integers(0, 4), min_size=2, max_size=12),
    seed=st.integers(0, 999),
    margin=st.sampled_from([0.0, 0.3, 1.5, "soft"]),
    normalise=st.booleans(),
)
def test_triplet_equals_the_definition(identities: list[int], seed: int, margin: Margin, normalise: bool) -> None:
    features = torch.randn(len(identities), 5, dtype=torch.double, generator=torch.Generator().manual_seed(seed))
    found = batch_hard_triplet(features, torch.tensor(identities), margin, normalise)
    assert found.item() == pytest.approx(triplet_by_hand(features, identities, margin, normalise), abs=2e-6)


def test_triplet_gradient_by_finite_differences() -> None:
    features = torch.randn(8, 4, dtype=torch.double, generator=torch.Generator().manual_seed(3), requires_grad=True)
    identities = torch.tensor([0, 0, 1, 1, 2, 2, 3, 3])
    for margin, normalise in [(1.5, False), (1.5, True), ("soft", False), ("soft", True)]:
        assert torch.autograd.gradcheck(
            lambda f, m=margin, n=normalise: batch_hard_triplet(f, identities, m, n), (features,)
        )


def test_triplet_of_equal_features_is_finite() -> None:
    features = torch.ones(4, 3, requires_grad=True)
    loss = batch_hard_triplet(features, torch.tensor([0, 0, 1, 1]))
    loss.backward()
    assert loss.item() == pytest.approx(0.3, abs=1e-5)
    assert features.grad is not None
    assert features.grad.isfinite().all()


def test_distances_equal_cdist() -> None:
    a, b = torch.randn(7, 16), torch.randn(5, 16)
    torch.testing.assert_close(euclidean(a, b), torch.cdist(a, b), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.5])
def test_softmax_equals_the_definition(smoothing: float) -> None:
    scores = torch.randn(6, 4, dtype=torch.double, generator=torch.Generator().manual_seed(0))
    identities = [3, 0, 0, 2, 1, 3]
    total = 0.0
    for row, identity in zip(scores.tolist(), identities, strict=True):
        normaliser = math.log(sum(math.exp(value) for value in row))
        for c, value in enumerate(row):
            target = smoothing / 4 + (1 - smoothing) * (c == identity)
            total -= target * (value - normaliser)
    assert softmax_loss(scores, torch.tensor(identities), smoothing).item() == pytest.approx(total / 6, rel=1e-12)


@pytest.mark.parametrize("normalise", [False, True])
@pytest.mark.parametrize("heads", [1, 2])
def test_objective_sums_equations_9_and_10(heads: int, normalise: bool) -> None:
    generator = torch.Generator().manual_seed(0)
    identities = torch.tensor([0, 0, 1, 1, 2, 2])
    made = [
        Head(torch.randn(6, 4, generator=generator), torch.zeros(6, 1), torch.randn(6, 3, generator=generator))
        for _ in range(heads)
    ]
    losses = objective(made, identities, margin=0.3, smoothing=0.1, normalise=normalise)
    expected = sum(
        triplet_by_hand(head.triplet, identities.tolist(), 0.3, normalise)
        + softmax_loss(head.scores, identities, 0.1).item()
        for head in made
    )
    assert losses.total.item() == pytest.approx(expected, rel=1e-5)
    assert len(losses.triplet) == len(losses.softmax) == heads


@pytest.mark.parametrize("weight", [0.0, 0.5, 1.0])
def test_the_triplet_losses_count_by_their_weight(weight: float) -> None:
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(6, 4, generator=generator, requires_grad=True)
    head = Head(features, torch.zeros(6, 1), torch.randn(6, 3, generator=generator))
    identities = torch.tensor([0, 0, 1, 1, 2, 2])
    losses = objective([head], identities, triplet_weight=weight)
    triplet, softmax = losses.triplet[0].item(), losses.softmax[0].item()
    assert triplet > 0
    assert losses.total.item() == pytest.approx(weight * triplet + softmax, rel=1e-6)
    assert losses.total.requires_grad is (weight > 0)  # the scores here are constants


def some_heads(dtype: torch.dtype = torch.float32) -> tuple[list[Head], torch.Tensor]:
    generator = torch.Generator().manual_seed(5)
    heads = [
        Head(
            torch.randn(6, 4, generator=generator).to(dtype),
            torch.zeros(6, 1),
            torch.randn(6, 3, generator=generator).to(dtype),
        )
        for _ in range(2)
    ]
    return heads, torch.tensor([0, 0, 1, 1, 2, 2])


def test_what_is_left_out_is_the_papers() -> None:
    heads, identities = some_heads()
    features, scores = heads[0].triplet, heads[0].scores
    plain = triplet_by_hand(features, identities.tolist(), 0.3)
    assert batch_hard_triplet(features, identities).item() == pytest.approx(plain, rel=1e-5)
    assert torch.equal(softmax_loss(scores, identities), torch.nn.functional.cross_entropy(scores, identities))
    losses = objective(heads, identities)
    assert losses.triplet[0].item() == pytest.approx(plain, rel=1e-5)
    assert torch.equal(losses.softmax[0], softmax_loss(scores, identities))
    assert losses.total.item() == pytest.approx(sum(part.item() for part in losses.triplet + losses.softmax), rel=1e-6)


def test_halves_are_made_floats_before_the_losses() -> None:
    heads, identities = some_heads(torch.bfloat16)
    losses = objective(heads, identities)
    exact = objective([Head(h.triplet.double(), h.softmax, h.scores.double()) for h in heads], identities)
    for found, wanted in zip([losses.total, *losses.triplet, *losses.softmax], flat(exact), strict=True):
        assert found.dtype == torch.float32
        assert found.item() == pytest.approx(wanted.item(), rel=1e-5)


def flat(losses: Losses) -> list[torch.Tensor]:
    return [losses.total, *losses.triplet, *losses.softmax]


def test_anchors_without_a_negative_count_as_0() -> None:
    features = torch.randn(4, 3, generator=torch.Generator().manual_seed(0))
    assert batch_hard_triplet(features, torch.zeros(4, dtype=torch.long)).item() == 0


def test_a_picture_is_at_no_distance_from_itself() -> None:
    points = torch.randn(5, 3, dtype=torch.double, generator=torch.Generator().manual_seed(0))
    assert euclidean(points, points).diagonal().max() < 1e-5
    assert euclidean(torch.zeros(1, 3), torch.zeros(1, 3)).item() <= 1.001e-6


def test_without_a_negative_a_soft_margin_asks_nothing() -> None:
    features = torch.randn(4, 3, generator=torch.Generator().manual_seed(0), requires_grad=True)
    loss = batch_hard_triplet(features, torch.zeros(4, dtype=torch.long), "soft")
    loss.backward()
    assert loss.item() == 0
    assert features.grad is not None
    assert (features.grad == 0).all()

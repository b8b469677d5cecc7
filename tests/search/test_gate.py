"""Gates against Equation 8 worked out by hand and by finite differences of its surrogate."""

from __future__ import annotations

import math
from collections import Counter

import pytest
import torch

from cdnet import CdnetError
from cdnet.search.gate import mixture, sampled, top_k


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def equation_8(alpha: list[float], outputs: list[float], branches: tuple[int, ...]) -> list[float]:
    """Return dF/dalpha: the sum over selected k of f_k times dp_k/dalpha_j = p_k ((k = j) - p_j)."""
    total = sum(math.exp(a) for a in alpha)
    p = [math.exp(a) / total for a in alpha]
    return [sum(outputs[k] * p[k] * ((k == j) - p[j]) for k in branches) for j in range(len(alpha))]


ALPHA = [0.3, -1.2, 0.8, 0.1, 0.75]
OUTPUTS = [1.5, -2.0, 0.7, 3.0, -0.4]


@pytest.mark.parametrize(("k", "branches"), [(1, (2,)), (2, (2, 4)), (3, (0, 2, 4)), (5, (0, 1, 2, 3, 4))])
def test_top_k_selects_and_differentiates_as_equations_3_to_8(k: int, branches: tuple[int, ...]) -> None:
    alpha = torch.tensor(ALPHA, dtype=torch.double, requires_grad=True)
    found = top_k(alpha, generator(), k)
    assert found.branches == branches
    assert found.weights.tolist() == [1.0] * k
    outputs = torch.tensor(OUTPUTS, dtype=torch.double)
    (found.weights * outputs[list(branches)]).sum().backward()
    torch.testing.assert_close(alpha.grad, torch.tensor(equation_8(ALPHA, OUTPUTS, branches), dtype=torch.double))


@pytest.mark.parametrize("k", [1, 2, 5])
def test_gradient_equals_finite_differences_of_the_surrogate(k: int) -> None:
    # The surrogate of Equation 7: the selected probabilities, the rest of h being constant.
    alpha = torch.tensor(ALPHA, dtype=torch.double, requires_grad=True)
    found = top_k(alpha, generator(), k)
    outputs = torch.tensor(OUTPUTS, dtype=torch.double)[list(found.branches)]
    (found.weights * outputs).sum().backward()
    step = 1e-6
    for j in range(len(ALPHA)):
        values = []
        for sign in (1, -1):
            moved = torch.tensor(ALPHA, dtype=torch.double)
            moved[j] += sign * step
            values.append((moved.softmax(0)[list(found.branches)] * outputs).sum().item())
        assert alpha.grad is not None
        assert alpha.grad[j].item() == pytest.approx((values[0] - values[1]) / (2 * step), abs=1e-9)


def test_weights_are_exactly_one_in_float32() -> None:
    for seed in range(200):
        alpha = torch.randn(12, generator=generator(seed))
        assert (top_k(alpha, generator(), 3).weights == 1).all()
        assert (sampled(alpha, generator(seed)).weights == 1).all()


def test_ties_break_at_random_and_by_seed() -> None:
    alpha = torch.full((12,), 1e-3)
    shared = generator(7)
    counts = Counter(branch for _ in range(3000) for branch in top_k(alpha, shared).branches)
    # Each branch is expected 500 times, with a deviation of about 20.
    assert set(counts) == set(range(12))
    assert all(400 < count < 600 for count in counts.values())
    assert [top_k(alpha, generator(s)).branches for s in range(9)] == [
        top_k(alpha, generator(s)).branches for s in range(9)
    ]


@pytest.mark.parametrize("k", [0, 6, -1])
def test_k_out_of_range(k: int) -> None:
    with pytest.raises(CdnetError, match="from 1 to the number of branches, 5"):
        top_k(torch.zeros(5), generator(), k)


def test_mixture_is_the_softmax_of_all() -> None:
    alpha = torch.tensor(ALPHA, dtype=torch.double, requires_grad=True)
    found = mixture(alpha, generator())
    assert found.branches == (0, 1, 2, 3, 4)
    torch.testing.assert_close(found.weights.sum(), torch.ones((), dtype=torch.double))
    (found.weights * torch.tensor(OUTPUTS, dtype=torch.double)).sum().backward()
    expected = equation_8(ALPHA, OUTPUTS, (0, 1, 2, 3, 4))
    torch.testing.assert_close(alpha.grad, torch.tensor(expected, dtype=torch.double))


def test_sampled_follows_the_probabilities() -> None:
    alpha = torch.tensor(ALPHA)
    shared = generator(3)
    counts = Counter(sampled(alpha, shared).branches[0] for _ in range(6000))
    for branch, p in enumerate(alpha.softmax(0).tolist()):
        assert abs(counts[branch] / 6000 - p) < 4 * math.sqrt(p * (1 - p) / 6000)


def test_sampled_gradient_reaches_every_alpha() -> None:
    alpha = torch.tensor(ALPHA, requires_grad=True)
    sampled(alpha, generator(1)).weights.sum().backward()
    assert alpha.grad is not None
    assert (alpha.grad != 0).all()
    assert alpha.grad.sum().item() == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("temperature", [0.1, 1.0, 10.0])
def test_temperature_is_that_of_gdas_softmax_and_leaves_the_choice_alone(temperature: float) -> None:
    alpha = torch.tensor(ALPHA, dtype=torch.double, requires_grad=True)
    found = sampled(alpha, generator(2), temperature)
    assert found.branches == sampled(alpha, generator(2)).branches
    assert found.weights.tolist() == [1.0]
    found.weights.sum().backward()
    # GDAS, Equation 4: softmax((log p + g) / tau), differentiated by hand; the uniform draws are those of the gate.
    uniform = torch.rand(len(ALPHA), generator=generator(2)).tolist()
    scores = [(a - math.log(-math.log(u))) / temperature for a, u in zip(ALPHA, uniform, strict=True)]
    powers = [math.exp(score - max(scores)) for score in scores]
    h = [power / sum(powers) for power in powers]
    (chosen,) = found.branches
    assert chosen == h.index(max(h))
    expected = [h[chosen] * ((chosen == j) - h[j]) / temperature for j in range(len(ALPHA))]
    torch.testing.assert_close(alpha.grad, torch.tensor(expected, dtype=torch.double), rtol=1e-5, atol=1e-9)

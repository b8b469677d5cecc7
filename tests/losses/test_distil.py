"""The teacher's losses against loops over numbers, and their gradients against finite differences."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from cdnet.losses.distil import feature_loss, relation_loss


def cosine(a: list[float], b: list[float]) -> float:
    return sum(x * y for x, y in zip(a, b, strict=True)) / (math.hypot(*a) * math.hypot(*b))


def rows(count: int, length: int, seed: int) -> Tensor:
    return torch.randn(count, length, dtype=torch.double, generator=torch.Generator().manual_seed(seed))


def test_features_equal_the_definition() -> None:
    student, teacher = rows(7, 5, 0), rows(7, 5, 1)
    expected = sum(1 - cosine(a, b) for a, b in zip(student.tolist(), teacher.tolist(), strict=True)) / 7
    assert feature_loss(student, teacher).item() == pytest.approx(expected, rel=1e-12)


def test_relations_equal_the_definition_whatever_the_lengths() -> None:
    student, teacher = rows(6, 3, 2), rows(6, 9, 3)
    expected = sum(
        (cosine(student[i].tolist(), student[j].tolist()) - cosine(teacher[i].tolist(), teacher[j].tolist())) ** 2
        for i in range(6)
        for j in range(6)
    )
    assert relation_loss(student, teacher).item() == pytest.approx(expected / 36, rel=1e-12)


def test_bounds() -> None:
    one = rows(4, 3, 4)
    assert feature_loss(one, 5 * one).item() == pytest.approx(0, abs=1e-12)
    assert feature_loss(one, -one).item() == pytest.approx(2)
    turned = one @ torch.linalg.qr(rows(3, 3, 5)).Q
    assert relation_loss(one, 0.1 * turned).item() == pytest.approx(0, abs=1e-12)
    assert feature_loss(one, turned).item() > 0.1


def test_gradients_by_finite_differences() -> None:
    student, teacher = rows(5, 4, 6).requires_grad_(), rows(5, 4, 7)
    assert torch.autograd.gradcheck(lambda s: feature_loss(s, teacher), (student,))
    assert torch.autograd.gradcheck(lambda s: relation_loss(s, teacher), (student,))

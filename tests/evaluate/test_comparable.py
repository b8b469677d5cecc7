"""Features of any magnitude have a direction; those that have none, and those that tell nothing apart, are refused."""

from __future__ import annotations

import math

import pytest
import torch

from cdnet.errors import CdnetError, UndefinedError
from cdnet.evaluate import comparable
from cdnet.evaluate.comparable import check_features, unit_length


def drawn(count: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(count, 8, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("scale", [1e-40, 1e-25, 1e-13, 1e-3, 1.0, 1e10, 1e16, 1e25, 1e37])
def test_magnitude_says_nothing_of_direction(scale: float) -> None:
    features = drawn(50)
    # 1e-40 is a denormal number, which has few digits left.
    tolerance = 1e-3 if scale < 1e-38 else 1e-6
    expected = features.double() / features.double().norm(dim=1, keepdim=True)
    assert torch.allclose(unit_length(features * scale).double(), expected, atol=tolerance)


def test_ordinary_features_keep_the_bits_of_plain_division() -> None:
    features = drawn(50)
    features[0] *= 1e25
    plain = torch.nn.functional.normalize(features)
    assert torch.equal(unit_length(features)[1:], plain[1:])


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_counted_and_refused(bad: float) -> None:
    features = drawn(5)
    features[3, 2] = features[4, 0] = bad
    with pytest.raises(CdnetError, match="2 of 5 pictures have features that are not finite"):
        unit_length(features)
    for pair in ((features, drawn(3)), (drawn(3), features)):
        with pytest.raises(CdnetError, match="2 of 5 pictures"):
            check_features(*pair)


def test_zeros_have_no_direction() -> None:
    features = drawn(5)
    features[2] = 0
    for pair in ((features, drawn(3)), (drawn(3), features)):
        with pytest.raises(UndefinedError, match="1 of 5 pictures have features that are all zeros"):
            check_features(*pair)


@pytest.mark.parametrize("noise", [0.0, 1e-7, 1e-5])
def test_features_that_differ_by_rounding_alone_tell_nothing_apart(noise: float) -> None:
    same = drawn(1).expand(9, 8) + noise * drawn(9, 1)
    with pytest.raises(UndefinedError, match="all 9 pictures have the same features"):
        check_features(same[:3], same[3:])
    with pytest.raises(UndefinedError, match="all 9 pictures have the same features"):
        check_features(same[:3] * torch.tensor([[1.0], [2.0], [5.0]]), same[3:])  # of one direction


@pytest.mark.parametrize("place", range(1, 9))
def test_one_that_differs_is_enough(place: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparable, "_BLOCK", 2)
    same = drawn(1).repeat(9, 1)
    same[place, 0] += 0.01
    check_features(same[:3], same[3:])

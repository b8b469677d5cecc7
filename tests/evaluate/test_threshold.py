"""Thresholds against an oracle that sorts all pairs."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from cdnet.errors import CdnetError, UndefinedError
from cdnet.evaluate import threshold as module
from cdnet.evaluate.labels import UNKNOWN, Labels
from cdnet.evaluate.threshold import _to_keys, count_pairs, find_thresholds


def oracle(q: Tensor, g: Tensor, query: Labels, gallery: Labels, rate: str) -> tuple[float, float, float, int, int]:
    """Sort every pair's similarity and go down from the top, one pair after the other."""
    similarity = (F.normalize(q) @ F.normalize(g).T).tolist()
    genuine, impostor = [], []
    for row, person, camera, picture in zip(similarity, *(part.tolist() for part in parts(query)), strict=True):
        for value, *other in zip(row, *(part.tolist() for part in parts(gallery)), strict=True):
            if picture == other[2] or (person == other[0] and camera == other[1] != UNKNOWN):
                continue
            (genuine if person == other[0] else impostor).append(value)
    impostor.sort(reverse=True)
    for value in impostor:
        if Fraction(sum(other >= value for other in impostor), len(impostor)) > Fraction(rate):
            break
    false, true = (sum(other > value for other in pairs) / len(pairs) for pairs in (impostor, genuine))
    return value, false, true, len(impostor), len(genuine)


def parts(labels: Labels) -> tuple[Tensor, Tensor, Tensor]:
    return labels.identities, labels.cameras, labels.pictures


def drawn(seed: int, count: int, first: int, coarse: bool) -> tuple[Tensor, Labels]:
    generator = torch.Generator().manual_seed(seed)
    persons = torch.randint(4, (count,), generator=generator)
    features = torch.randn(count, 4, generator=generator) + F.one_hot(persons, 4)
    if coarse:  # many equal similarities, exact in every order of summing: 0, and 0.5 and 1 of either sign
        exact = torch.cat([torch.eye(4), -torch.eye(4), 0.5 * (1 - 2 * torch.eye(4)), torch.full((1, 4), 0.5)])
        features = exact[torch.randint(len(exact), (count,), generator=generator)]
    cameras = torch.randint(UNKNOWN, 2, (count,), generator=generator)
    return features, Labels(persons, cameras, torch.arange(first, first + count))


@pytest.mark.parametrize("coarse", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_equals_the_oracle(seed: int, coarse: bool) -> None:
    q, query = drawn(seed, 9, 0, coarse)
    g, gallery = drawn(seed + 100, 25, 5, coarse)  # some pictures are query and gallery
    rates = ("0.02", "0.05", "0.29", "0.5", "0.93")
    found = find_thresholds(q, g, query, gallery, [float(rate) for rate in rates], tile=1 + seed)
    for rate, threshold in zip(rates, found, strict=True):
        expected = oracle(q, g, query, gallery, rate)
        assert threshold.false_match_rate <= threshold.wanted == float(rate)
        assert (
            threshold.threshold,
            threshold.false_match_rate,
            threshold.true_match_rate,
            threshold.impostor_pairs,
            threshold.genuine_pairs,
        ) == (pytest.approx(expected[0], abs=1e-7), *expected[1:])
        for tile in (1, 7, 256):
            assert count_pairs(query, gallery, tile) == (threshold.genuine_pairs, threshold.impostor_pairs)


def one_query(angles: list[float], same: list[bool]) -> tuple[Tensor, Tensor, Labels, Labels]:
    turned = torch.tensor(angles)
    persons = (~torch.tensor(same)).long()
    gallery = Labels(persons, torch.ones_like(persons), torch.arange(1, len(same) + 1))
    query = Labels(*torch.tensor([[0], [0], [0]]))
    return torch.tensor([[1.0, 0.0]]), torch.stack([turned.cos(), turned.sin()], 1), query, gallery


def test_by_hand() -> None:
    # Similarities 0.9 and 0.5 genuine; 0.8, 0.6, 0.4 and -0.2 of impostors.
    similarities = torch.tensor([0.9, 0.5, 0.8, 0.6, 0.4, -0.2])
    given = one_query(similarities.acos().tolist(), [True, True, False, False, False, False])
    quarter, half, most = find_thresholds(*given, rates=[0.25, 0.6, 0.75])
    assert (quarter.threshold, quarter.true_match_rate) == (pytest.approx(0.6), 0.5)
    assert "false-match rate 0.25: " in quarter.as_text()
    assert quarter.as_text().endswith("true-match rate 0.5000")  # a share, as the other rate
    assert (half.threshold, half.false_match_rate, half.true_match_rate) == (pytest.approx(0.4), 0.5, 1.0)
    assert (most.threshold, most.false_match_rate) == (pytest.approx(-0.2), 0.75)


def test_equal_similarities_are_let_through_together_or_not_at_all() -> None:
    given = one_query([0.0, 0.5, 0.5, 0.5, 1.0], [True, False, False, False, False])
    (found,) = find_thresholds(*given, rates=[0.5])
    assert (found.false_match_rate, found.true_match_rate) == (0.0, 1.0)


def test_rates_are_decimal_fractions() -> None:
    given = one_query([0.0, *torch.linspace(0.1, 1.5, 100).tolist()], [True] + 100 * [False])
    assert find_thresholds(*given, rates=[0.29])[0].false_match_rate == 0.29  # though 0.29 * 100 < 29


def test_keys_sort_as_the_numbers_do() -> None:
    numbers = torch.tensor([-1.0, -0.5, -1e-40, -0.0, 0.0, 1e-40, 0.5, 1.0])
    keys = _to_keys(numbers).tolist()
    assert keys[3] == keys[4]
    assert [*keys[:3], *keys[4:]] == sorted({*keys})
    assert min(keys) >= 0
    assert max(keys) < 2**32


def test_what_the_pairs_cannot_tell_is_refused() -> None:
    given = one_query([0.0, 0.5, 0.7, 1.0], [True, False, False, False])
    with pytest.raises(CdnetError, match=r"0.3 is too small for 3 pairs of different persons; the least .* is 0.334"):
        find_thresholds(*given, rates=[0.4, 0.3])
    assert find_thresholds(*given, rates=[0.334])[0].false_match_rate == pytest.approx(1 / 3)
    for rate in (0.0, 1.0, -1.0, float("nan")):
        with pytest.raises(CdnetError, match="between 0 and 1"):
            find_thresholds(*given, rates=[rate])
    with pytest.raises(CdnetError, match="no query has a match"):
        find_thresholds(*one_query([0.5, 0.7], [False, False]), rates=[0.5])
    with pytest.raises(UndefinedError, match="no false match"):
        find_thresholds(*one_query([0.5, 0.7], [True, True]), rates=[0.5])


def test_neighbouring_floats_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    # Features of one number each, which is the similarity to the query's 1: not scaled, or all would be 1.
    monkeypatch.setattr(module, "unit_length", lambda features: features)
    near = torch.tensor(0.5)
    above, below = (torch.nextafter(near, end) for end in (torch.tensor(1.0), torch.tensor(0.0)))
    for genuine, matches in ((above, 1.0), (near, 0.0), (below, 0.0)):
        gallery = torch.stack([genuine, above, near, below])[:, None]
        labels = Labels(torch.tensor([0, 1, 1, 1]), torch.ones(4).long(), torch.arange(1, 5))
        first, second = find_thresholds(
            torch.ones(1, 1), gallery, Labels(*torch.zeros(3, 1).long()), labels, rates=[0.34, 0.67]
        )
        assert (first.threshold, first.false_match_rate) == (float(near), pytest.approx(1 / 3))
        assert (second.threshold, second.false_match_rate) == (float(below), pytest.approx(2 / 3))
        assert (first.true_match_rate, second.true_match_rate) == (matches, float(genuine > below))


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_similarities_that_are_no_numbers_have_no_threshold(bad: float) -> None:
    query, gallery, *labels = one_query([0.0, 0.5, 0.7, 1.0], [True, False, False, False])
    for features in (query, gallery):
        kept = features[0, 0].clone()
        features[0, 0] = bad
        with pytest.raises(CdnetError, match="not finite"):
            find_thresholds(query, gallery, *labels, rates=[0.4])
        features[0, 0] = kept


def test_lengths_that_disagree_are_refused() -> None:
    query, gallery, *labels = one_query([0.0, 0.5, 0.7], [True, False, False])
    for features in ((query.repeat(2, 1), gallery), (query, gallery[:2])):
        with pytest.raises(ValueError, match="differ in length"):
            find_thresholds(*features, *labels, rates=[0.5])


def test_more_pairs_than_a_float_can_count(monkeypatch: pytest.MonkeyPatch) -> None:
    # MSMT17 has 958 million; from 2^24 on, 32-bit floats leave out the odd numbers.
    near = torch.tensor(0.5)
    above, below = (_to_keys(value).reshape(1) for value in (near, torch.nextafter(near, torch.tensor(0.0))))

    class Many:
        def __init__(self, *_: object) -> None:
            pass

        def keyed(self) -> Iterator[tuple[Tensor, Tensor]]:
            for _ in range(17):
                yield above, torch.cat([above.expand(1_000_001), below.expand(1_000_000)])

    given = one_query([0.0, 0.5], [True, False])
    monkeypatch.setattr(module, "_Pairs", Many)
    monkeypatch.setattr(module, "check_rates", lambda *_: None)
    (found,) = find_thresholds(*given, rates=[0.6])
    assert found.impostor_pairs == 34_000_017
    assert found.threshold == float(torch.nextafter(near, torch.tensor(0.0)))
    assert found.false_match_rate == 17_000_017 / 34_000_017
    assert (found.genuine_pairs, found.true_match_rate) == (17, 1.0)

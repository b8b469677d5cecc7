"""Re-ranking against an oracle of sets and loops, and against the implementation that everyone reports."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from cdnet.errors import CdnetError
from cdnet.evaluate import rerank as module
from cdnet.evaluate.labels import Labels
from cdnet.evaluate.ranking import average, score_distances
from cdnet.evaluate.rerank import Rerank, rerank


def oracle(features: list[list[float]], queries: int, k1: int, k2: int, weight: float) -> list[list[float]]:
    """Follow Section 3 of the paper, picture by picture."""
    everything = range(len(features))
    norms = [math.hypot(*feature) for feature in features]
    units = [[value / norm for value in feature] for feature, norm in zip(features, norms, strict=True)]
    squared = [[sum((a - b) ** 2 for a, b in zip(x, y, strict=True)) for y in units] for x in units]
    distance = [[value / (max(row) or 1) for value in row] for row in squared]
    # Rounded, so that distances that are equal but for the last digits are equal.
    order = [sorted(everything, key=lambda j, i=i: (j != i, round(squared[i][j], 9), j)) for i in everything]

    def reciprocal(i: int, k: int) -> set[int]:
        return {j for j in order[i][: k + 1] if i in order[j][: k + 1]}

    def encoding(i: int) -> dict[int, float]:
        members = reciprocal(i, k1)
        grown = set(members)
        for candidate in members:
            theirs = reciprocal(candidate, round(k1 / 2))
            if len(theirs & members) > 2 / 3 * len(theirs):
                grown |= theirs
        near = {j: math.exp(-distance[i][j]) for j in grown}
        return {j: value / sum(near.values()) for j, value in near.items()}

    encodings = [encoding(i) for i in everything]
    averaged = []
    for i in everything:
        nearest = order[i][:k2]
        averaged.append({j: sum(encodings[n].get(j, 0) for n in nearest) / len(nearest) for j in everything})
    final = []
    for q in range(queries):
        row = []
        for g in range(queries, len(features)):
            least = sum(min(averaged[q][j], averaged[g][j]) for j in everything)
            most = sum(max(averaged[q][j], averaged[g][j]) for j in everything)
            row.append((1 - weight) * (1 - least / most) + weight * distance[q][g])
        final.append(row)
    return final


def clustered(seed: int) -> tuple[np.ndarray, np.ndarray, Labels, Labels]:
    """Draw queries, gallery and labels, the same ones as torchreid-rerank.json was made from."""
    rng = np.random.default_rng(seed)
    people, queries, gallery = (int(rng.integers(*ends)) for ends in ((8, 30), (20, 60), (100, 300)))
    centres = rng.standard_normal((people, 16))
    persons = rng.integers(0, people, queries + gallery)
    cameras = rng.integers(0, 4, queries + gallery)
    features = centres[persons] + rng.uniform(0.8, 1.4) * rng.standard_normal((queries + gallery, 16))
    numbers = np.arange(queries + gallery)
    both = Labels(*(torch.from_numpy(part) for part in (persons, cameras, numbers)))
    return features[:queries], features[queries:], both[slice(queries)], both[slice(queries, None)]


def random_features(seed: int, count: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    centres = torch.randn(4, 5, generator=generator)[torch.randint(4, (count,), generator=generator)]
    return centres + 0.7 * torch.randn(count, 5, generator=generator)


@pytest.mark.parametrize("seed", range(24))
def test_equals_the_oracle(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    if seed % 2:
        monkeypatch.setattr(module, "_BLOCK", 1 + seed % 5)
        monkeypatch.setattr(module, "_PAIRS", 7)
    queries, count = 1 + seed % 6, 8 + seed
    k1, k2, weight = (2, 3, 4, 5, 7, 20)[seed % 6], (1, 2, 6)[seed % 3], (0, 0.3, 1)[seed // 2 % 3]
    features = random_features(seed, count)
    found = rerank(features[:queries], features[queries:], k1, k2, weight)
    assert found.tolist() == [
        pytest.approx(row, abs=2e-6) for row in oracle(features.tolist(), queries, k1, k2, weight)
    ]


@pytest.mark.parametrize("k1", [1, 2, 3, 4])
def test_equally_distant_neighbours_are_taken_in_their_order(k1: int) -> None:
    features = torch.eye(3)[[0, 1, 2, 0, 0, 1, 0, 2, 2, 0, 1]]
    expected = oracle(features.tolist(), 3, k1, 2, 0.3)
    assert rerank(features[:3], features[3:], k1, 2).tolist() == [pytest.approx(row, abs=1e-6) for row in expected]


@pytest.mark.parametrize("expected", json.loads(Path(__file__).with_name("torchreid-rerank.json").read_text()))
def test_equals_torchreid(expected: dict[str, Any]) -> None:
    # torchreid-rerank.json has what torchreid 1.4.0's re_ranking and evaluate_rank give on this data.
    q, g, query, gallery = clustered(expected["seed"])
    settings = expected["k1"], expected["k2"], expected["lambda"]
    found = rerank(torch.from_numpy(q), torch.from_numpy(g), *settings)
    assert found[:2, :10].tolist() == [pytest.approx(row, abs=1e-5) for row in expected["distances"]]
    assert float(found.double().mean()) == pytest.approx(expected["mean"], abs=1e-6)
    metrics = average(score_distances(found, query, gallery), len(gallery))
    assert metrics.mAP == pytest.approx(expected["mAP"], abs=1e-4)
    assert metrics.rank1 == pytest.approx(expected["rank1"], abs=1e-6)
    assert metrics.mAP != pytest.approx(expected["mAP before"], abs=1e-2)


def test_a_picture_that_is_query_and_gallery_counts_once() -> None:
    features = random_features(5, 14)
    queries = torch.arange(4)
    doubled = rerank(features[queries], features, 4, 3, 0.3, (queries, torch.arange(14)))
    once = rerank(features[queries], features[4:], 4, 3, 0.3)
    assert torch.allclose(doubled[:, 4:], once, atol=1e-6)
    assert float(doubled.diag().abs().max()) < 1e-6
    assert not torch.allclose(rerank(features[queries], features, 4, 3, 0.3)[:, 4:], once, atol=1e-2)


def test_all_pictures_alike_are_at_no_number_that_is_none() -> None:
    assert rerank(torch.ones(3, 4), torch.ones(40, 4)).isfinite().all()


@pytest.mark.parametrize("settings", [(0, 6, 0.3), (20, 0, 0.3), (20, 6, 1.5), (20, 6, float("nan"))])
def test_settings_out_of_range_are_refused(settings: tuple[int, int, float]) -> None:
    with pytest.raises(ValueError, match="k1 and k2 from 1"):
        rerank(torch.eye(3), torch.eye(3), *settings)


def test_shapes_that_disagree_are_refused() -> None:
    with pytest.raises(ValueError, match="differ in length"):
        rerank(torch.eye(3), torch.eye(4))
    with pytest.raises(ValueError, match="at least one"):
        rerank(torch.zeros(0, 3), torch.eye(3))
    with pytest.raises(ValueError, match="distances and labels"):
        score_distances(torch.zeros(2, 2), *clustered(0)[2:])


def test_neighbours_beyond_the_pictures_are_all_of_them() -> None:
    features = random_features(3, 9)
    queries, gallery = features[:2], features[2:]
    expected = oracle(features.tolist(), 2, 50, 40, 0.3)
    assert rerank(queries, gallery, 50, 40).tolist() == [pytest.approx(row, abs=2e-6) for row in expected]


def test_by_default_the_settings_are_the_papers() -> None:
    features = random_features(4, 40)
    assert (Rerank.k1, Rerank.k2, Rerank.weight) == (20, 6, 0.3)
    assert torch.equal(rerank(features[:5], features[5:]), rerank(features[:5], features[5:], 20, 6, 0.3))


def test_pictures_are_told_by_their_numbers_wherever_they_stand() -> None:
    # The third gallery picture is the first query, the last two are one picture.
    features = random_features(6, 10)
    queries, gallery = features[:2], torch.cat([features[2:4], features[:1], features[4:], features[9:]])
    numbers = torch.tensor([7, 3]), torch.tensor([1, 2, 7, 10, 11, 12, 13, 14, 15, 15])
    found = rerank(queries, gallery, 3, 2, 0.3, numbers)
    once = rerank(queries, features[2:], 3, 2, 0.3)
    assert torch.allclose(found[:, [0, 1, *range(3, 9)]], once, atol=1e-6)
    assert torch.equal(found[:, 8], found[:, 9])
    assert float(found[0, 2]) < 1e-6 < float(found[1, 2])


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_features_that_are_no_numbers_are_refused(bad: float) -> None:
    features = random_features(5, 14)
    features[6, 1] = bad
    with pytest.raises(CdnetError, match="1 of 14 pictures have features that are not finite"):
        rerank(features[:4], features[4:])

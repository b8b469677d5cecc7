"""The nearest of all pictures against a stable sort of all distances."""

from __future__ import annotations

import pytest
import torch

from cdnet.evaluate import neighbours as module
from cdnet.evaluate.neighbours import nearest_of_all, squared_distance


@pytest.mark.parametrize("block", [1, 4, 16, 512])
@pytest.mark.parametrize(("size", "count"), [(1, 1), (7, 7), (33, 5), (90, 21), (130, 3)])
@pytest.mark.parametrize("copies", [False, True])
def test_equals_a_stable_sort(block: int, size: int, count: int, copies: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BLOCK", block)
    monkeypatch.setattr(module, "_CANDIDATES", 50 * block)
    generator = torch.Generator().manual_seed(size)
    # Copies of axes, whose products are exact in any order, are exactly as far as each other.
    features = (
        torch.eye(8)[torch.randint(8, (size,), generator=generator)]
        if copies
        else torch.nn.functional.normalize(torch.randn(size, 6, generator=generator))
    )
    distances = squared_distance(features @ features.T)
    furthest = distances.amax(1).clamp_min(1e-12)
    order = [
        sorted(range(size), key=lambda other, row=row, me=me: (other != me, row[other], other))[:count]
        for me, row in enumerate(distances.tolist())
    ]
    first = size // 3
    between = torch.full((first, size - first), torch.nan)
    nearest, found = nearest_of_all(features, count, between)
    assert nearest.tolist() == order
    torch.testing.assert_close(found, furthest)
    torch.testing.assert_close(between, features[:first] @ features[first:].T)

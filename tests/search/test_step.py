"""What a step gives comes back by name, whatever the number of MBlocks and branches."""

from __future__ import annotations

import pytest
import torch

from cdnet.losses.objective import Losses
from cdnet.search.gate import Selection
from cdnet.search.step import SearchStep


@pytest.mark.parametrize("n", [2, 5])
def test_means_come_back_by_name(n: int) -> None:
    def losses(triplet: float, softmax: float) -> Losses:
        values = [torch.tensor(float(value), requires_grad=True) for value in (triplet + softmax, triplet, softmax)]
        return Losses(values[0], (values[1],), (values[2],))

    weights = torch.ones(1)
    steps = [
        SearchStep.of(losses(1, 2), losses(4, 8), 100, [Selection((0,), weights), Selection((0, 1), weights)], n),
        SearchStep.of(losses(3, 4), losses(8, 4), 300, [Selection((1,), weights), Selection((n - 1,), weights)], n),
    ]
    means = steps[1].unpack((steps[0].pack() + steps[1].pack()) / 2)
    assert means.losses() == {
        "loss": 5,
        "triplet": 2,
        "softmax": 3,
        "validation_loss": 12,
        "validation_triplet": 6,
        "validation_softmax": 6,
    }
    assert means.bytes.item() == 200
    expected = torch.zeros(2, n)
    expected[0, :2] += 0.5
    expected[1, :2] += 0.5
    expected[1, n - 1] += 0.5
    assert means.computed.tolist() == expected.tolist()

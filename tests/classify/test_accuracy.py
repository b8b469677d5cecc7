from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from cdnet import CdnetError
from cdnet.classify.accuracy import measure_accuracy, ranks


def test_ranks_against_sorting() -> None:
    scores = torch.from_numpy(np.random.default_rng(0).permuted(np.tile(np.arange(9.0), (50, 1)), axis=1))
    labels = torch.arange(50) % 9
    expected = [sorted(row.tolist(), reverse=True).index(row[label]) for row, label in zip(scores, labels, strict=True)]
    assert ranks(scores, labels).tolist() == expected


def test_a_network_that_cannot_tell_is_wrong() -> None:
    assert ranks(torch.zeros(2, 7), torch.tensor([0, 6])).tolist() == [6, 6]


def test_accuracy_over_batches() -> None:
    scores = torch.tensor([[0.9, 0.1, 0, 0, 0, 0], [0.9, 0.1, 0.2, 0.3, 0.4, 0.5], [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]])
    labels = torch.tensor([0, 1, 1])  # first, last, and fifth
    model = nn.Identity().train()
    found = measure_accuracy(model, [(scores[:2], labels[:2]), (scores[2:], labels[2:])])
    assert found == pytest.approx((1 / 3, 2 / 3, 3))
    assert model.training
    with pytest.raises(CdnetError, match="not finite"):
        measure_accuracy(model, [(scores * float("nan"), labels)])

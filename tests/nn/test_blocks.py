from __future__ import annotations

import pytest
import torch
from torch import nn

from cdnet.genotype import KERNELS
from cdnet.nn.blocks import AdaptiveGate, CBlock, CDBlock
from cdnet.nn.lite import lite_k


@pytest.mark.parametrize("kernel", KERNELS)
def test_lite_k_sees_exactly_k_pixels(kernel: int) -> None:
    # The receptive field, seen in the gradient of one output pixel (Equation 1). ReLU is taken out: it hides pixels.
    lite = lite_k(1, kernel).eval()
    for name, layer in list(lite.named_modules()):
        if isinstance(layer, nn.ReLU):
            lite.get_submodule(name.rpartition(".")[0]).relu = nn.Identity()
        if isinstance(layer, nn.Conv2d):
            nn.init.ones_(layer.weight)
    x = torch.zeros(1, 1, 21, 21, requires_grad=True)
    lite(x)[0, 0, 10, 10].backward()
    seen = x.grad[0, 0].nonzero()
    assert seen.min(0).values.tolist() == [10 - kernel // 2] * 2
    assert seen.max(0).values.tolist() == [10 + kernel // 2] * 2


def test_cblock_follows_figure_2c() -> None:
    # The block written out a second time, from its parts, for one input.
    torch.manual_seed(0)
    block = CBlock(8, 16, (3, 7)).eval()
    x = torch.randn(2, 8, 10, 6)
    reduced = block.reduce[1](block.reduce[0](x)).relu()
    total = torch.zeros_like(reduced)
    for branch in (block.branch1, block.branch2):
        y = branch(reduced)
        pooled = y.flatten(2).sum(2) / 60
        squeezed = (pooled @ block.gate.squeeze.weight[:, :, 0, 0].T + block.gate.squeeze.bias).relu()
        weights = 1 / (1 + torch.exp(-(squeezed @ block.gate.restore.weight[:, :, 0, 0].T + block.gate.restore.bias)))
        total = total + weights[:, :, None, None] * y
    expected = (block.expand(total) + block.shortcut(x)).relu()
    torch.testing.assert_close(block(x), expected)
    assert len(block.branch1) == 1
    assert len(block.branch2) == 3


def test_gate_is_shared_and_squeezes_by_four() -> None:
    gate = AdaptiveGate(64)
    assert gate.squeeze.out_channels == 16
    assert sum(name.startswith("gate.") for name in CBlock(8, 256, (3, 5)).state_dict()) == 4
    weights = gate(torch.randn(2, 64, 4, 4))
    assert weights.shape == (2, 64, 1, 1)
    assert ((weights > 0) & (weights < 1)).all()


def test_only_the_first_cblock_of_a_cdblock_changes_channels() -> None:
    block = CDBlock(8, 16, (5, 9), repeats=3)
    assert [isinstance(inner.shortcut, nn.Identity) for inner in block] == [False, True, True]
    assert block(torch.randn(2, 8, 9, 5)).shape == (2, 16, 9, 5)

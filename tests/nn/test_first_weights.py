"""The first weights have the moments that they are said to have, layer by layer."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from cdnet import create_model
from cdnet.nn.backbone import Stem, initialise
from cdnet.nn.necks import create_neck


def deviation_is(weight: torch.Tensor, expected: float) -> None:
    """See that a sample has mean 0 and a deviation, give or take five times the sample's own."""
    count = weight.numel()
    assert abs(float(weight.detach().mean())) < 5 * expected / math.sqrt(count)
    assert float(weight.detach().std()) == pytest.approx(expected, rel=5 / math.sqrt(2 * count))


@pytest.mark.parametrize("neck", ["fblneck", "bnneck", "fcneck"])
def test_every_layer_begins_as_it_is_said_to(neck: str) -> None:
    torch.manual_seed(0)
    seen = {nn.Conv2d: 0, nn.Linear: 0}
    for name, layer in create_model("cdnet", neck=neck, identities=751).named_modules():
        if not isinstance(layer, nn.Conv2d | nn.Linear):
            continue
        seen[type(layer)] += 1
        if layer.bias is not None:
            assert (layer.bias == 0).all(), name
        if isinstance(layer, nn.Linear):
            deviation_is(layer.weight, 0.001 if neck == "bnneck" else 0.01)
        elif layer.weight.numel() > 400:
            # He et al. 2015: the variance is 2 over the numbers that one input touches.
            deviation_is(layer.weight, math.sqrt(2 / (layer.out_channels * math.prod(layer.kernel_size))))
    assert all(seen.values())


def test_bnnecks_shift_is_not_trained_and_its_classifier_has_no_bias() -> None:
    neck = create_neck("bnneck", (8, 12, 16), identities=5)
    assert {name: parameter.requires_grad for name, parameter in neck.named_parameters()} == {
        "bn.weight": True,
        "bn.bias": False,
        "classifier.weight": True,
    }


def test_biases_begin_at_0_and_batch_norms_are_left_alone() -> None:
    layers = nn.Sequential(nn.Conv2d(2, 3, 1), nn.BatchNorm2d(3), nn.Linear(4, 5))
    nn.init.constant_(layers[1].weight, 7.0)
    initialise(layers)
    assert not layers[0].bias.any()
    assert not layers[2].bias.any()
    assert (layers[1].weight == 7).all()


def test_a_narrowed_stem_begins_anew_by_the_same_rule() -> None:
    torch.manual_seed(0)
    stem = Stem(64)
    stem.narrow()
    assert (stem[0].kernel_size, stem[0].stride, stem[0].padding, stem[0].bias) == ((3, 3), (2, 2), (1, 1), None)
    deviation_is(stem[0].weight, math.sqrt(2 / (64 * 9)))


@pytest.mark.parametrize(("factor", "side"), [(4, 8), (2, 16), (1, 32)])
def test_a_stem_shrinks_by_what_it_is_told(factor: int, side: int) -> None:
    stem = Stem(4)
    stem.reduce_by(factor)
    assert stem(torch.zeros(1, 3, 32, 32)).shape == (1, 4, side, side)

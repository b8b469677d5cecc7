"""A wider network that computes what a narrower one does."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from cdnet.nn.widening import can_be_widened, widened


def _layers(width: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(3, 2 * width, 3, padding=1, bias=False),
        nn.BatchNorm2d(2 * width),
        nn.ReLU(),
        nn.Conv2d(2 * width, 2 * width, 3, padding=1, groups=2 * width),
        nn.Conv2d(2 * width, 3 * width, 1),
        nn.BatchNorm2d(3 * width),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(3 * width, width),
    ).eval()


@pytest.mark.parametrize("times", [2, 3])
def test_every_output_is_there_several_times(times: int) -> None:
    torch.manual_seed(0)
    narrow, wide = _layers(4), _layers(4 * times)
    for name, tensor in narrow.state_dict().items():
        if "running" in name:
            tensor.uniform_(0.5, 2)
        wide.state_dict()[name].copy_(widened(tensor, wide.state_dict()[name].shape, torch.Generator().manual_seed(1)))
    pictures = torch.randn(5, 3, 8, 6)
    with torch.no_grad():
        torch.testing.assert_close(wide(pictures), narrow(pictures).repeat(1, times), rtol=1e-4, atol=1e-5)


def test_copies_learn_apart_and_a_seed_gives_the_same_shares() -> None:
    weight = torch.randn(4, 6, generator=torch.Generator().manual_seed(0))
    wide = widened(weight, torch.Size([8, 12]), torch.Generator().manual_seed(1))
    assert torch.equal(wide, widened(weight, torch.Size([8, 12]), torch.Generator().manual_seed(1)))
    shares = wide[:, :6] / weight.repeat(2, 1)
    # From 1/2 to 3/2 before they are made to sum to 1: from a quarter to three.
    assert 0.25 <= shares.min() < 0.4 < 0.6 < shares.max() <= 0.75
    torch.testing.assert_close(wide[:, :6] + wide[:, 6:], weight.repeat(2, 1))
    assert not torch.allclose(wide[:4], wide[4:])


@pytest.mark.parametrize(
    ("narrow", "wide"),
    [
        ((4,), (6,)),
        ((4,), (2,)),
        ((), (4,)),
        ((4,), (4, 4)),
        ((0,), (4,)),
        ((4,), (0,)),
        ((4, 4, 3, 3), (8, 8, 6, 3)),
        ((4, 4, 3, 3), (8, 6, 3, 3)),
    ],
)
def test_what_has_no_whole_number_of_copies_is_refused(narrow: tuple[int, ...], wide: tuple[int, ...]) -> None:
    assert not can_be_widened(torch.Size(narrow), torch.Size(wide))
    with pytest.raises(ValueError, match="cannot be widened"):
        widened(torch.zeros(narrow), torch.Size(wide), torch.Generator())

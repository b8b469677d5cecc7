"""What is left out is the paper's: its network, its width, its neck, two stripes, no dropout."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from cdnet import CdnetError, create_model
from cdnet.nn.backbone import FeatureMaps
from cdnet.nn.blocks import AdaptiveGate, CDBlock
from cdnet.nn.counts import count
from cdnet.nn.model import check_width, create_backbone
from cdnet.nn.necks import NECKS, Neck, create_neck
from cdnet.weights import ModelSpec


def shapes(model: nn.Module) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}


def test_a_model_is_cdnet_with_fblneck_and_two_stripes() -> None:
    with torch.device("meta"):
        plain, said = create_model(), create_model("cdnet", 1.0, "fblneck", 2, None, 0.0)
        assert shapes(plain) == shapes(said)
        assert shapes(create_backbone()) == shapes(create_backbone("cdnet", 1.0))
        assert shapes(ModelSpec("osnet").build()) == shapes(create_model("osnet"))
    assert plain.feature_dim == 512 + 2 * 128
    assert plain.neck.fneck.stripes == 2


def test_a_spec_says_the_papers_input() -> None:
    spec = ModelSpec("osnet")
    assert (spec.width, spec.neck, spec.stripes, spec.size) == (1.0, "fblneck", 2, (256, 128))
    assert (spec.mean, spec.std) == ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))  # torchvision's, of ImageNet
    assert spec.trained_on == {}


@pytest.mark.parametrize("name", list(NECKS))
def test_no_neck_drops_anything_unless_told(name: str) -> None:
    generator = torch.Generator().manual_seed(0)
    maps = FeatureMaps(*(torch.rand(4, c, 6, 3, generator=generator) + 0.1 for c in (8, 12, 16)))
    for given, drops in (({}, False), ({"dropout": 0.5}, True)):
        arguments: dict[str, Any] = given
        neck = create_neck(name, (8, 12, 16), identities=3, **arguments)
        dropped = [module.p for module in neck.modules() if isinstance(module, nn.Dropout)]
        assert dropped
        assert all(p == (0.5 if drops else 0.0) for p in dropped)
        same = all(torch.equal(a.triplet, b.triplet) for a, b in zip(neck.heads(maps), neck.heads(maps), strict=True))
        assert same is not drops


@pytest.mark.parametrize("name", list(NECKS))
def test_each_neck_made_directly_has_the_defaults_of_its_name(name: str) -> None:
    channels = (8, 12, 16)
    named, direct = create_neck(name, channels), NECKS[name](channels)
    assert shapes(named) == shapes(direct)
    assert named.feature_dim == direct.feature_dim
    assert all(module.p == 0 for module in direct.modules() if isinstance(module, nn.Dropout))


def test_a_cdblock_is_one_cblock() -> None:
    assert shapes(CDBlock(8, 16, (3, 5))) == shapes(CDBlock(8, 16, (3, 5), 1, "CBlock"))


@pytest.mark.parametrize(("channels", "squeezed"), [(16, 4), (7, 1), (3, 1)])
def test_the_gate_squeezes_to_a_quarter(channels: int, squeezed: int) -> None:
    assert AdaptiveGate(channels).squeeze.out_channels == squeezed


def test_pictures_have_three_channels_unless_told() -> None:
    layer = nn.Conv2d(3, 5, 1)
    assert count(layer, 4, 6) == (20, 3 * 5 * 24)
    assert count(nn.Conv2d(2, 5, 1), 4, 6, channels=2) == (15, 2 * 5 * 24)


@pytest.mark.parametrize("width", [1e-9, 1.0, 8.0])
def test_widths_up_to_8_are_allowed(width: float) -> None:
    check_width(width)


def renamed(model: nn.Module) -> dict[str, torch.Tensor]:
    return {name.replace("neck.blneck.", "neck."): value for name, value in model.state_dict().items()}


def test_without_stripes_fblneck_is_blneck() -> None:
    torch.manual_seed(0)
    none = create_model("cnet-top3", 0.1, stripes=0, identities=3)
    alone = create_model("cnet-top3", 0.1, "blneck", identities=3)
    images = torch.randn(4, 3, 64, 32)
    assert len(none.train()(images)) == 1
    alone.load_state_dict(renamed(none))
    assert torch.equal(none.eval()(images), alone.eval()(images))
    assert none(images).shape == (4, 48)


@pytest.mark.parametrize("stripes", [-1, 5])
def test_fneck_refuses_other_stripes(stripes: int) -> None:
    with pytest.raises(CdnetError, match=f"0 to 4 stripes, not {stripes}"):
        create_neck("fblneck", (8, 12, 16), stripes=stripes)


def test_as_many_rows_as_stripes_are_enough() -> None:
    maps = FeatureMaps(torch.rand(2, 8, 8, 4), torch.rand(2, 12, 4, 2), torch.rand(2, 16, 4, 2))
    assert create_neck("fneck", (8, 12, 16), stripes=4).features(maps).shape == (2, 512)


def test_a_neck_of_ones_own_drops_nothing_unless_told() -> None:
    assert Neck().dropout.p == 0
    assert Neck(0.25).dropout.p == 0.25

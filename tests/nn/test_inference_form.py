"""The inference form gives the network's own features, whatever the network."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from cdnet import CdnetError, create_model
from cdnet.genotype import shipped_genotypes
from cdnet.nn.backbone import FeatureMaps
from cdnet.nn.baselines import BASELINES
from cdnet.nn.blocks import AdaptiveGate
from cdnet.nn.inference_form import inference_form
from cdnet.nn.model import ReidModel
from cdnet.nn.necks import NECKS, create_neck

NETWORKS = [*shipped_genotypes(), *BASELINES]


def trained(genotype: str, neck: str = "fblneck", width: float = 0.1, stripes: int = 2) -> ReidModel:
    """A network whose batch norms have seen pictures and whose scales and shifts are no ones and zeros."""
    torch.manual_seed(0)
    model = create_model(genotype, width, neck, stripes, identities=4 if neck != "fneck" or stripes else None)
    with torch.no_grad():
        for layer in model.modules():
            if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d) and layer.affine:
                layer.weight.uniform_(0.5, 1.5)
                layer.bias.normal_(std=0.2)
        for _ in range(20):
            model(torch.randn(4, 3, 64, 32) * 2 + 1)
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.running_mean += 0.1 * torch.randn_like(layer.running_mean)
            layer.running_var *= torch.empty_like(layer.running_var).uniform_(0.8, 1.25)
    return model.eval()


def assert_same(form: nn.Module, model: ReidModel, images: Tensor) -> None:
    """The features differ by at most 1e-4 of the largest."""
    with torch.inference_mode():
        wanted, found = model(images), form(images)
    assert found.shape == wanted.shape
    assert (found - wanted).abs().max() <= 1e-4 * wanted.abs().max()


@pytest.mark.parametrize("genotype", NETWORKS)
def test_every_network(genotype: str) -> None:
    model = trained(genotype)
    form = inference_form(model)
    for shape in [(3, 3, 64, 32), (1, 3, 97, 51)]:
        assert_same(form, model, torch.randn(shape))
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in form.modules())


@pytest.mark.parametrize("stripes", range(5))
@pytest.mark.parametrize("neck", NECKS)
def test_every_neck(neck: str, stripes: int) -> None:
    if neck == "fneck" and not stripes:
        pytest.skip("fneck alone needs a stripe")
    model = trained("cdnet", neck, stripes=stripes)
    assert_same(inference_form(model), model, torch.randn(2, 3, 80, 32))


def test_the_network_itself_is_left_alone() -> None:
    model = trained("cdnet").train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    form = inference_form(model)
    assert model.training
    assert not form.training
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    for parameter in form.parameters():
        parameter.data.zero_()
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_pictures_too_low_for_the_stripes_are_still_told() -> None:
    model = trained("cdnet", stripes=4)
    with pytest.raises(CdnetError, match=r"too few for 4 stripes"):
        inference_form(model)(torch.zeros(1, 3, 32, 32))


class Shared(nn.Module):
    """A backbone of one's own that uses one convolution and its batch norm twice."""

    channels = (4, 4, 4)

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3, stride=2)
        self.conv, self.norm = nn.Conv2d(4, 4, 3, padding=1), nn.BatchNorm2d(4)

    def forward(self, x: Tensor) -> FeatureMaps:
        first = self.norm(self.conv(self.stem(x)))
        second = self.norm(self.conv(first))
        return FeatureMaps(first, second, second)


class Moody(Shared):
    """A backbone of one's own that does something else with bright pictures."""

    def forward(self, x: Tensor) -> FeatureMaps:
        return super().forward(x if x.mean() < 0 else -x)


def with_neck(backbone: Shared) -> ReidModel:
    torch.manual_seed(0)
    model = ReidModel(backbone, create_neck("fblneck", backbone.channels, 3))
    for _ in range(5):
        model(torch.randn(4, 3, 32, 32))
    return model.eval()


def test_layers_that_are_used_twice_are_not_folded_twice() -> None:
    model = with_neck(Shared())
    assert_same(inference_form(model), model, torch.randn(2, 3, 32, 32))


def test_a_backbone_that_looks_at_its_pictures_is_refused() -> None:
    with pytest.raises(CdnetError, match="Moody has no inference form"):
        inference_form(with_neck(Moody()))


@pytest.mark.parametrize("genotype", ["cdnet", "osnet"])
def test_gates_compute_with_one_number_a_channel(genotype: str) -> None:
    """What follows a global average takes N x C; of N x C x 1 x 1, OpenVINO computes the sigmoid for each pixel."""
    model = trained(genotype)
    gates = [name for name, layer in model.named_modules() if isinstance(layer, AdaptiveGate)]
    form = inference_form(model)
    assert gates
    seen: set[str] = set()
    for name in gates:
        for part in ("squeeze", "restore"):
            layer = form.get_submodule(f"{name}.{part}")
            layer.register_forward_hook(lambda _, given, found, at=f"{name}.{part}": seen.add(f"{at} {found.ndim}"))
    form(torch.randn(1, 3, 64, 32))
    assert seen == {f"{name}.{part} 2" for name in gates for part in ("squeeze", "restore")}


class Gated(Shared):
    """A backbone of one's own, with a gate that is in one way another than ours."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind, self.relu = kind, nn.ReLU()
        padding = 1 if kind == "padded" else 0
        self.first = nn.Conv2d(4, 4, 1, padding=padding, groups=2 if kind == "grouped" else 1)
        self.last = nn.Conv2d(4, 4, 1, bias=kind != "without bias")

    def forward(self, x: Tensor) -> FeatureMaps:
        x = self.norm(self.conv(self.stem(x)))
        if self.kind == "also on the map":
            x = x + self.first(x)
        if self.kind == "half also on the map":
            x = self.first(x.mean((2, 3), keepdim=True)).sigmoid() * self.last(x)
        inner = self.relu(self.first(x.mean((2, 3), keepdim=True)))
        if self.kind == "no sigmoid":
            return FeatureMaps(x, x, x + self.last(inner))
        gate = self.last(inner).sigmoid()
        if self.kind == "padded":
            gate = gate.mean((2, 3), keepdim=True)
        if self.kind == "looked at on its way":
            gate = gate + inner
        return FeatureMaps(gate, gate * x + (1 - gate), x)


@pytest.mark.parametrize(
    "kind",
    [
        "alike",
        "without bias",
        "grouped",
        "padded",
        "also on the map",
        "half also on the map",
        "no sigmoid",
        "looked at on its way",
    ],
)
def test_gates_of_other_kinds_give_the_same(kind: str) -> None:
    model = with_neck(Gated(kind))
    assert_same(inference_form(model), model, torch.randn(2, 3, 32, 32))

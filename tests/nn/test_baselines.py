"""Networks of other papers, and one's own, wherever a genotype is taken."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import safe_open, save_file
from torch import Tensor, nn

from cdnet import CdnetError, create_model, load_model
from cdnet.cli import main
from cdnet.nn.backbone import FeatureMaps
from cdnet.nn.baselines import BASELINES
from cdnet.nn.baselines.gdas import Halve
from cdnet.nn.model import ReidModel, create_backbone
from cdnet.nn.necks import NECKS, create_neck
from cdnet.weights import ModelSpec, save_weights


@pytest.mark.parametrize("name", BASELINES)
def test_maps_have_the_sizes_of_cdnet(name: str) -> None:
    with torch.device("meta"):
        backbone = create_backbone(name).eval()
        fmaps = backbone(torch.empty(1, 3, 256, 128))
    sizes = [(32, 16), (16, 8), (16, 8)]
    assert [tuple(fmap.shape[1:]) for fmap in fmaps] == [
        (channels, *size) for channels, size in zip(backbone.channels, sizes, strict=True)
    ]


@pytest.mark.parametrize("neck", NECKS)
@pytest.mark.parametrize("name", BASELINES)
def test_weights_round_trip(name: str, neck: str, tmp_path: Path) -> None:
    spec = ModelSpec(name, 0.1, neck, size=(64, 32))
    trained = spec.build(identities=5)
    trained(torch.randn(4, 3, 64, 32))  # moves the averages of batch norm
    save_weights(tmp_path / "x.safetensors", trained, spec)
    model, read = load_model(tmp_path / "x.safetensors")
    assert read == spec
    images = torch.randn(2, 3, 64, 32)
    assert torch.equal(model(images), trained.eval()(images))


@pytest.mark.parametrize("name", BASELINES)
def test_every_weight_is_used(name: str) -> None:
    model = create_model(name, 0.1, "fblneck", identities=5)
    heads = model(torch.randn(4, 3, 64, 32))
    sum(head.scores.sum() + head.triplet.sum() for head in heads).backward()
    assert all(weight.grad is not None for weight in model.parameters())


def test_both_losses_of_osnets_head_are_on_one_feature() -> None:
    model = create_model("osnet", 0.1, "fcneck", identities=5)
    (head,) = model(torch.randn(4, 3, 64, 32))
    assert head.triplet is head.softmax
    classifier = model.neck.classifier
    torch.testing.assert_close(head.scores, head.triplet @ classifier.weight.T + classifier.bias)
    assert head.triplet.shape == (4, 512)


def test_halving_sees_even_and_odd_pixels() -> None:
    halve = Halve(1, 3).eval()
    for convolution in (halve.even, halve.odd):
        nn.init.ones_(convolution.weight)
    x = torch.arange(1.0, 16.0).reshape(1, 1, 3, 5)
    found = halve(x)[0] * (1 + halve.bn.eps) ** 0.5
    torch.testing.assert_close(found[0], torch.tensor([[1.0, 3.0, 5.0], [11.0, 13.0, 15.0]]))
    # Beyond the right and the lower edge there is nothing.
    for channel in (1, 2):
        torch.testing.assert_close(found[channel], torch.tensor([[7.0, 9.0, 0.0], [0.0, 0.0, 0.0]]))


class Own(nn.Module):
    """A user's backbone, as the documentation describes one."""

    channels = (4, 6, 8)

    def __init__(self, width: float = 1.0) -> None:
        super().__init__()
        steps = zip((3, 4, 6), self.channels, (8, 2, 1), strict=True)
        self.parts = nn.ModuleList(nn.Conv2d(c_in, c, 3, stride, padding=1) for c_in, c, stride in steps)

    def forward(self, x: Tensor) -> FeatureMaps:
        fmaps = []
        for part in self.parts:
            x = part(x).relu()
            fmaps.append(x)
        return FeatureMaps(*fmaps)


@pytest.mark.parametrize("neck", NECKS)
def test_a_backbone_of_ones_own_joins_any_neck(neck: str) -> None:
    backbone = Own()
    model = ReidModel(backbone, create_neck(neck, backbone.channels, identities=5))
    heads = model(torch.randn(4, 3, 64, 32))
    assert all(head.scores.shape == (4, 5) for head in heads)
    assert model.eval()(torch.randn(4, 3, 64, 32)).shape == (4, model.feature_dim)


def test_a_named_backbone_of_ones_own_is_a_genotype_everywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(BASELINES, "own", Own)
    spec = ModelSpec("own", size=(64, 32))
    model = spec.build()
    save_weights(tmp_path / "own.safetensors", model, spec)
    loaded, read = load_model(tmp_path / "own.safetensors")
    assert read.genotype == "own"
    images = torch.randn(2, 3, 64, 32)
    assert torch.equal(loaded(images), model.eval()(images))
    assert main(["info", "own", "--json"]) == 0
    own = 3 * 9 * 4 + 4 + 4 * 9 * 6 + 6 + 6 * 9 * 8 + 8
    assert json.loads(capsys.readouterr().out)["params_backbone"] == own
    monkeypatch.delitem(BASELINES, "own")
    with pytest.raises(CdnetError, match="of the network 'own', which is not one of osnet"):
        load_model(tmp_path / "own.safetensors")


def test_a_file_cannot_name_another_file(tmp_path: Path) -> None:
    save_weights(tmp_path / "x.safetensors", create_model("osnet", 0.1), ModelSpec("osnet", 0.1))
    with safe_open(tmp_path / "x.safetensors", "pt") as file:
        metadata = json.loads(file.metadata()["cdnet"])
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    for name in ("cdnet", str(tmp_path / "genotype.json")):
        save_file(tensors, tmp_path / "x.safetensors", {"cdnet": json.dumps(metadata | {"genotype": name})})
        with pytest.raises(CdnetError, match="not one of"):
            load_model(tmp_path / "x.safetensors")


def test_info_names_and_counts_baselines(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", "--list"]) == 0
    assert set(BASELINES) < set(capsys.readouterr().out.split())
    assert main(["info", "osnet", "--neck", "fcneck", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["params"] == 2_169_508
    assert main(["info", "resnet50", "--width", "0.25"]) == 0
    table = capsys.readouterr().out
    assert "512x16x8" in table
    assert "stage4" in table


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["info", "resnet"], "cdnet-top2, cdnet-top3, cdnet-top4, cdnet-v35, cnet"),
        (["info", "resnet"], "osnet, resnet50, gdas"),
        (["info", "gdas", "--width", "9"], "at most 8"),
        (["info", "osnet", "--neck", "head"], "unknown neck 'head'"),
    ],
)
def test_mistakes_name_what_there_is(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 1
    assert said in capsys.readouterr().err

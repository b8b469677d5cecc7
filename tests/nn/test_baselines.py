"""Networks of other papers, and one's own, wherever a genotype is taken."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch
from safetensors.torch import safe_open, save_file
from torch import Tensor, nn

from cdnet import CdnetError, create_model, load_model
from cdnet.cli import main
from cdnet.nn.backbone import FeatureMaps
from cdnet.nn.baselines import BASELINES
from cdnet.nn.baselines.gdas import CELLS, operation
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
    unused = {weight for weight in model.parameters() if weight.grad is None}
    # GDAS's last 1x1 convolution is there to be counted; no optimiser is given what needs no gradient.
    known = set(model.backbone.unused.parameters()) if name == "gdas" else set()
    assert unused == known
    assert not any(weight.requires_grad for weight in unused)


def test_both_losses_of_osnets_head_are_on_one_feature() -> None:
    model = create_model("osnet", 0.1, "fcneck", identities=5)
    (head,) = model(torch.randn(4, 3, 64, 32))
    assert head.triplet is head.softmax
    classifier = model.neck.classifier
    torch.testing.assert_close(head.scores, head.triplet @ classifier.weight.T + classifier.bias)
    assert head.triplet.shape == (4, 512)


def test_gdas_equals_the_release() -> None:
    # gdas-release.json has the features of the authors' own GDAS network with FBLNeck, in double precision, for these
    # weights and pictures; in single precision, with their weights copied, the two agree to the last bit.
    model = create_model("gdas").double().eval()
    for place, (name, tensor) in enumerate(model.state_dict().items()):
        tensor.copy_(written(place, name, tuple(tensor.shape)))
    with torch.no_grad():
        features = model(wave((2, 3, 64, 32), 0.5))
    expected = json.loads(Path(__file__).with_name("gdas-release.json").read_text("utf-8"))
    assert features.shape == (2, 1280)
    assert features.flatten()[::20].tolist() == pytest.approx(expected, rel=1e-9, abs=1e-9)


def wave(shape: tuple[int, ...], phase: float) -> Tensor:
    count = torch.arange(math.prod(shape), dtype=torch.double)
    return torch.sin(0.37 * (count % 4099) ** 2 + phase).reshape(shape)


def written(place: int, name: str, shape: tuple[int, ...]) -> Tensor:
    """Write down a tensor by its place among all of the network's, which the release makes in the same order."""
    if not shape:
        return torch.tensor(0.0)
    values = wave(shape, place)
    if len(shape) > 1:
        return values * 2 / math.sqrt(math.prod(shape[1:]))
    if name.endswith("running_var"):
        return 2 + values
    return 1 + 0.2 * values if name.endswith("weight") else 0.1 * values


@pytest.mark.parametrize("name", sorted({name for cell in CELLS for node in cell for name, _ in node}))
@pytest.mark.parametrize("stride", [1, 2])
def test_every_operation_of_gdas_gives_the_size_that_the_sum_needs(name: str, stride: int) -> None:
    made = operation(name, 4, stride).eval()
    with torch.no_grad():
        found = made(torch.rand(2, 4, 7, 5))
    assert found.shape == (2, 4, math.ceil(7 / stride), math.ceil(5 / stride))


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

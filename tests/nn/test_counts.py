"""Every count that the paper prints, or that follows from it, comes out of the networks."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from cdnet import create_model
from cdnet.genotype import read_genotype
from cdnet.nn.baselines import BASELINES
from cdnet.nn.counts import count, count_params, count_stages
from cdnet.nn.model import create_backbone

# Table 10: width beta, resolution gamma, CDNet's MACs in millions as printed; OSNet's beside them.
TABLE_10 = [
    (1.0, 1.0, "948.8", "978.9"),
    (1.0, 0.75, "533.7", "550.7"),
    (1.0, 0.5, "237.3", "244.9"),
    (1.0, 0.25, "59.4", "61.5"),
    (0.75, 1.0, "552.3", "571.8"),
    (0.75, 0.75, "310.7", "321.7"),
    (0.75, 0.5, "138.1", "143.1"),
    (0.75, 0.25, "34.6", "35.9"),
    (0.5, 1.0, "262.0", "272.9"),
    (0.5, 0.75, "147.4", "153.6"),
    (0.5, 0.5, "65.5", "68.3"),
    (0.5, 0.25, "16.4", "17.2"),
    (0.25, 1.0, "77.9", "82.3"),
    (0.25, 0.75, "43.8", "46.3"),
    (0.25, 0.5, "19.5", "20.6"),
    (0.25, 0.25, "4.88", "5.2"),
]


def printed(value: float, like: str) -> str:
    """Round a value to the digits of a printed one."""
    return f"{value:.{len(like.partition('.')[2])}f}"


@pytest.mark.parametrize(("width", "resolution", "cdnet", "osnet"), TABLE_10)
def test_macs_of_table_10(width: float, resolution: float, cdnet: str, osnet: str) -> None:
    height, across = int(256 * resolution), int(128 * resolution)
    assert printed(count(create_backbone("cdnet", width), height, across).macs / 1e6, cdnet) == cdnet
    assert printed(count(create_model("osnet", width, "fcneck"), height, across).macs / 1e6, osnet) == osnet


@pytest.mark.parametrize(("width", "millions"), [(1.0, "1.7474"), (0.75, "0.9958"), (0.5, "0.4540"), (0.25, "0.1221")])
def test_parameters_of_the_backbone(width: float, millions: str) -> None:
    assert printed(count_params(create_backbone("cdnet", width)) / 1e6, millions) == millions


@pytest.mark.parametrize(
    ("genotype", "millions"),
    [
        ("cnet-top1", "1.43"),
        ("cnet-top2", "1.44"),
        ("cnet-top3", "1.31"),
        ("cnet-top4", "1.35"),
        ("cdnet-top1", "2.11"),
        ("cdnet-top2", "1.80"),
        ("cdnet-top3", "1.88"),
        ("cdnet-top4", "1.57"),
        ("cdnet-v35", "1.61"),
        ("cdnet-std", "1.75"),
        ("cnet", "1.4362"),
        ("cdnet", "1.7966"),
        ("cdnet-v35", "1.6083"),
        ("osnet", "1.7"),
    ],
)
def test_parameters_at_inference(genotype: str, millions: str) -> None:
    # Tables 1, 3, 7 and 9: the network with FNeck's squeeze.
    assert printed(count_params(create_model(genotype)) / 1e6, millions) == millions


@pytest.mark.parametrize(
    ("network", "neck", "millions"),
    [("cdnet", "fblneck", "955.1"), ("resnet50", "bnneck", "4053.3"), ("gdas", "fblneck", "1109.2")],
)
def test_macs_of_table_12(network: str, neck: str, millions: str) -> None:
    assert printed(count(create_model(network, neck=neck), 256, 128).macs / 1e6, millions) == millions


def test_parameters_of_bag_of_tricks() -> None:
    # Table 12 counts the classifier of Market-1501's 751 identities, which inference drops.
    training = create_model("resnet50", neck="bnneck", identities=751)
    assert printed(count_params(training) / 1e6, "25.1") == "25.1"
    # torchvision's 25,557,032 parameters without its classifier of 1000 classes.
    assert count_params(create_backbone("resnet50")) == 25_557_032 - 2048 * 1000 - 1000


def test_gdas_parameters() -> None:
    # Table 12 counts the 1x1 convolution that no pass goes through, as the release's own count of its network does.
    network = create_model("gdas")
    assert count_params(network) == 4_035_232
    unused = count_stages(network.backbone, 256, 128)[-1]
    assert (unused.name, unused.shape, unused.params, unused.macs) == ("unused", (), 1024 * 1024 + 2 * 1024, 0)


@pytest.mark.parametrize(("width", "millions"), [(1.0, "2.17"), (0.75, "1.29"), (0.5, "0.63"), (0.25, "0.20")])
def test_parameters_of_osnet(width: float, millions: str) -> None:
    assert printed(count_params(create_model("osnet", width, "fcneck")) / 1e6, millions) == millions


def test_classification_networks() -> None:
    # Table 4 keeps FBLNeck with both classifiers for 100 classes; Table 11 keeps BLNeck alone for 1000.
    assert printed(count_params(create_model("cdnet", identities=100)) / 1e6, "2.30") == "2.30"
    imagenet = create_model("cdnet", neck="blneck", identities=1000)
    assert printed(count_params(imagenet) / 1e6, "2.52") == "2.52"
    assert round(count(imagenet.backbone, 224, 224).macs / 1e6) == 1453


@pytest.mark.parametrize(("genotype", "depth"), [("cdnet-top1", 10), ("cdnet-top2", 9), ("cdnet-top3", 10)])
def test_depths_of_table_8(genotype: str, depth: int) -> None:
    assert read_genotype(genotype).depth == depth


def test_depth_of_top4_and_cnet() -> None:
    assert read_genotype("cdnet-top4").depth == 8
    assert all(read_genotype(f"cnet-top{k}").depth == 6 for k in (1, 2, 3, 4))


def test_macs_against_counting_by_hooks() -> None:
    # A second implementation: output positions times the multiplications of one of them, seen by hooks.
    model = create_model("cdnet-top4", width=0.5).eval()
    counted = count(model, 96, 64).macs
    total = 0

    def add(layer: nn.Module, _inputs: object, output: torch.Tensor) -> None:
        nonlocal total
        assert isinstance(layer, nn.Conv2d)
        total += output[0].numel() * layer.weight[0].numel()

    for layer in model.modules():
        if isinstance(layer, nn.Conv2d):
            layer.register_forward_hook(add)
    with torch.no_grad():
        model(torch.zeros(1, 3, 96, 64))
    assert counted == total


@pytest.mark.parametrize("network", ["cdnet", *BASELINES])
def test_stages_add_up(network: str) -> None:
    backbone = create_backbone(network)
    stages = count_stages(backbone, 256, 128)
    whole = count(backbone, 256, 128)
    assert sum(stage.params for stage in stages) == whole.params
    assert sum(stage.macs for stage in stages) == whole.macs
    assert [stage.shape for stage in stages if stage.shape][-1] == (backbone.channels[2], 16, 8)


def test_shapes_of_figure_4() -> None:
    stages = count_stages(create_backbone("cdnet"), 256, 128)
    assert [stage.name for stage in stages] == ["stem", "stage1", "down1", "stage2", "down2", "stage3"]
    assert [stage.shape for stage in stages][::2] == [(64, 64, 32), (256, 32, 16), (384, 16, 8)]


def test_counting_prints_nothing_and_leaves_the_network_alone(capsys: pytest.CaptureFixture[str]) -> None:
    model = create_model("cnet-top3", 0.1).train()
    count(model, 64, 32)
    count_stages(model.backbone, 64, 32)
    assert capsys.readouterr().out == ""
    assert model.training
    assert next(model.parameters()).device.type == "cpu"
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())

"""Published weights, converted, give the published implementations' features.

``published.json`` has what the authors' CDNet and CNet (solicucu/ReID), torchreid's OSNet and ResNet-50 (last stride 1)
give in double precision for the weights and pictures that :func:`made` and :func:`wave` write down: some of the entries
of two features or scores. Files that are not what they should be are in ``test_published_files.py``.
"""

from __future__ import annotations

import json
import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from cdnet import load_model
from cdnet.classify.network import sum_scores
from cdnet.classify.recipe import NORMALS
from cdnet.classify.weights import load_classifier, read_origin
from cdnet.cli import main
from cdnet.genotype import Genotype, read_genotype
from cdnet.model_input import IMAGENET_MEAN, IMAGENET_STD
from cdnet.nn.model import create_backbone, create_model
from cdnet.published import convert
from cdnet.published.fit import Names, published_name
from cdnet.published.release import BLOCK_NAMES, NECK_NAMES
from cdnet.published.torchreid import OSNET_NAMES
from cdnet.published.torchvision import RESNET_NAMES
from cdnet.train.init import read_start
from cdnet.weights import ModelSpec

EXPECTED: dict[str, list[float]] = json.loads(Path(__file__).with_name("published.json").read_text("utf-8"))


def wave(shape: tuple[int, ...], phase: int) -> npt.NDArray[np.float64]:
    count = np.arange(int(np.prod(shape)), dtype=np.float64)
    return np.sin(0.37 * count**2 + phase).reshape(shape)


def made(name: str, shape: tuple[int, ...]) -> Tensor:
    if not shape:
        return torch.tensor(0)
    values = wave(shape, zlib.crc32(name.encode()) % 1000)
    if len(shape) > 1:
        values = values * (2 / np.sqrt(np.prod(shape[1:])))
    elif name.endswith("running_var"):
        values = 2 + values
    else:
        values = 1 + 0.2 * values if name.endswith("weight") else 0.1 * values
    return torch.from_numpy(values.astype(np.float32))


def pictures() -> Tensor:
    return torch.from_numpy(wave((2, 3, 64, 32), 0))


def by_their_names(ours: dict[str, Tensor], names: Names) -> dict[str, Tensor]:
    """A published state dict: the values go by the published names, so that a wrong name gives wrong features."""
    theirs = {published_name(name, names): tuple(tensor.shape) for name, tensor in ours.items()}
    return {name: made(name, shape) for name, shape in theirs.items()}


def published(network: str, width: float = 1.0) -> dict[str, Tensor]:
    neck, names = {"osnet": ("fcneck", OSNET_NAMES), "resnet50": ("blneck", RESNET_NAMES)}[network]
    with torch.device("meta"):
        ours = create_model(network, width, neck).state_dict()
    classifier, features = ("classifier", 512) if network == "osnet" else ("fc", 2048)
    last = {f"{classifier}.weight": torch.zeros(10, features), f"{classifier}.bias": torch.zeros(10)}
    return by_their_names(ours, names) | last


def released(network: str, classes: int, neck: str = "fblneck", kernel: int = 7) -> dict[str, Tensor]:
    """A checkpoint of the authors' release; where its cells stand is written out here, for only a file tells that."""
    with torch.device("meta"):
        backbone, model = create_backbone(network), create_model(network, 1.0, neck, 2, classes)
        if kernel == 3:
            model.backbone.stem.narrow()
    cells = {f"backbone.stage{number + 1}.{place}.": 3 * number + place for number in range(3) for place in range(2)}
    repeated = any(len(block) > 1 for block in backbone.stage1)
    names = [("backbone.stem.", "base.stem.conv1.op."), ("backbone.down1.", "base.cells.2.conv1x1.op.")]
    names.append(("backbone.down2.", "base.cells.5.conv1x1.op."))
    for ours, cell in cells.items():
        names.append((ours, f"base.cells.{cell}.ops.") if repeated else (f"{ours}0.", f"base.cells.{cell}."))
    return by_their_names(model.state_dict(), (*NECK_NAMES, *names, *BLOCK_NAMES))


@pytest.mark.parametrize("width", [1.0, 0.75, 0.5, 0.25])
def test_osnet_equals_torchreid(width: float, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    state = {"state_dict": {f"module.{name}": tensor for name, tensor in published("osnet", width).items()}, "epoch": 9}
    torch.save(state, tmp_path / "osnet.pth", _use_new_zipfile_serialization=False)
    out = tmp_path / "osnet.safetensors"
    assert main(["convert", str(tmp_path / "osnet.pth"), "--out", str(out), "--size", "64x32"]) == 0
    assert f"--genotype osnet --width {width:g} --init {out}" in capsys.readouterr().out
    model, spec = load_model(out)
    assert (spec.genotype, spec.width, spec.neck, spec.size) == ("osnet", width, "fcneck", (64, 32))
    assert spec.trained_on["published"] == "osnet.pth"
    assert spec.trained_on["identities"] == 10
    with torch.no_grad():
        features = model.double()(pictures())
    assert features.flatten()[::16].tolist() == pytest.approx(EXPECTED[f"osnet {width:g}"], rel=1e-8, abs=1e-8)


def test_resnet50_equals_the_published_one(tmp_path: Path) -> None:
    # As the oldest files have it: without the counters of batch norm.
    tensors = {name: tensor for name, tensor in published("resnet50").items() if not name.endswith("tracked")}
    assert tensors["layer3.5.conv2.weight"].shape == (256, 256, 3, 3)
    assert tensors["layer2.0.downsample.0.weight"].shape == (512, 256, 1, 1)
    save_file(tensors, tmp_path / "resnet50.safetensors")
    converted = convert(tmp_path / "resnet50.safetensors")
    model, spec = converted.model, converted.network
    assert (spec.genotype, spec.width, spec.neck, model.feature_dim) == ("resnet50", 1.0, "blneck", 2048)
    assert spec.trained_on["classes"] == 10
    assert "its last stride is 1 here" in converted.notes[0]
    assert not converted.exact
    with torch.no_grad():
        features = model.double()(pictures())
    assert features.flatten()[::64].tolist() == pytest.approx(EXPECTED["resnet50"], rel=1e-8, abs=1e-8)


@pytest.mark.parametrize("network", ["cdnet", "cnet"])
def test_reid_equals_the_release(network: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.save(released(network, 751), tmp_path / "top2.pth")
    out = tmp_path / "ours.safetensors"
    assert main(["convert", str(tmp_path / "top2.pth"), "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert f"evaluate it: cdnet evaluate {out} --data.root DIR" in said
    assert "trained on 751 identities, as many as Market-1501 has for training" in said
    model, spec = load_model(out)
    assert spec.genotype == read_genotype(network)
    assert (spec.width, spec.neck, spec.stripes, spec.size) == (1.0, "fblneck", 2, (256, 128))
    assert (spec.mean, spec.std) == (IMAGENET_MEAN, IMAGENET_STD)
    assert spec.trained_on["identities"] == 751
    with torch.no_grad():
        features = model.double()(pictures())
    assert features.flatten()[::16].tolist() == pytest.approx(
        EXPECTED[f"release {network} features"], rel=1e-8, abs=1e-8
    )
    # The heads are not in the weights, which are for inference, but they are in what Python gets.
    whole = convert(tmp_path / "top2.pth").model.double()
    with torch.no_grad():
        scores = sum_scores(whole.neck.heads(whole.backbone(pictures())))
    assert scores.flatten()[::16].tolist() == pytest.approx(EXPECTED[f"release {network} reid scores"], rel=1e-8)


@pytest.mark.parametrize("network", ["cdnet", "cnet"])
@pytest.mark.parametrize(
    ("data", "classes", "neck", "size", "every"),
    [("cifar100", 100, "fblneck", (32, 32), 4), ("imagenet", 1000, "blneck", (224, 224), 32)],
)
def test_classifiers_equal_the_release(
    network: str, data: str, classes: int, neck: str, size: tuple[int, int], every: int, tmp_path: Path
) -> None:
    narrow = network == "cdnet" and data == "cifar100"
    torch.save(released(network, classes, neck, 3 if narrow else 7), tmp_path / "top2.pth")
    out = tmp_path / "ours.safetensors"
    assert main(["convert", str(tmp_path / "top2.pth"), "--out", str(out)]) == 0
    model, spec = load_classifier(out)
    assert (spec.network.genotype, spec.network.neck, spec.network.size) == (read_genotype(network), neck, size)
    assert (spec.stem, spec.kernel, len(spec.classes)) == (1 if narrow else 4, 3 if narrow else 7, classes)
    assert (spec.network.mean, spec.network.std) == NORMALS[data]
    assert spec.network.trained_on["data"] == data
    with torch.no_grad():
        scores = model.double()(pictures())
    assert scores.flatten()[::every].tolist() == pytest.approx(EXPECTED[f"release {network} {data} scores"], rel=1e-8)


def test_the_released_classifier_is_one_to_start_from(tmp_path: Path) -> None:
    state = released("cdnet", 1000, "blneck")
    torch.save({f"module.{name}": tensor for name, tensor in state.items()}, tmp_path / "imagenet.pth")
    converted = convert(tmp_path / "imagenet.pth")
    converted.save(tmp_path / "imagenet.safetensors")
    backbone = read_start(str(tmp_path / "imagenet.safetensors"), ModelSpec(read_genotype("cdnet"))).backbone
    assert torch.equal(backbone["backbone.stem.0.weight"], state["base.stem.conv1.op.0.weight"])
    assert read_origin(tmp_path / "imagenet.safetensors")["published"] == "imagenet.pth"


def test_blneck_by_the_release_s_other_names(tmp_path: Path) -> None:
    state = released("cnet", 751, "blneck")
    renamed = {
        name.replace("global_fcs", "fcs").replace("global_classifier", "classifier"): tensor
        for name, tensor in state.items()
    }
    for number, tensors in enumerate((state, renamed)):
        torch.save(tensors, tmp_path / f"{number}.pth")
    one, other = (convert(tmp_path / f"{number}.pth") for number in range(2))
    assert one.network.neck == other.network.neck == "blneck"
    assert all(torch.equal(one.model.state_dict()[name], it) for name, it in other.model.state_dict().items())


def test_other_blocks_and_widths_of_the_release(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stages = [[[3, 5, 2]], [[3, 9, 1], [5, 7, 1]], [[7, 9, 1]]]
    genotype = Genotype.from_json({"name": "mine", "stages": stages})
    model = create_model(genotype, 0.3, "fblneck", 2, 7).eval()
    at = {"stage1.0.": 0, "down1.": 1, "stage2.0.": 2, "stage2.1.": 3, "down2.": 4, "stage3.0.": 5, "stem.": -1}
    parts = {"down1.": "conv1x1.op.", "down2.": "conv1x1.op.", "stem.": "base.stem.conv1.op."}
    names = [
        (f"backbone.{ours}", parts[ours] if cell < 0 else f"base.cells.{cell}.{parts.get(ours, 'ops.')}")
        for ours, cell in at.items()
    ]
    state = model.state_dict()
    torch.save(
        {published_name(name, (*NECK_NAMES, *names, *BLOCK_NAMES)): tensor for name, tensor in state.items()},
        tmp_path / "mine.pth",
    )
    out = tmp_path / "mine.safetensors"
    assert main(["convert", str(tmp_path / "mine.pth"), "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert "mine, width 0.3, fblneck" in said
    assert "train from it" not in said  # no genotype of that name ships
    ours, spec = load_model(out)
    assert spec.genotype.stages == genotype.stages
    with torch.no_grad():
        assert torch.equal(ours(pictures().float()), model(pictures().float()))

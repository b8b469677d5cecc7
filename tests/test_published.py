"""Published weights, converted, give the published implementations' features.

``published.json`` has what torchreid's OSNet and ResNet-50 (last stride 1) give in double precision for the weights and
pictures that :func:`made` and :func:`wave` write down: some of the entries of two features.
"""

from __future__ import annotations

import json
import pickle
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from cdnet import CdnetError, load_model
from cdnet.cli import main
from cdnet.nn.model import create_model
from cdnet.published import OSNET_NAMES, RESNET_NAMES, convert, published_name

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


def published(network: str, width: float = 1.0) -> dict[str, Tensor]:
    """A published state dict: the values go by the published names, so that a wrong name gives wrong features."""
    neck, names = {"osnet": ("fcneck", OSNET_NAMES), "resnet50": ("blneck", RESNET_NAMES)}[network]
    with torch.device("meta"):
        ours = create_model(network, width, neck).state_dict()
    theirs = {published_name(name, names): tuple(tensor.shape) for name, tensor in ours.items()}
    tensors = {name: made(name, shape) for name, shape in theirs.items()}
    classifier = "classifier" if network == "osnet" else "fc"
    return tensors | {f"{classifier}.weight": torch.zeros(10, 512), f"{classifier}.bias": torch.zeros(10)}


def small() -> dict[str, Tensor]:
    return published("osnet", 0.25)


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
    with torch.no_grad():
        features = model.double()(pictures())
    assert features.flatten()[::16].tolist() == pytest.approx(EXPECTED[f"osnet {width:g}"], rel=1e-8, abs=1e-8)


def test_resnet50_equals_the_published_one(tmp_path: Path) -> None:
    # As the oldest files have it: without the counters of batch norm.
    tensors = {name: tensor for name, tensor in published("resnet50").items() if not name.endswith("tracked")}
    assert tensors["layer3.5.conv2.weight"].shape == (256, 256, 3, 3)
    assert tensors["layer2.0.downsample.0.weight"].shape == (512, 256, 1, 1)
    save_file(tensors, tmp_path / "resnet50.safetensors")
    model, spec = convert(tmp_path / "resnet50.safetensors")
    assert (spec.genotype, spec.width, spec.neck, model.feature_dim) == ("resnet50", 1.0, "blneck", 2048)
    with torch.no_grad():
        features = model.double()(pictures())
    assert features.flatten()[::64].tolist() == pytest.approx(EXPECTED["resnet50"], rel=1e-8, abs=1e-8)


def without(name: str) -> dict[str, Tensor]:
    return {key: tensor for key, tensor in small().items() if key != name}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (lambda: {"a": torch.zeros(1)}, "neither those of OSNet"),
        (lambda: {}, "neither those of OSNet"),
        (lambda: small() | {"conv2.0.IN.weight": torch.ones(64)}, "not osnet as published, for it has conv2.0.IN"),
        (lambda: without("conv4.1.gate.fc1.bias"), "has no conv4.1.gate.fc1.bias"),
        (lambda: small() | {"conv5.bn.bias": torch.zeros(9)}, "conv5.bn.bias of the shape 9"),
        (lambda: small() | {"conv1.conv.weight": torch.tensor(1.0)}, "width multiplier"),
        (lambda: small() | {"conv1.conv.weight": torch.zeros(99999, 0)}, "width multiplier"),
        (lambda: {"conv1.weight": torch.zeros(64, 3, 7, 7), "layer1.0.conv3.weight": torch.zeros(1)}, "has no bn1"),
        (lambda: {"conv1.weight": [1, 2]}, "no state dict"),
        (lambda: [torch.zeros(3)], "no state dict"),
        (lambda: pickle.Pickler, "not a file of tensors alone"),
    ],
)
def test_other_files_are_refused(content: Callable[[], object], said: str, tmp_path: Path) -> None:
    torch.save(content(), tmp_path / "x.pth")
    with pytest.raises(CdnetError, match=said):
        convert(tmp_path / "x.pth")


class Hostile:
    def __reduce__(self) -> tuple[Callable[[str], object], tuple[str]]:
        return exec, ("raise SystemExit('unpickled')",)


def test_nothing_is_unpickled(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.save(small() | {"conv1.conv.weight": Hostile()}, tmp_path / "hostile.pth")
    (tmp_path / "text.pth").write_text("weights")
    (tmp_path / "text.safetensors").write_text("weights")
    for name in ("hostile.pth", "text.pth", "text.safetensors"):
        assert main(["convert", str(tmp_path / name), "--out", str(tmp_path / "out.safetensors")]) == 1
        assert "not a file of tensors alone" in capsys.readouterr().err
    assert not (tmp_path / "out.safetensors").exists()


def test_mistakes_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.save(small(), tmp_path / "x.pth")
    assert main(["convert", str(tmp_path / "none.pth"), "--out", str(tmp_path / "o.safetensors")]) == 1
    assert "no such file" in capsys.readouterr().err
    assert main(["convert", str(tmp_path / "x.pth")]) == 2
    assert "--out" in capsys.readouterr().err
    assert main(["convert", str(tmp_path / "x.pth"), "--out", str(tmp_path / "o.safetensors"), "--size", "wide"]) == 1
    assert "height x width" in capsys.readouterr().err
    with pytest.raises(CdnetError, match="cdnet convert"):
        load_model(tmp_path / "x.pth")


def test_the_published_file_stays(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    save_file(small(), tmp_path / "x.safetensors")
    before = (tmp_path / "x.safetensors").read_bytes()
    (tmp_path / "link.safetensors").symlink_to("x.safetensors")
    for out, said in (("x.pth", "a .safetensors file"), ("x.safetensors", "itself"), ("link.safetensors", "itself")):
        assert main(["convert", str(tmp_path / "x.safetensors"), "--out", out]) == 2
        assert said in capsys.readouterr().err
    assert (tmp_path / "x.safetensors").read_bytes() == before
    assert not (tmp_path / "x.pth").exists()

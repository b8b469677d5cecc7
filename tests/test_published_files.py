"""What ``cdnet convert`` takes out of a file, and what it says of files that are not what they should be."""

from __future__ import annotations

import os
import pickle
import re
import zipfile
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from cdnet import CdnetError, load_model
from cdnet.classify.weights import ClassifierSpec
from cdnet.cli import main
from cdnet.nn.model import create_model
from cdnet.published import convert
from cdnet.published.fit import published_name
from cdnet.published.release import BLOCK_NAMES, NECK_NAMES
from cdnet.published.tensors import read_tensors
from cdnet.published.torchreid import OSNET_NAMES
from cdnet.weights import ModelSpec, save_weights


def osnet() -> dict[str, Tensor]:
    model = create_model("osnet", 0.25, "fcneck", identities=10)
    return {published_name(name, OSNET_NAMES): tensor for name, tensor in model.state_dict().items()}


def cnet(identities: int | None = 7, neck: str = "fblneck") -> dict[str, Tensor]:
    """CNet as released, at the smallest width."""
    model = create_model("cnet", 0.1, neck, 2, identities)
    names = [("backbone.stem.", "base.stem.conv1.op."), ("backbone.down1.", "base.cells.2.conv1x1.op.")]
    names.append(("backbone.down2.", "base.cells.5.conv1x1.op."))
    names += [(f"backbone.stage{n // 2 + 1}.{n % 2}.0.", f"base.cells.{n // 2 * 3 + n % 2}.") for n in range(6)]
    every = (*NECK_NAMES, *names, *BLOCK_NAMES)
    return {published_name(name, every): tensor for name, tensor in model.state_dict().items()}


def saved(content: object, path: Path, **how: Any) -> Path:
    torch.save(content, path, **how)
    return path


def said_by(path: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """Return the one sentence with which the command refuses a file, having written nothing."""
    out = path.parent / "out" / "ours.safetensors"
    assert main(["convert", str(path), "--out", str(out)]) == 1
    said = capsys.readouterr().err
    assert said.startswith(f"cdnet: {path}: ")
    assert said.endswith("\n")
    assert said[:-1].isprintable()
    assert not list(out.parent.iterdir())
    return said


@pytest.mark.parametrize("old", [False, True])
def test_a_checkpoint_of_torchreid_s_engine(tmp_path: Path, old: bool) -> None:
    layer = nn.Linear(2, 2)
    optimizer = torch.optim.Adam(layer.parameters(), amsgrad=True)
    layer(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, [1, 2])
    state = osnet()
    checkpoint = {
        "state_dict": {f"module.{name}": tensor for name, tensor in state.items()},
        "epoch": 60,
        "rank1": np.float32(0.5),
        "curve": np.linspace(0, 1, 5),
        "optimizer": optimizer.state_dict(),
        "scheduler": scheduler.state_dict(),
        "args": Namespace(lr=0.1),
    }
    path = saved(checkpoint, tmp_path / "model.pth.tar-60", _use_new_zipfile_serialization=not old)
    with pytest.raises(pickle.UnpicklingError):  # so that the test would notice if numpy's values were plain
        torch.load(path, weights_only=True)
    converted = convert(path)
    assert converted.network.trained_on["identities"] == 10
    assert torch.equal(converted.model.state_dict()["neck.fc.0.weight"], state["fc.0.weight"])


def test_numpy_s_names_of_both_versions_are_left_out(tmp_path: Path) -> None:
    def other(data: bytes) -> bytes:
        old, new = b"numpy.core.multiarray\n", b"numpy._core.multiarray\n"
        return data.replace(old, new) if old in data else data.replace(new, old)

    path = saved({"state_dict": osnet(), "rank1": np.float64(0.5)}, tmp_path / "x.pth")
    changed = rewritten(path, tmp_path / "y.pth", other)
    assert changed.read_bytes() != path.read_bytes()
    assert read_tensors(changed).keys() == read_tensors(path).keys()


def rewritten(path: Path, to: Path, change: Callable[[bytes], bytes], **how: Any) -> Path:
    """Write a torch archive again with another pickle."""
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(to, "w", **how) as new:
        for entry in old.infolist():
            data = old.read(entry)
            new.writestr(entry.filename, change(data) if entry.filename.endswith("/data.pkl") else data)
    return to


class Calls:
    def __init__(self, function: Callable[..., object], *arguments: object) -> None:
        self.reduced = function, arguments

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return self.reduced


@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize("where", ["weight", "beside", "whole"])
def test_nothing_is_run(where: str, old: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    victim = tmp_path / "victim"
    victim.touch()
    hostile = Calls(os.unlink, str(victim))
    content: object = {
        "weight": osnet() | {"conv1.conv.weight": hostile},
        "beside": {"state_dict": osnet(), "note": hostile},
        "whole": hostile,
    }[where]
    path = saved(content, tmp_path / "x.pth", _use_new_zipfile_serialization=not old)
    assert "not a file of tensors alone, for it wants posix.unlink run, and nothing was" in said_by(path, capsys)
    assert victim.exists()


def test_a_stand_in_is_not_a_tensor(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = saved(osnet() | {"conv1.conv.weight": np.zeros((16, 3, 7, 7), np.float32)}, tmp_path / "x.pth")
    assert "no state dict" in said_by(path, capsys)


def test_whole_modules_and_programs_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "wants torch.nn.modules.linear.Linear run" in said_by(saved(nn.Linear(2, 2), tmp_path / "x.pth"), capsys)
    with zipfile.ZipFile(tmp_path / "script.pt", "w") as archive:
        for name in ("data.pkl", "constants.pkl", "code/__torch__.py"):
            archive.writestr(f"script/{name}", b"")
    assert "a TorchScript program" in said_by(tmp_path / "script.pt", capsys)


def text(content: str) -> Callable[[Path], Path]:
    def write(path: Path) -> Path:
        path.write_text(content)
        return path

    return write


def _cut(content: object, **how: Any) -> Callable[[Path], Path]:
    def write(path: Path) -> Path:
        data = saved(content, path, **how).read_bytes()
        path.write_bytes(data[: len(data) // 2])
        return path

    return write


def _flipped(path: Path) -> Path:
    data = bytearray(saved(osnet(), path).read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    return path


def _compressed(path: Path) -> Path:
    saved(osnet(), path.with_suffix(".first"))
    return rewritten(path.with_suffix(".first"), path, bytes, compression=zipfile.ZIP_DEFLATED)


def _doubled(path: Path) -> Path:
    rewritten(saved(osnet(), path.with_suffix(".first")), path, bytes)
    with zipfile.ZipFile(path, "a") as archive:
        first = next(name for name in archive.namelist() if name.endswith("/data/0"))
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr(first, b"\0" * archive.getinfo(first).file_size)
    return path


def _fifo(path: Path) -> Path:
    os.mkfifo(path)
    return path


def _pickled(path: Path) -> Path:
    path.write_bytes(pickle.dumps({"conv1.conv.weight": [1.0]}))
    return path


def _traversing(path: Path) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("../../evil", b"x")
    return path


def _folder(path: Path) -> Path:
    path.mkdir()
    return path


@pytest.mark.parametrize(
    ("write", "said"),
    [
        (text("weights"), "not a file of tensors alone, neither of torch nor of safetensors"),
        (text(""), "an empty file"),
        (text("<!DOCTYPE html>"), "a web page, not the file that it offers"),
        (text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n"), "a pointer of Git LFS, not the file"),
        (_cut(osnet()), "cut short or damaged"),
        (_cut(osnet(), _use_new_zipfile_serialization=False), "cut short, damaged"),
        (_flipped, "damaged, the checksum of"),
        (_compressed, "a compressed archive"),
        (_doubled, "two entries of one name"),
        (_fifo, "not an ordinary file"),
        (_pickled, "but a pickle"),
        (_traversing, "a zip archive, but not one that torch wrote"),
        (_folder, "a folder"),
        (lambda path: path, "no such file"),
    ],
)
@pytest.mark.parametrize("name", ["x.pth", "x.safetensors"])
def test_what_is_no_file_of_weights(
    write: Callable[[Path], Path], said: str, name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert said in said_by(write(tmp_path / name), capsys)


def test_the_name_does_not_say_what_a_file_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_file(osnet(), tmp_path / "x.pth")
    saved(osnet(), tmp_path / "x.safetensors")
    assert convert(tmp_path / "x.pth").network.width == 0.25
    assert convert(tmp_path / "x.safetensors").network.width == 0.25
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes((tmp_path / "x.pth").read_bytes()[:-9])
    assert "cut short or no safetensors file" in said_by(cut, capsys)


def test_weights_of_ours_are_said_to_be(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = ModelSpec("osnet", 0.25, "fcneck")
    model = spec.build()
    save_weights(tmp_path / "ours.safetensors", model, spec)
    assert "weights of cdnet already" in said_by(tmp_path / "ours.safetensors", capsys)
    path = saved({"model": model.state_dict(), "epoch": 3}, tmp_path / "checkpoint.pt")
    assert "a checkpoint of a run of cdnet" in said_by(path, capsys)


def without(name: str) -> dict[str, Tensor]:
    return {key: tensor for key, tensor in osnet().items() if key != name}


STEM = "conv1.conv.weight"


def stem(change: Callable[[Tensor], object]) -> Callable[[], object]:
    return lambda: osnet() | {STEM: change(osnet()[STEM])}


def constant() -> dict[str, Tensor]:
    return {name: t if name.endswith("tracked") else torch.zeros_like(t) for name, t in osnet().items()}


def as_integers() -> dict[str, Tensor]:
    """Whole numbers whose bytes are called floats."""
    return {
        name: t if name.endswith("tracked") else (t * 1000).abs().to(torch.int32).view(torch.float32)
        for name, t in osnet().items()
    }


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (stem(lambda t: t.to(torch.complex64)), "of complex numbers"),
        (stem(lambda t: t.to_sparse()), "a sparse tensor"),
        (stem(lambda t: t.to("meta")), "on the device meta, without numbers"),
        (stem(lambda _: torch.zeros(9).as_strided((16, 3, 7, 7), (0, 0, 0, 1))), "more numbers than the file has"),
        (stem(lambda _: torch.zeros(1).expand(10**9, 10**6)), "more numbers than the file has"),
        (stem(lambda t: t.index_fill(0, torch.tensor([3]), float("nan"))), "not finite"),
        (stem(lambda t: t.index_fill(0, torch.tensor([3]), -float("inf"))), "not finite"),
        (stem(lambda t: t.double() * 1e300), "not finite as 32-bit floats"),
        (stem(lambda t: t.to(torch.int32)), "as int32, and floats belong there"),
        (stem(lambda t: t.bool()), "as bool, and floats belong there"),
        (stem(lambda _: torch.tensor(1.0)), "has conv1.conv.weight of the shape a number"),
        (stem(lambda _: torch.zeros(99999, 0)), "of the shape 99999x0"),
        (stem(lambda _: torch.zeros(999, 3, 7, 7)), "has 999, 64, 96, 128 channels, which no width makes"),
        (
            lambda: osnet() | {"classifier.weight": torch.zeros(0, 512), "classifier.bias": torch.zeros(0)},
            "shape 0x512",
        ),
        (lambda: osnet() | {"note": Calls(bytearray, 10**13)}, "it wants bytearray run, and nothing was"),
        (lambda: osnet() | {"conv1.bn.running_var": torch.full((16,), -1.0)}, "a variance below 0"),
        (lambda: osnet() | {"conv1.bn.num_batches_tracked": torch.tensor(1.5)}, "an integer belong"),
        (constant, "the same numbers for unlike pictures"),
        (as_integers, "so these are not trained weights"),
        (
            lambda: {n: t * 1e30 if n.endswith("weight") else t for n, t in osnet().items()},
            "numbers that are not finite",
        ),
        (lambda: {"a": torch.zeros(1)}, "neither those of OSNet .* they begin with a"),
        (lambda: {"\x1b[31m\n" * 99: torch.zeros(1)}, "they begin with .x1b"),
        (dict, "it has none"),
        (lambda: without("conv4.1.gate.fc1.bias"), "has no conv4.1.gate.fc1.bias"),
        (lambda: osnet() | {"conv5.bn.bias": torch.zeros(9)}, "conv5.bn.bias of the shape 9, not 128"),
        (lambda: osnet() | {"more.weight": torch.zeros(9)}, "has more.weight"),
        (
            lambda: {"conv1.weight": torch.zeros(64, 3, 7, 7), "layer1.0.conv3.weight": torch.zeros(1)},
            "has no layer2.0.conv3",
        ),
        (lambda: {"conv1.weight": [1, 2]}, "no state dict"),
        (lambda: {1: torch.zeros(1)}, "no state dict"),
        (lambda: [torch.zeros(3)], "no state dict"),
    ],
)
def test_tensors_that_are_not_the_network_s(
    content: Callable[[], object], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert re.search(said, said_by(saved(content(), tmp_path / "x.pth"), capsys))


def changed(**tensors: Tensor) -> dict[str, Tensor]:
    return cnet() | {name.replace("__", "."): tensor for name, tensor in tensors.items()}


def dropped(part: str, state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor for name, tensor in state.items() if part not in name}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            lambda: changed(neck__local_fcs__0__weight=torch.zeros(512, 384)),
            "of the shape 512x384, and 2 stripes make it",
        ),
        (lambda: dropped("cells.5.", cnet()), "no three stages"),
        (lambda: dropped("cells.7.restore", cnet()), "has no base.cells.7.restore.op.0.weight"),
        (lambda: dropped("cells.1.conv1.1", cnet()), "has base.cells.1.conv1.2.op.0.weight"),
        (lambda: dropped("cells.1.conv2.3", cnet()), r"the kernels \(7,7\)"),
        (lambda: dropped("cells.1.conv2.", cnet()), "the unknown kernel 1"),
        (lambda: dropped("adaption", cnet()), "has no base.cells.0.adaption.fc1.weight"),
        (lambda: dropped("neck.", cnet()), "has no neck"),
        (lambda: dropped("local_classifier", cnet()), "has no neck.local_classifier.weight"),
        (lambda: dropped("_classifier", cnet()), "a part of its neck's classifiers"),
        (
            lambda: changed(neck__global_classifier__weight=torch.zeros(9, 512)),
            "neck.global_classifier.bias of the shape 7, not 9",
        ),
        (lambda: dropped("neck.", cnet()) | {"neck.fc.0.weight": torch.zeros(1)}, "STDNeck"),
        (
            lambda: changed(base__stem__conv1__op__0__weight=torch.zeros(4, 3, 3, 3)),
            "3x3 stem .* and a classifier for 7",
        ),
        (lambda: changed(base__stem__conv1__op__0__weight=torch.zeros(4, 3, 5, 5)), "shape 4x3x5x5"),
        (lambda: changed(base__more=torch.zeros(4)), "has base.more"),
    ],
)
def test_what_is_nearly_the_release(
    content: Callable[[], object], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert re.search(said, said_by(saved(content(), tmp_path / "x.pth"), capsys))


def test_the_release_without_its_heads(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = saved(cnet(None), tmp_path / "x.pth")
    assert main(["convert", str(path), "--out", str(tmp_path / "o.safetensors")]) == 0
    assert "2 are what the release has" in capsys.readouterr().out
    _, spec = load_model(tmp_path / "o.safetensors")
    assert "identities" not in spec.trained_on


def test_the_kind_is_what_is_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = saved(cnet(100), tmp_path / "x.pth")
    assert isinstance(convert(path).spec, ClassifierSpec)
    for identities in (convert(path, kind="reid"), convert(saved(cnet(99), tmp_path / "y.pth"))):
        assert isinstance(identities.spec, ModelSpec)
        assert identities.spec.size == (256, 128)
    assert convert(path, kind="reid").network.trained_on["identities"] == 100
    out = ["--out", str(tmp_path / "o.safetensors"), "--kind", "classes"]
    assert main(["convert", str(tmp_path / "y.pth"), *out]) == 1
    assert "a classifier for 99, and the release has them for 100 classes or 1,000" in capsys.readouterr().err
    assert main(["convert", str(saved(osnet(), tmp_path / "z.pth")), *out]) == 1
    assert "use --kind reid" in capsys.readouterr().err


def names(*some: str) -> dict[str, Tensor]:
    return {name: torch.ones(1) for name in some}


RESNET = ("conv1.weight", "bn1.weight", "layer1.0.conv1.weight", "layer1.0.conv2.weight", "layer1.0.conv3.weight")


@pytest.mark.parametrize(
    ("tensors", "what"),
    [
        (
            {"model": names("backbone.conv1.weight", "backbone.layer1.0.conv1.weight", "heads.weight")},
            "fast-reid's ResNet",
        ),
        ({"model": names("backbone.conv1.conv.weight", "heads.bottleneck.0.weight")}, "a network of fast-reid"),
        (names("base.conv1.weight", "base.layer1.0.conv1.weight", "bottleneck.weight"), "the strong baseline's ResNet"),
        (names("base.cls_token", "bottleneck.weight"), "a transformer"),
        (names("image_encoder.class_embedding", "bottleneck.weight"), "a transformer"),
        (names("base.features.0.0.weight", "neck.fcs.0.weight"), "OSNet, MobileNetV2 or GDAS"),
        (names("base.conv1.conv.weight", "neck.squeeze.weight"), "OSNet, MobileNetV2 or GDAS"),
        (
            names("conv1.conv.weight", "conv1.bn.weight", "pool2.0.conv.weight", "conv2.0.IN.weight"),
            "torchreid's OSNet-AIN",
        ),
        (osnet() | names("conv2.0.IN.weight"), "torchreid's OSNet-IBN"),
        (without("conv1.bn.running_mean"), "torchreid's OSNet-IBN"),
        (names(*RESNET, "layer1.0.bn1.IN.weight"), "an IBN-Net"),
        (names(*RESNET, "layer1.0.se.fc.0.weight"), "an SE-ResNet"),
        (names(*RESNET[:-1]), "ResNet-18 or ResNet-34"),
        (names(*RESNET, "layer3.6.conv1.weight"), "ResNet-101 or ResNet-152"),
        (names(*RESNET, "fc.0.weight"), "torchreid's ResNet-50 with a fully connected layer"),
    ],
)
def test_other_projects_are_named(
    tensors: dict[str, Any], what: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = said_by(saved(tensors, tmp_path / "x.pth"), capsys)
    assert f"this is {what}" in said
    assert ", which is not read: " in said


def test_views_of_one_storage_are_kept_apart(tmp_path: Path) -> None:
    whole = torch.randn(3, 32, generator=torch.Generator().manual_seed(1))
    state = osnet() | {"conv1.bn.weight": whole[1, :16], "conv1.bn.bias": whole[1, 8:24]}
    model = convert(saved(state, tmp_path / "x.pth")).model
    stem_norm = model.backbone.stem[1]
    assert torch.equal(stem_norm.weight, whole[1, :16])
    assert torch.equal(stem_norm.bias, whole[1, 8:24])
    with torch.no_grad():
        stem_norm.weight.zero_()
    assert torch.equal(stem_norm.bias, whole[1, 8:24])


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float64])
def test_other_floats_become_32_bits(kind: torch.dtype, tmp_path: Path) -> None:
    state = {name: t if name.endswith("tracked") else t.to(kind) for name, t in osnet().items()}
    converted = convert(saved(state, tmp_path / "x.pth"))
    kept = converted.model.state_dict()["backbone.stem.0.weight"]
    assert kept.dtype == torch.float32
    assert torch.equal(kept, state[STEM].float())
    assert any("64-bit" in note for note in converted.notes) == (kind == torch.float64)


def test_mistakes_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.save(osnet(), tmp_path / "x.pth")
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
    save_file(osnet(), tmp_path / "x.safetensors")
    before = (tmp_path / "x.safetensors").read_bytes()
    (tmp_path / "link.safetensors").symlink_to("x.safetensors")
    (tmp_path / "hard.safetensors").hardlink_to("x.safetensors")
    refused = {"x.pth": "a .safetensors file"} | {f"{name}.safetensors": "itself" for name in ("x", "link", "hard")}
    for out, said in refused.items():
        assert main(["convert", str(tmp_path / "x.safetensors"), "--out", out]) == 2
        assert said in capsys.readouterr().err
    assert (tmp_path / "x.safetensors").read_bytes() == before
    assert not (tmp_path / "x.pth").exists()

"""Networks that give zeros, or the same, whatever they are shown: one sentence from whatever takes features."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from cdnet import CdnetError, FeatureExtractor
from cdnet.cli import main
from cdnet.evaluate.blindness import Direction, unlike_pictures
from cdnet.extract.frames import FrameFeatures
from cdnet.gallery.network import GalleryNetwork
from cdnet.runtime.given import Given
from cdnet.runtime.network import open_network
from cdnet.weights import load_model, save_weights

KINDS = {"zeros": 0.0, "same": 1.0, "nan": np.nan}
SAID = {
    "zeros": "gives nothing but zeros, whatever picture it is given",
    "same": "gives the same features, whatever picture it is given",
    "nan": "gives features that are not finite numbers",
}


def write(path: Path, factor: float, offset: float, nodes: list[onnx.NodeProto] | None = None) -> Path:
    """Write a network: the means of the three channels, times ``factor``, plus ``offset``; bytes in 0..1, RGB."""
    constants = {"factor": np.float32(factor), "offset": np.float32(offset)}
    nodes = nodes or [
        helper.make_node("GlobalAveragePool", ["pictures"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("Mul", ["flat", "factor"], ["scaled"]),
        helper.make_node("Add", ["scaled", "offset"], ["features"]),
    ]
    graph = helper.make_graph(
        nodes,
        "means",
        [helper.make_tensor_value_info("pictures", TensorProto.FLOAT, ["batch", 3, 64, 32])],
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["batch", 3])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), str(path))
    return path


@pytest.fixture(params=list(KINDS))
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def blind(kind: str, tmp_path: Path) -> Path:
    return write(tmp_path / "blind.onnx", 0.0, KINDS[kind])


INPUT = ["--input.channels", "rgb", "--input.range", "1"]


def test_no_command_that_takes_features_is_silent(
    kind: str, blind: Path, pictures: Path, market: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    query, out = str(min(pictures.glob("*.jpg"))), tmp_path / "out"
    cache = ["--data.root", str(market), "--data.cache", str(tmp_path / "cache")]
    for words in (
        ["extract", str(pictures), "--weights", str(blind), "--out", str(out / "f.npz"), *INPUT],
        ["find", str(blind), "--query", query, "--gallery", str(pictures), *INPUT],
        ["evaluate", str(blind), *cache, *INPUT],
        ["check", str(blind), *cache, *INPUT],
    ):
        assert main(words) == 1, words
        said = capsys.readouterr().err.splitlines()[-1]
        assert said.startswith("cdnet: ")
        wanted = (
            SAID[kind]
            if words[0] in ("extract", "find") or kind == "nan"
            else {"zeros": "all zeros", "same": "the same features"}[kind]
        )
        assert wanted in said, words
    assert not out.exists()
    with pytest.raises(CdnetError, match=SAID[kind]):
        GalleryNetwork.of(blind, open_network(blind, Given(channels="rgb", range=1.0)))


def test_features_that_depend_on_other_pictures_are_refused(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("ReduceMean", ["pictures"], ["mean"], axes=[0], keepdims=1),
        helper.make_node("Sub", ["pictures", "mean"], ["less"]),
        helper.make_node("GlobalAveragePool", ["less"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["features"]),
    ]
    path = write(tmp_path / "company.onnx", 1.0, 0.0, nodes)
    with pytest.raises(CdnetError, match=r"company\.onnx gives a picture other features when it is given with others"):
        FeatureExtractor(path, channels="rgb", range=1)


def test_weights_that_see_nothing_are_not_exported(
    weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, spec = load_model(weights)
    with torch.no_grad():
        for parameter in model.backbone.parameters():
            parameter.zero_()
    save_weights(tmp_path / "blind.safetensors", model, spec)
    with pytest.raises(CdnetError, match=r"blind\.safetensors gives .* whatever picture it is given; its weights are"):
        FeatureExtractor(tmp_path / "blind.safetensors")
    words = ["export", str(tmp_path / "blind.safetensors"), "--fp16", "--out", str(tmp_path / "out.safetensors")]
    assert main(words) == 1
    assert "the network's weights are broken" in capsys.readouterr().err
    assert not (tmp_path / "out.safetensors").exists()


def test_a_picture_without_a_direction_is_listed_and_the_others_are_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    network = write(tmp_path / "means.onnx", 1.0, 0.0)  # of a black picture it gives zeros
    folder = tmp_path / "pictures"
    folder.mkdir()
    for name, colour in (("black", (0, 0, 0)), ("blue", (0, 0, 250)), ("red", (250, 0, 0))):
        Image.new("RGB", (32, 64), colour).save(folder / f"{name}.png")
    out = tmp_path / "f.npz"
    assert main(["extract", str(folder), "--weights", str(network), "--out", str(out), *INPUT]) == 0
    assert "1 could not be read" in capsys.readouterr().out
    assert 'black.png,"its features are all zeros' in (tmp_path / "f.npz.unreadable.csv").read_text()
    assert np.load(out)["paths"].tolist() == ["blue.png", "red.png"]
    with pytest.raises(CdnetError, match="all zeros"):
        FrameFeatures(FeatureExtractor(network, channels="rgb", range=1))(
            np.zeros((80, 40, 3), np.uint8), [[0, 0, 9, 9]]
        )


def test_pictures_that_are_all_alike_are_said_to_be(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    network = write(tmp_path / "means.onnx", 1.0, 0.0)
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(3):
        Image.new("RGB", (32, 64), (60 + number, 0, 0)).save(folder / f"{number}.png")
    query = tmp_path / "query.png"
    Image.new("RGB", (32, 64), (0, 9, 0)).save(query)
    assert main(["extract", str(folder), "--weights", str(network), "--out", str(tmp_path / "f.npz"), *INPUT]) == 0
    assert "all 3 pictures have the same features" in capsys.readouterr().err
    assert main(["find", str(network), "--query", str(query), "--gallery", str(folder), *INPUT]) == 0
    assert "all 3 pictures of" in capsys.readouterr().err


def test_one_direction_part_by_part() -> None:
    seen = Direction()
    for part in ([[3.0, 0.0], [0.0, 0.0]], [[1e-3, 0.0]], []):
        seen.look(torch.tensor(part).reshape(-1, 2))
    assert seen.one
    assert seen.count == 3
    seen.look(torch.tensor([[1.0, 1e-3]]))
    assert not seen.one


def test_unlike_pictures_are_unlike_at_every_size() -> None:
    for size in ((3, 2), (64, 32), (256, 128)):
        pixels = unlike_pictures(*size).reshape(4, *size, 3)
        assert len(np.unique(pixels.reshape(4, -1), axis=0)) == 4

"""A network of somebody else's: its batch is fixed to 1, it wants BGR in 0..255, and the file says nothing of that."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from cdnet.cli import main

HEIGHT, WIDTH = 64, 32


def write_network(path: Path) -> None:
    """Write one that sees blue alone: eight places of a picture, each dark (-1), bright (1) or between."""
    picks = np.zeros((1, 3, 1, 1), np.float32)
    picks[0, 0] = 1 / 64
    constants = {
        "picks": picks,
        "middle": np.array([-127.5 / 64], np.float32),
        "least": np.float32(-1),
        "most": np.float32(1),
        "flat": np.array([1, 8], np.int64),  # so that nobody can give it several pictures
    }
    nodes = [
        helper.make_node("Conv", ["picture", "picks", "middle"], ["blue"]),
        helper.make_node("Clip", ["blue", "least", "most"], ["clipped"]),
        helper.make_node("AveragePool", ["clipped"], ["places"], kernel_shape=[16, 16], strides=[16, 16]),
        helper.make_node("Reshape", ["places", "flat"], ["features"]),
    ]
    graph = helper.make_graph(
        nodes,
        "theirs",
        [helper.make_tensor_value_info("picture", TensorProto.FLOAT, [1, 3, HEIGHT, WIDTH])],
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, [1, 8])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, str(path))


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Persons who differ in blue alone: which of eight places are bright. Red and green are of chance."""
    root = tmp_path_factory.mktemp("people")
    rng = np.random.default_rng(0)
    for number in range(16):
        bright = np.array([number >> bit & 1 for bit in range(4)] * 2).reshape(4, 2) * 200
        folders = ("query", "gallery", "gallery") if number else ("train", "train")
        for place, folder in enumerate(folders):
            picture = np.empty((HEIGHT, WIDTH, 3), np.uint8)
            picture[:, :, 0], picture[:, :, 1] = (
                np.kron(rng.integers(0, 2, (4, 2)) * 200, np.ones((16, 16))) for _ in "rg"
            )
            picture[:, :, 2] = np.kron(bright, np.ones((16, 16))) + rng.integers(0, 50, (HEIGHT, WIDTH))
            path = root / folder / f"p{number}" / f"{place}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(picture).save(path)
    return root


@pytest.fixture(scope="module", params=["onnx", "xml"])
def theirs(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("theirs")
    write_network(folder / "net.onnx")
    if request.param == "xml":
        openvino = pytest.importorskip("openvino")
        openvino.save_model(openvino.convert_model(folder / "net.onnx"), folder / "net.xml", compress_to_fp16=False)
    return folder / f"net.{request.param}"


def test_its_pictures_show_how_it_is_fed(theirs: Path, people: Path, capsys: pytest.CaptureFixture[str]) -> None:
    check = ["check", str(theirs), "--data.root", str(people), "--data.cache", str(people.parent / "cache")]
    assert main(check) == 0
    said = capsys.readouterr().out
    assert "takes pictures of 64x32, exactly 1 at once" in said
    assert "its weights are not known here" in said
    assert "fits best: BGR, 0 to 255\n" in said  # and nothing is as good
    assert "100.0" in next(line for line in said.splitlines() if line.endswith("BGR, 0 to 255"))

    assert main([*check, "--input.channels", "bgr", "--input.range", "255"]) == 0
    assert "mAP 100.00, rank-1 100.00" in capsys.readouterr().out
    assert main([*check, "--input.channels", "rgb", "--input.range", "255"]) == 1
    assert "the channels are swapped: it wants BGR" in capsys.readouterr().err


def test_without_pictures_it_says_that_it_does_not_know(theirs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(theirs)]) == 0
    assert "do not show which input it wants" in capsys.readouterr().out


def test_whoever_feeds_it_several_at_once_is_told(theirs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(theirs), "--for", "fast-reid"]) == 1
    assert "its batch is fixed to 1" in capsys.readouterr().err


def test_its_features_are_those_of_the_pictures(theirs: Path, people: Path) -> None:
    from cdnet import FeatureExtractor

    paths = sorted((people / "query").glob("*/*.png"))
    found = FeatureExtractor(theirs, channels="bgr", range=255)(paths)
    for path, features in zip(paths, found, strict=True):
        blue = np.asarray(Image.open(path))[:, :, 2].astype(float)
        places = np.clip((blue - 127.5) / 64, -1, 1).reshape(4, 16, 2, 16).mean((1, 3))
        np.testing.assert_allclose(features, places.ravel(), atol=1e-4)

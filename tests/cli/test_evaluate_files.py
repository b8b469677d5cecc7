"""``cdnet evaluate`` on a file of another runtime: the same figures as by hand from that file's own features."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from cdnet.cli import main
from cdnet.data.layout import read_data
from cdnet.evaluate.evaluation import read_test_pictures
from cdnet.evaluate.ranking import evaluate_ranking


def write_colours(path: Path) -> None:
    """Write a network as an ONNX file that gives the picture's colours, averaged in 4 x 2 cells."""
    import onnx
    from onnx import TensorProto, helper

    nodes = [
        helper.make_node("AveragePool", ["x"], ["cells"], kernel_shape=[16, 16], strides=[16, 16]),
        helper.make_node("Flatten", ["cells"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "colours",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 3, 64, 32])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 24])],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), str(path))


@pytest.mark.parametrize("flip", [False, True])
def test_an_onnx_file_is_ranked_by_its_own_features(market: Path, tmp_path: Path, flip: bool) -> None:
    write_colours(tmp_path / "colours.onnx")
    words = ["evaluate", str(tmp_path / "colours.onnx"), "--data.root", str(market), "--json", str(tmp_path / "x.json")]
    given = ["--input.channels", "bgr", "--input.range", "255", "--input.mean", "[128,128,128]"]
    assert main([*words, *given, *(["--flip"] if flip else [])]) == 0
    found = json.loads((tmp_path / "x.json").read_text())
    pictures = read_test_pictures(read_data(market), (64, 32))

    def features(pixels: np.ndarray) -> torch.Tensor:
        cells = np.array(pixels)[..., ::-1].astype(np.float64).reshape(-1, 4, 16, 2, 16, 3).mean((2, 4)) - 128
        return torch.from_numpy(cells.transpose(0, 3, 1, 2).reshape(len(pixels), -1).copy()).float()

    def whole(pixels: np.ndarray) -> torch.Tensor:
        return (features(pixels) + features(pixels[:, :, ::-1])) / 2 if flip else features(pixels)

    query, gallery = whole(pictures.query.pixels), whole(pictures.gallery.pixels)
    expected = evaluate_ranking(query, gallery, *pictures.labels())
    assert found["mAP"] == pytest.approx(expected.mAP, abs=1e-6)
    assert found["rank1"] == pytest.approx(expected.rank1, abs=1e-6)
    assert found["input"]["channels"] == "bgr"
    assert len(found["sha256"]) == 64


def test_what_is_said_of_weights_that_say_it_themselves_is_refused(
    market: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["evaluate", "cdnet-x0.25-market1501", "--data.root", str(market), "--input.range", "255"]
    assert main(words) == 1
    assert "says itself what its input is to be like; leave out --input.size" in capsys.readouterr().err

"""Files of any runtime: the features are those of the definition, and what is wrong is said."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from cdnet import CdnetError, create_model, load_model
from cdnet.genotype import read_genotype
from cdnet.runtime.given import Given
from cdnet.runtime.network import Network, open_network
from cdnet.runtime.preprocessing import Preprocessing
from cdnet.weights import ModelSpec, save_weights

Write = Callable[..., Path]
BGR = Given(None, "bgr", 255.0, (10.0, 20.0, 30.0), (2.0, 3.0, 4.0))


def by_hand(pixels: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Mean of blue, green and red in 0..255, normalised as ``BGR`` says, times the weights."""
    means = [[float(picture[..., channel].mean()) for channel in (2, 1, 0)] for picture in pixels]
    return (np.array(means) - [10, 20, 30]) / [2, 3, 4] @ weights.astype(np.float64)


def test_every_runtime_gives_the_definition(
    tmp_path: Path, pixels: np.ndarray, weights: np.ndarray, write_onnx: Write, write_ir: Write
) -> None:
    files = [
        write_onnx(tmp_path / "free.onnx"),
        write_onnx(tmp_path / "fixed.onnx", batch=1),
        write_onnx(tmp_path / "three.onnx", batch=3),
        write_onnx(tmp_path / "five.onnx", batch=5),  # of which two pictures are left over
        write_onnx(tmp_path / "twelve.onnx", batch=12),
        write_ir(tmp_path / "one.xml"),
    ]
    for file in files:
        network = open_network(file, BGR, batch=4)
        found = np.concatenate([network(pixels[i : i + network.batch]) for i in range(0, 7, network.batch)])
        np.testing.assert_allclose(found, by_hand(pixels, weights), rtol=1e-4, atol=1e-3, err_msg=str(file))
    assert [open_network(file, BGR, batch=4).batch for file in files] == [4, 1, 3, 5, 12, 4]


def test_our_weights_say_what_they_want(tmp_path: Path, pixels: np.ndarray) -> None:
    spec = ModelSpec(read_genotype("cnet-top3"), 0.1, size=(64, 32), mean=(0.1, 0.2, 0.3), std=(0.5, 0.6, 0.7))
    torch.manual_seed(0)
    save_weights(tmp_path / "weights.safetensors", create_model("cnet-top3", 0.1), spec)
    network = open_network(tmp_path, Given())  # a run's folder
    assert network.preprocessing == Preprocessing((64, 32), "rgb", 1.0, (0.1, 0.2, 0.3), (0.5, 0.6, 0.7))
    model, _ = load_model(tmp_path)
    given = torch.from_numpy((pixels / 255 - [0.1, 0.2, 0.3]) / [0.5, 0.6, 0.7]).float().permute(0, 3, 1, 2)
    with torch.inference_mode():
        np.testing.assert_allclose(network(pixels), model(given).numpy(), rtol=1e-4, atol=1e-5)
    with pytest.raises(CdnetError, match=r"says itself what its input is to be like; leave out --distil\.size"):
        open_network(tmp_path, Given(channels="bgr"), "distil.")


@pytest.mark.parametrize("ending", ["onnx", "xml"])
def test_what_is_not_known_of_the_input_is_asked_for(
    tmp_path: Path, write_onnx: Write, write_ir: Write, ending: str
) -> None:
    file = tmp_path / f"net.{ending}"
    (write_onnx if ending == "onnx" else write_ir)(file)
    with pytest.raises(CdnetError, match=r"give --distil\.channels, --distil\.range \(sizes as"):
        open_network(file, Given(), "distil.")
    with pytest.raises(CdnetError, match=r"takes pictures of 64x32, not of --distil\.size 128x64"):
        open_network(file, Given("128x64", "rgb", 1.0), "distil.")


def test_a_free_size_is_asked_for(tmp_path: Path, write_onnx: Write) -> None:
    file = write_onnx(tmp_path / "net.onnx", height="height", width="width")
    with pytest.raises(CdnetError, match=r"give size \("):
        open_network(file, Given(None, "rgb", 1.0))
    assert open_network(file, Given("96x48", "rgb", 1.0)).preprocessing.size == (96, 48)


def test_features_that_are_not_finite_are_refused(tmp_path: Path, pixels: np.ndarray, write_onnx: Write) -> None:
    network = open_network(write_onnx(tmp_path / "net.onnx"), Given(None, "rgb", 255.0, None, (1e-39,) * 3))
    with np.errstate(all="ignore"), pytest.raises(CdnetError, match="features that are not finite numbers"):
        network(pixels)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("gone.onnx", None, "no such file"),
        ("cut.onnx", b"\x08\x08", "no ONNX file that onnxruntime can run"),
        ("empty.onnx", b"", "no ONNX file that onnxruntime can run"),
        ("page.xml", b"<html/>", r"its weights, page\.bin, do not lie beside it"),
        ("alone.xml", b"<net/>", r"its weights, alone\.bin, do not lie beside it"),
        ("net.pth", b"PK", "no network that can be run"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, name: str, content: bytes | None, said: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(CdnetError, match=said):
        open_network(tmp_path / name, Given(None, "rgb", 1.0))


def test_what_is_no_ir_and_no_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "page.xml").write_text("<html></html>")
    (tmp_path / "page.bin").touch()
    with pytest.raises(CdnetError, match=r"page\.xml: no OpenVINO IR, for there is no <net> in it"):
        open_network(tmp_path / "page.xml", Given(None, "rgb", 1.0))
    (tmp_path / "folder.onnx").mkdir()
    with pytest.raises(CdnetError, match=r"folder\.onnx: a folder, not a file; give a run's folder"):
        open_network(tmp_path / "folder.onnx", Given(None, "rgb", 1.0))


def test_a_damaged_ir_is_refused(tmp_path: Path, write_ir: Write) -> None:
    file = write_ir(tmp_path / "net.xml")
    file.write_bytes(file.read_bytes()[:200])
    with pytest.raises(CdnetError, match="no OpenVINO IR, or damaged"):
        open_network(file, Given(None, "rgb", 1.0))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"mean": (0.5,)}, "mean needs three finite numbers"),
        ({"std": (1.0, 1.0, 0.0)}, "std needs three numbers above 0"),
        ({"std": (1.0, float("nan"), 1.0)}, "std needs three finite numbers"),
        ({"mean": "123"}, "mean needs three finite numbers, one a channel, not '123'"),
        ({"mean": 0.5}, "mean needs three finite numbers"),
        ({"std": ("1", "1", "1")}, "std needs three finite numbers"),
        ({"range": 0.0}, "range is what a byte of 255 becomes"),
        ({"range": "1"}, "range is what a byte of 255 becomes, such as 1 or 255, not '1'"),
        ({"channels": "BGR"}, "channels are 'rgb' or 'bgr', not 'BGR'"),
    ],
)
def test_senseless_input_is_refused(given: dict[str, object], said: str) -> None:
    with pytest.raises(CdnetError, match=said):
        Given(**given)  # type: ignore[arg-type]


def test_what_python_gives_is_what_a_command_line_gives() -> None:
    plain = Given("256x128", "rgb", 1.0, (0.0, 1.0, 2.0), (1.0, 1.0, 1.0))
    assert Given((256, 128), "rgb", 1, np.arange(3), [1, 1, 1]) == plain  # type: ignore[arg-type]
    for size in ((256,), (256, 128.5), ("256", "128"), 256):
        with pytest.raises(CdnetError, match="is no size; write height x width, such as 256x128"):
            Given(size, "rgb", 1.0).complete(Path("net.onnx"), (None, None), "")  # type: ignore[arg-type]


def write_graph(path: Path, *nodes: tuple[str, str, str], outputs: str = "features", **settings: object) -> Path:
    """Write an ONNX file: the mean of each channel, times numbers, and then nodes of (operation, inputs, output)."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    first = [("GlobalAveragePool", "pictures", "pooled"), ("Flatten", "pooled", "flat")]
    every = [*first, ("MatMul", "flat weights", "features"), *nodes]
    made = [helper.make_node(name, given.split(), [output]) for name, given, output in every]
    pictures = helper.make_tensor_value_info("pictures", TensorProto.FLOAT, ["n", 3, 64, 32])
    named = [helper.make_empty_tensor_value_info(name) for name in outputs.split()]
    weights = np.asarray(settings.pop("weights", np.ones((3, 5))), np.float32)
    graph = helper.make_graph(made, "g", [pictures], named, [numpy_helper.from_array(weights, "weights")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    model = onnx.shape_inference.infer_shapes(model)
    onnx.save(model, str(path), **settings)
    return path


@pytest.mark.parametrize(
    ("nodes", "outputs", "said"),
    [
        (
            [("Identity", "flat", "scores")],
            "features scores",
            r"has 2 outputs \(features, scores\); export it with one",
        ),
        ([("SequenceConstruct", "features flat", "both")], "both", "gives something else than features"),
        ([("Identity", "pictures", "maps")], "maps", "gives 7x3x64x32 numbers for 7 picture"),
        ([("Flatten", "flat", "row"), ("Transpose", "row", "turned")], "turned", "gives 3x7 numbers for 7 picture"),
    ],
)
def test_what_is_not_one_row_of_features_a_picture_is_refused(
    tmp_path: Path, pixels: np.ndarray, nodes: list[tuple[str, str, str]], outputs: str, said: str
) -> None:
    file = write_graph(tmp_path / "net.onnx", *nodes, outputs=outputs)
    with pytest.raises(CdnetError, match=said):
        open_network(file, Given(None, "rgb", 1.0))(pixels)


def test_no_numbers_are_no_features(tmp_path: Path, pixels: np.ndarray) -> None:
    file = write_graph(tmp_path / "net.onnx", weights=np.zeros((3, 0)))
    with pytest.raises(CdnetError, match="gives 7x0 numbers for 7 picture"):
        open_network(file, Given(None, "rgb", 1.0))(pixels)


def test_an_ir_with_two_outputs_is_refused(tmp_path: Path) -> None:
    openvino = pytest.importorskip("openvino")
    from openvino import opset13 as ops

    pictures = ops.parameter([1, 3, 64, 32], np.float32)
    pooled = ops.reduce_mean(pictures, np.array([2, 3]), keep_dims=False)
    model = openvino.Model([pooled, ops.matmul(pooled, np.ones((3, 5), np.float32), False, False)], [pictures])
    openvino.save_model(model, tmp_path / "net.xml")
    with pytest.raises(CdnetError, match="has 2 outputs"):
        open_network(tmp_path / "net.xml", Given(None, "rgb", 1.0))


@pytest.mark.parametrize("name", ["weights.bin", "w" * 200])
def test_weights_beside_an_onnx_file_are_part_of_what_it_is(tmp_path: Path, pixels: np.ndarray, name: str) -> None:
    def write(value: float) -> Path:
        (tmp_path / name).unlink(missing_ok=True)
        outside = {"save_as_external_data": True, "location": name, "size_threshold": 0}
        return write_graph(tmp_path / "net.onnx", weights=np.full((3, 5), value), **outside)

    def opened() -> Network:
        return open_network(tmp_path / "net.onnx", Given(None, "rgb", 1.0))

    file = write(1.0).read_bytes()
    first, again = opened(), opened()
    write(2.0)
    assert (tmp_path / "net.onnx").read_bytes() == file, "the weights alone are others"
    assert first.digest == again.digest != opened().digest
    np.testing.assert_allclose(opened()(pixels), 2 * first(pixels), rtol=1e-5)


def test_a_file_that_is_no_network_is_told_before_what_is_said_of_its_input(tmp_path: Path) -> None:
    (tmp_path / "net.safetensors").write_bytes(b"junk")
    with pytest.raises(CdnetError, match="no safetensors file"):
        open_network(tmp_path / "net.safetensors", Given(None, "rgb", 1.0))

"""Networks of other runtimes: ONNX files and OpenVINO's, which those runtimes read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from hypothesis import strategies as st
from tools.fuzz.damage import TOKENS, Draw, damaged
from tools.fuzz.kinds.kind import Kind, draw_people

WEIGHTS = np.random.default_rng(0).normal(size=(3, 5)).astype(np.float32)
XML = (
    *TOKENS,
    b"</layer>",
    b"<layers>",
    b"-1",
    b"<dim>0</dim>",
    b"<dim>99999999999</dim>",
    b'type="f16"',
    b"&amp;",
    b"<!DOCTYPE x>",
)
INPUT = ["--input.channels", "rgb", "--input.range", "1", "--data.root", "people", "--data.cache", "cache"]


def _prepare(folder: Path) -> None:
    import onnx
    import openvino
    from onnx import TensorProto, helper, numpy_helper

    draw_people(folder / "people")
    nodes = [
        helper.make_node("GlobalAveragePool", ["pictures"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("MatMul", ["flat", "weights"], ["features"]),
    ]
    pictures = helper.make_tensor_value_info("pictures", TensorProto.FLOAT, ["batch", 3, 64, 32])
    features = helper.make_tensor_value_info("features", TensorProto.FLOAT, ["batch", 5])
    graph = helper.make_graph(nodes, "means", [pictures], [features], [numpy_helper.from_array(WEIGHTS, "weights")])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(made, str(folder / "network.onnx"))
    openvino.save_model(openvino.convert_model(str(folder / "network.onnx")), folder / "network.xml", False)


def _network(draw: Draw, folder: Path) -> list[str]:
    name = draw(st.sampled_from(("network.onnx", "network.xml", "network.xml", "network.bin")))
    path = folder / name
    path.write_bytes(damaged(draw, path.read_bytes(), XML if path.suffix == ".xml" else TOKENS))
    return ["evaluate", "network.onnx" if name == "network.onnx" else "network.xml", *INPUT]


KINDS = [
    Kind("networks of other runtimes", _prepare, _network, ("cache/*",), whole=("evaluate", "network.xml", *INPUT))
]

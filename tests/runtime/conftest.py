"""Files of one small network that each runtime can run, made here: nothing of anybody's is needed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

WEIGHTS = np.random.default_rng(0).normal(size=(3, 5)).astype(np.float32)


@pytest.fixture
def weights() -> np.ndarray:
    """The network: the mean of each channel, times these 3 x 5 numbers."""
    return WEIGHTS


@pytest.fixture
def write_onnx() -> Callable[..., Path]:
    """Return what writes the network as an ONNX file."""
    return _write_onnx


@pytest.fixture
def write_ir() -> Callable[..., Path]:
    """Return what writes the network as an OpenVINO IR whose shape is fixed."""
    return _write_ir


def _write_onnx(path: Path, batch: int | str = "batch", height: int | str = 64, width: int | str = 32) -> Path:
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    nodes = [
        helper.make_node("GlobalAveragePool", ["pictures"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("MatMul", ["flat", "weights"], ["features"]),
    ]
    graph = helper.make_graph(
        nodes,
        "means",
        [helper.make_tensor_value_info("pictures", TensorProto.FLOAT, [batch, 3, height, width])],
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, [batch, 5])],
        [numpy_helper.from_array(WEIGHTS, "weights")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, str(path))
    return path


def _write_ir(path: Path, batch: int = 1, height: int = 64, width: int = 32) -> Path:
    import openvino
    from openvino import opset13 as ops

    pictures = ops.parameter([batch, 3, height, width], np.float32)
    pooled = ops.reduce_mean(pictures, np.array([2, 3]), keep_dims=False)
    openvino.save_model(openvino.Model([ops.matmul(pooled, WEIGHTS, False, False)], [pictures]), path, False)
    return path


@pytest.fixture
def pixels() -> np.ndarray:
    """Seven pictures of 64 x 32 whose channels differ."""
    return np.random.default_rng(1).integers(0, 256, (7, 64, 32, 3), np.uint8) // np.array([1, 2, 4], np.uint8)

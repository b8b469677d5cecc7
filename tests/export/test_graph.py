"""The graph of a network gives what the network gives, at any batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from cdnet import create_model, load_model
from cdnet.export.graph import to_onnx, to_program
from cdnet.nn.inference_form import inference_form
from cdnet.nn.model import ReidModel

SIZE = (64, 32)  # of the network of conftest.py


def run(model: onnx.ModelProto, pictures: np.ndarray) -> Any:
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"images": pictures})[0]


@pytest.mark.parametrize("count", [1, 7, 64])
def test_onnx_gives_what_pytorch_gives(core: onnx.ModelProto, weights: Any, count: int) -> None:
    pictures = np.random.default_rng(count).normal(size=(count, 3, *SIZE)).astype(np.float32)
    with torch.inference_mode():
        wanted = load_model(weights)[0](torch.from_numpy(pictures)).numpy()
    found = run(core, pictures)
    assert np.ptp(wanted, axis=0).max() > 0.1 or count == 1  # features that differ
    np.testing.assert_allclose(found, wanted, rtol=1e-3, atol=1e-4)


def test_onnx_is_what_other_programs_read(core: onnx.ModelProto) -> None:
    assert core.ir_version <= 10
    assert [entry.version for entry in core.opset_import] == [18]
    shape = core.graph.input[0].type.tensor_type.shape.dim
    assert [shape[0].dim_param, *(side.dim_value for side in shape[1:])] == ["batch", 3, *SIZE]
    assert [core.graph.input[0].name, core.graph.output[0].name] == ["images", "features"]
    assert b".py" not in core.SerializeToString()  # no path of the machine that made it


@pytest.mark.slow
@pytest.mark.parametrize(
    ("genotype", "width", "neck", "size"),
    [
        ("cdnet", 0.25, "fblneck", (128, 64)),
        ("cdnet-std", 0.1, "bnneck", (96, 48)),
        ("cnet", 0.1, "blneck", (64, 64)),
        ("osnet", 0.25, "fcneck", (128, 64)),
        ("resnet50", 0.1, "bnneck", (64, 32)),
        ("gdas", 0.1, "fneck", (64, 32)),
    ],
)
def test_every_backbone_and_neck(
    lively: Callable[[ReidModel], ReidModel], genotype: str, width: float, neck: str, size: tuple[int, int]
) -> None:
    torch.manual_seed(0)
    model = lively(create_model(genotype, width, neck))
    pictures = torch.randn(7, 3, *size)
    with torch.inference_mode():
        wanted = model(pictures)
    near = 1e-4 * float(wanted.abs().max())
    form = inference_form(model)
    np.testing.assert_allclose(run(to_onnx(form, size), pictures.numpy()), wanted.numpy(), rtol=1e-3, atol=near)
    with torch.inference_mode():
        torch.testing.assert_close(to_program(form, size).module()(pictures), wanted, rtol=1e-3, atol=near)

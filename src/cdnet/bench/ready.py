"""Networks made ready in a runtime for floats of one shape: what `cdnet bench inference` takes the time of.

They are given what the network itself takes, normalised pictures N x 3 x H x W, so that everybody's are timed alike.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from cdnet.bench.turns import Run
from cdnet.errors import CdnetError
from cdnet.runtime.openvino_core import openvino_core

Pass = Callable[[], npt.NDArray[np.float32]]
"""One pass over the pictures; it returns their features N x D."""

PRECISIONS = {"openvino": "f32", "openvino-bf16": "bf16"}


def made_ready(
    prepare: Callable[[], Pass], passes: int = 1, check: Callable[[npt.NDArray[np.float32]], object] | None = None
) -> Run:
    """Return what is made ready in its first round, so that this round's memory is all that it takes.

    Args:
        prepare: makes it ready.
        passes: in each round, one after the other: as one is used, caches warm.
        check: is given the first pass's features, to refuse what computes something else.
    """
    made: list[Pass] = []

    def run(_number: int) -> None:
        if not made:
            made.append(prepare())
            found = made[0]()
            if check is not None:
                check(found)
        for _ in range(passes):
            made[0]()

    return run


def in_torch(network: nn.Module, given: Tensor, channels_last: bool, how: str = "torch") -> Pass:
    """Make a network ready in PyTorch, on the pictures' device.

    Args:
        network: it is left as it is.
        given: N x 3 x H x W.
        channels_last: whether weights and pictures lie channels last in memory.
        how: ``torch``, ``torch-bf16``, ``torch-compiled`` or ``torch-compiled-bf16``.
    """
    dtype = torch.bfloat16 if how.endswith("bf16") else torch.float32
    layout = torch.channels_last if channels_last else torch.contiguous_format
    own = copy.deepcopy(network).eval().to(given.device, dtype)
    own.to(memory_format=layout)  # type: ignore[call-overload]
    pictures = given.to(dtype).contiguous(memory_format=layout)
    if "compiled" in how:
        own.compile(mode="reduce-overhead" if given.is_cuda else "default", dynamic=False)

    @torch.inference_mode()
    def once() -> npt.NDArray[np.float32]:
        found: npt.NDArray[np.float32] = own(pictures).float().cpu().numpy()
        return found

    return once


def in_onnxruntime(graph: bytes | Path, given: npt.NDArray[np.float32]) -> Pass:
    """Make an ONNX graph ready in onnxruntime, its free sides fixed to those of the pictures.

    Raises:
        CdnetError: if onnxruntime cannot run it so.
    """
    import onnxruntime

    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = torch.get_num_threads()
    settings.log_severity_level = 3
    content = str(graph) if isinstance(graph, Path) else graph
    try:
        session: Any = onnxruntime.InferenceSession(content, settings, ["CPUExecutionProvider"])
        first = session.get_inputs()[0]
        free = {side: count for side, count in zip(first.shape, given.shape, strict=True) if isinstance(side, str)}
        for side, count in free.items():
            settings.add_free_dimension_override_by_name(side, count)
        if free:
            session = onnxruntime.InferenceSession(content, settings, ["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's errors share no class of their own
        raise CdnetError(f"onnxruntime cannot run {_called(graph)} ({_one_line(error)})") from None
    if any(isinstance(side, int) and side != count for side, count in zip(first.shape, given.shape, strict=True)):
        raise CdnetError(f"{_called(graph)} takes {_sides(first.shape)}, not {_sides(given.shape)}")
    fed = {first.name: given}
    return lambda: session.run(None, fed)[0]


def in_openvino(graph: bytes | Path, given: npt.NDArray[np.float32], precision: str) -> Pass:
    """Make an ONNX graph or an IR ready in OpenVINO, its shape fixed to that of the pictures.

    Raises:
        CdnetError: if OpenVINO cannot run it so.
    """
    settings = {"INFERENCE_PRECISION_HINT": precision, "INFERENCE_NUM_THREADS": torch.get_num_threads()}
    try:
        model = read_fixed(graph, given.shape)
        request: Any = openvino_core().compile_model(model, "CPU", settings).create_infer_request()
    except RuntimeError as error:
        raise CdnetError(f"OpenVINO cannot run {_called(graph)} ({_one_line(error)})") from None
    return lambda: request.infer([given], share_inputs=True, share_outputs=True)[0]


def read_fixed(graph: bytes | Path, shape: tuple[int, ...]) -> Any:
    """Read an ONNX graph or an IR by OpenVINO, with its input's shape fixed.

    Raises:
        RuntimeError: if it cannot be.
    """
    model = openvino_core().read_model(graph)
    model.reshape({0: list(shape)})
    return model


def count_macs(graph: bytes | Path, size: tuple[int, int]) -> int:
    """Return the MACs of an ONNX graph or an IR for one picture, as :mod:`cdnet.nn.counts` counts them.

    Raises:
        RuntimeError: if OpenVINO cannot read it for one picture of height x width.
    """
    macs = 0
    for operation in read_fixed(graph, (1, 3, *size)).get_ops():
        kind = operation.get_type_name()
        if kind not in ("Convolution", "GroupConvolution", "MatMul"):
            continue
        made, factors = int(np.prod(operation.output(0).get_shape())), list(operation.input(1).get_shape())
        if kind == "MatMul":
            macs += made * factors[-1 if operation.get_attributes()["transpose_b"] else -2]
        else:  # C_out x C_in x H x W, or groups x C_out x C_in x H x W
            macs += made * int(np.prod(factors[1 if kind == "Convolution" else 2 :]))
    return macs


def _called(graph: bytes | Path) -> str:
    return str(graph) if isinstance(graph, Path) else "the graph that PyTorch exports"


def _sides(shape: Sequence[int | str]) -> str:
    return "x".join(map(str, shape))


def _one_line(error: Exception) -> str:
    lines = [line for line in str(error).splitlines() if line.strip()]
    return lines[-1].strip()[:200] if lines else type(error).__name__

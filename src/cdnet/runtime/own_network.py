"""Weights of ours, run by PyTorch, onnxruntime or OpenVINO."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from cdnet.data.decode import Pixels
from cdnet.errors import CdnetError
from cdnet.runtime.graph import FromBytes, to_graph
from cdnet.runtime.network import Features, check_features, digest_of
from cdnet.runtime.openvino_core import openvino_core
from cdnet.runtime.preprocessing import Preprocessing
from cdnet.weights import find_weights, load_model

Run = Callable[[Pixels], object]


class OwnNetwork:
    """A ``.safetensors`` file of ours in a runtime, in its inference form, for batches of a fixed size.

    Args:
        weights: a file, a run's folder, or the name of a shipped network.
        runtime: one of :data:`~cdnet.runtime.names.RUNTIMES`.
        batch: pictures at once; a smaller number is filled up.
        device: where PyTorch computes; the others compute on the CPU.

    Raises:
        CdnetError: if there are no such weights, or the runtime is not installed or cannot run them.
    """

    def __init__(
        self, weights: Path | str, runtime: str = "torch", batch: int = 32, device: torch.device | None = None
    ) -> None:
        self.device = device or torch.device("cpu")
        refuse_runtime(runtime, self.device)
        self.path, self.runtime, self.batch = find_weights(weights), WAYS[runtime], batch
        model, self.spec = load_model(self.path)
        self.digest = digest_of(self.path)
        self.preprocessing = Preprocessing(self.spec.size, "rgb", 1.0, self.spec.mean, self.spec.std)
        network = FromBytes(model, self.preprocessing, self.runtime.dtype).eval()
        self._run = self.runtime.prepare(network, self)

    def __call__(self, pixels: Pixels) -> Features:
        """Map RGB bytes N x H x W x 3 at its size, N at most ``batch``, to features N x D.

        Raises:
            CdnetError: if the features are not finite numbers.
        """
        count = len(pixels)
        if count < self.batch:
            pixels = np.concatenate([pixels, np.repeat(pixels[-1:], self.batch - count, axis=0)])
        return check_features(self._run(np.ascontiguousarray(pixels)), self.batch, self.path)[:count]


@dataclass(frozen=True)
class Runtime:
    """A way to run our networks.

    Args:
        package: what has to be installed.
        extra: the extra of ours that installs it.
        prepare: makes it ready for the batches of a network.
        dtype: what PyTorch computes in; the others are given 32 bits.
        exact: it computes in 32 bits.
    """

    package: str
    extra: str
    prepare: Callable[[FromBytes, OwnNetwork], Run]
    dtype: torch.dtype = torch.float32
    exact: bool = True

    def lacks(self) -> str | None:
        """Say what it lacks here and what to do about that; None if it can be used."""
        if importlib.util.find_spec(self.package) is None:
            return f"needs {self.package}; install it with pip install 'cdnet-reid[{self.extra}]'"
        if self.prepare is _in_openvino_bf16 and not _openvino_has_bf16():
            return "needs a processor that computes in bfloat16, which this one does not; use --runtime openvino"
        return None


def refuse_runtime(name: str, device: torch.device) -> None:
    """See that a runtime, one of :data:`~cdnet.runtime.names.RUNTIMES`, can be had here, before anything takes long.

    Raises:
        CdnetError: if it is not installed, or does not compute on the device or the processor.
    """
    lacking = WAYS[name].lacks()
    if lacking is not None:
        raise CdnetError(f"--runtime {name} {lacking}")
    if device.type != "cpu" and WAYS[name].package != "torch":
        raise CdnetError(f"--runtime {name} computes on the CPU; use it with --device cpu, or --runtime torch")


def _in_torch(network: FromBytes, own: OwnNetwork) -> Run:
    network = network.to(own.device)

    @torch.inference_mode()
    def run(pixels: Pixels) -> object:
        return network(torch.from_numpy(pixels).to(own.device)).cpu().numpy()

    return run


def _compiled_by_torch(network: FromBytes, own: OwnNetwork) -> Run:
    # On a GPU the whole pass becomes one captured graph; batches have one shape, so that one is enough.
    mode = "reduce-overhead" if own.device.type == "cuda" else "default"
    network.compile(mode=mode, dynamic=False)
    run = _in_torch(network, own)
    try:
        run(np.zeros((own.batch, *own.preprocessing.size, 3), np.uint8))
    except Exception as error:  # a compiler that is missing, or anything that it says
        raise CdnetError(
            f"torch.compile cannot run {own.path} here ({_one_line(error)}); use --runtime torch"
        ) from None
    return run


def _in_onnxruntime(network: FromBytes, own: OwnNetwork) -> Run:
    import onnxruntime

    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = torch.get_num_threads()
    settings.log_severity_level = 3
    graph = to_graph(network, own.batch, own.preprocessing.size)
    try:
        session: Any = onnxruntime.InferenceSession(graph, settings, ["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's errors share no class of their own
        raise CdnetError(f"onnxruntime cannot run {own.path} ({_one_line(error)}); use --runtime torch") from None
    name = session.get_inputs()[0].name
    return lambda pixels: session.run(None, {name: pixels})[0]


def _in_openvino(network: FromBytes, own: OwnNetwork, precision: str = "f32") -> Run:
    """Each of several streams computes its part of a batch, for they wait for each other once a batch.

    Threads of one stream wait at every operation: those of a narrow network are short, and another process on one of
    the cores stops all threads.
    """
    core, threads = openvino_core(), torch.get_num_threads()
    streams = math.gcd(own.batch, threads)
    settings = {
        "INFERENCE_PRECISION_HINT": precision,
        "INFERENCE_NUM_THREADS": threads,
        "NUM_STREAMS": streams,
    }
    graph = to_graph(network, own.batch // streams, own.preprocessing.size)
    try:
        compiled: Any = core.compile_model(core.read_model(graph), "CPU", settings)
    except RuntimeError as error:
        raise CdnetError(f"OpenVINO cannot run {own.path} ({_one_line(error)}); use --runtime torch") from None
    requests = [compiled.create_infer_request() for _ in range(streams)]

    def run(pixels: Pixels) -> object:
        for request, part in zip(requests, np.split(pixels, streams), strict=True):
            request.start_async([part], share_inputs=True)
        for request in requests:
            request.wait()
        return np.concatenate([request.get_output_tensor(0).data for request in requests])

    return run


def _in_openvino_bf16(network: FromBytes, own: OwnNetwork) -> Run:
    return _in_openvino(network, own, "bf16")


def _openvino_has_bf16() -> bool:
    return "BF16" in openvino_core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


def _one_line(error: Exception) -> str:
    lines = [line for line in str(error).splitlines() if line.strip()]
    return lines[-1].strip()[:200] if lines else type(error).__name__


WAYS: dict[str, Runtime] = {
    "torch": Runtime("torch", "", _in_torch),
    "torch-bf16": Runtime("torch", "", _in_torch, torch.bfloat16, exact=False),
    "torch-compiled": Runtime("torch", "", _compiled_by_torch),
    "torch-compiled-bf16": Runtime("torch", "", _compiled_by_torch, torch.bfloat16, exact=False),
    "onnxruntime": Runtime("onnxruntime", "onnx", _in_onnxruntime),
    "openvino": Runtime("openvino", "openvino", _in_openvino),
    "openvino-bf16": Runtime("openvino", "openvino", _in_openvino_bf16, exact=False),
}
"""The runtimes by the names that ``--runtime`` has for them."""

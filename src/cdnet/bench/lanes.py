"""An entrant in a runtime, ready to take its turn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from cdnet.bench.entrants import Entrant
from cdnet.bench.ready import PRECISIONS, Pass, in_onnxruntime, in_openvino, in_torch, made_ready
from cdnet.bench.turns import Run
from cdnet.errors import CdnetError
from cdnet.progress import notes
from cdnet.runtime.graph import export_graph
from cdnet.runtime.own_network import WAYS

log = notes(__name__)

LARGEST_ERROR = 1e-3
"""Of features computed in 32 bits on a CPU: length of their error by their length."""

A_TURN = 32
"""Pictures that a lane computes in its turn, in one pass or several."""

LAYOUTS = {"channels last": True, "channels first": False}
"""How PyTorch may have a peer's weights and pictures in memory: both are tried."""


@dataclass(frozen=True)
class Lane:
    """An entrant in a runtime on a device; ``layout`` is one of :data:`LAYOUTS` for a peer in PyTorch, else empty."""

    entrant: Entrant
    runtime: str
    layout: str = ""
    device: str = "cpu"

    def as_text(self) -> str:
        """Say who runs in what."""
        return f"{self.entrant.name} in {self.runtime}{f', {self.layout}' if self.layout else ''}"


def passes(batch: int) -> int:
    """Return how many passes of a batch make a turn."""
    return -(-A_TURN // batch)


def lanes_of(entrant: Entrant, batch: int, runtimes: Sequence[str], device: str) -> dict[Lane, Run]:
    """Return an entrant in each runtime that can run it, with a word on a file that cannot be run.

    What computes in 32 bits is held against PyTorch's features in its first round.

    Args:
        entrant: ours or a peer's.
        batch: pictures at once; they are noise.
        runtimes: names of :data:`~cdnet.runtime.own_network.WAYS`.
        device: where PyTorch computes.
    """
    given = 4 * torch.rand(batch, 3, *entrant.size, generator=torch.Generator().manual_seed(0)) - 2
    eager = [name for name in runtimes if WAYS[name].package == "torch"]
    elsewhere = [name for name in runtimes if name not in eager]
    if entrant.module is None:
        return _of_file(entrant, given, elsewhere)
    wanted = in_torch(entrant.module, given[:1], False)()
    runs: dict[Lane, Run] = {}

    def add(lane: Lane, prepare: Callable[[], Pass]) -> None:
        exact = WAYS[lane.runtime].exact and device == "cpu"
        runs[lane] = made_ready(prepare, passes(batch), partial(_check, lane, wanted) if exact else None)

    for name in eager:
        # What a peer does not document is not its own: PyTorch's compiler and 16 bits are for ours.
        layouts = {"": True} if entrant.ours else LAYOUTS if name == "torch" else {}
        for layout, last in layouts.items():
            add(Lane(entrant, name, layout, device), partial(in_torch, entrant.module, given.to(device), last, name))
    if elsewhere:
        graph = export_graph(entrant.module, given)
        for name in elsewhere:
            add(Lane(entrant, name), _in_runtime(name, graph, given))
    return runs


def _of_file(entrant: Entrant, given: Tensor, runtimes: Sequence[str]) -> dict[Lane, Run]:
    runs: dict[Lane, Run] = {}
    assert entrant.file is not None
    for name in runtimes:
        if name == "onnxruntime" and entrant.file.suffix.lower() != ".onnx":
            continue  # an IR is OpenVINO's alone
        prepare = _in_runtime(name, entrant.file, given)
        try:
            prepare()  # a batch that is fixed shows here
        except CdnetError as error:
            log.warning(f"{entrant.name} is left out of {name} at batch {len(given)}: {error}")
            continue
        runs[Lane(entrant, name)] = made_ready(prepare, passes(len(given)))
    return runs


def _in_runtime(name: str, graph: bytes | Path, given: Tensor) -> Callable[[], Pass]:
    if name in PRECISIONS:
        return partial(in_openvino, graph, given.numpy(), PRECISIONS[name])
    return partial(in_onnxruntime, graph, given.numpy())


def _check(lane: Lane, wanted: npt.NDArray[np.float32], found: npt.NDArray[np.float32]) -> None:
    """Refuse to take the time of what computes something else."""
    length = max(float(np.linalg.norm(wanted)), float(np.finfo(np.float32).tiny))
    alike = found.shape[1:] == wanted.shape[1:]
    error = float(np.linalg.norm(found[:1] - wanted)) / length if alike else float("inf")
    if not error <= LARGEST_ERROR:
        raise CdnetError(
            f"{lane.as_text()} gives features that differ from PyTorch's by {100 * error:.2g} % of their length; its "
            "time cannot be compared"
        )

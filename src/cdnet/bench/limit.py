"""The machine's limit: the best rate that any runtime reaches on one large 1x1 convolution."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from cdnet.bench.ready import PRECISIONS, in_onnxruntime, in_openvino, in_torch, made_ready
from cdnet.bench.turns import Run
from cdnet.runtime.graph import export_graph

CHANNELS, SIDE = 1024, 32
MACS = CHANNELS * CHANNELS * SIDE * SIDE
"""Of the convolution: a product of matrices with nothing beside it, large enough to fill any processor's units."""
PASSES = 4
"""In a round."""


def limit_runs(runtimes: Sequence[str], device: str) -> dict[str, Run]:
    """Return the convolution in runtimes, by their names, ready to be timed."""
    convolution = nn.Conv2d(CHANNELS, CHANNELS, 1, bias=False)
    given = torch.rand(1, CHANNELS, SIDE, SIDE, device=device)
    graph = export_graph(convolution, given.cpu())
    pictures = given.cpu().numpy()
    runs: dict[str, Run] = {}
    for name in runtimes:
        if name in PRECISIONS:
            runs[name] = made_ready(lambda name=name: in_openvino(graph, pictures, PRECISIONS[name]), PASSES)  # type: ignore[misc]
        elif name == "onnxruntime":
            runs[name] = made_ready(lambda: in_onnxruntime(graph, pictures), PASSES)
        elif "compiled" not in name:
            runs[name] = made_ready(lambda name=name: in_torch(convolution, given, True, name), PASSES)  # type: ignore[misc]
    return runs

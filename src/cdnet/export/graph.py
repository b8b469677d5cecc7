"""A network as a graph: torch.export's program of it, and the same as ONNX.

Both take normalised pictures ``images``, N x 3 x H x W with any N, and give ``features``, N x D. What a program that
is to run the file feeds in their place is put before them by :mod:`cdnet.export.inputs`.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from torch import nn

from cdnet.errors import CdnetError

if TYPE_CHECKING:
    import onnx
    from torch.export import ExportedProgram

INPUT, OUTPUT, BATCH = "images", "features", "batch"
OPSET = 18
IR_VERSION = 10
"""The newest version of ONNX's own format that the programs which are to read the files know."""


def to_program(model: nn.Module, size: tuple[int, int]) -> ExportedProgram:
    """Trace a network for pictures of height x width, any number of them at once.

    Args:
        model: maps normalised pictures N x 3 x H x W to features N x D; it is used in evaluation mode.
        size: height and width.
    """
    example = torch.zeros(2, 3, *size)  # of one picture, the trace would make the batch a constant
    model.eval()
    with torch.no_grad(), _quiet():
        return torch.export.export(model, (example,), dynamic_shapes=({0: torch.export.Dim(BATCH)},))


def to_onnx(model: nn.Module, size: tuple[int, int]) -> onnx.ModelProto:
    """Return a network as ONNX in 32 bits, opset 18: ``images`` N x 3 x H x W, N free, to ``features`` N x D.

    Args:
        model: as of :func:`to_program`.
        size: height and width.

    Raises:
        CdnetError: if what makes ONNX of it is not installed.
    """
    try:
        import onnx
        import onnxscript  # noqa: F401  torch.onnx wants it, and says so in a page
    except ImportError:
        raise CdnetError(
            "an ONNX file is made with onnx and onnxscript; install them with pip install 'cdnet-reid[export]'"
        ) from None
    with torch.no_grad(), _quiet():
        made = torch.onnx.export(
            to_program(model, size),
            (),
            dynamo=True,
            opset_version=OPSET,
            input_names=[INPUT],
            output_names=[OUTPUT],
            verbose=False,
        )
    assert made is not None
    graph: onnx.ModelProto = made.model_proto
    _tidy(graph)
    _name_batch(graph)
    onnx.checker.check_model(graph, full_check=True)
    return graph


def _tidy(model: onnx.ModelProto) -> None:
    # The exporter notes with every node which line of which file on this machine it comes from.
    model.ir_version = min(model.ir_version, IR_VERSION)
    del model.metadata_props[:]
    graph = model.graph
    for part in (graph, *graph.node, *graph.initializer, *graph.input, *graph.output, *graph.value_info):
        del part.metadata_props[:]
        part.doc_string = ""
    del graph.value_info[:]
    del model.functions[:]


def _name_batch(model: onnx.ModelProto) -> None:
    # The trace calls it by a symbol of its own.
    for value in (model.graph.input[0], model.graph.output[0]):
        value.type.tensor_type.shape.dim[0].dim_param = BATCH


@contextmanager
def _quiet() -> Iterator[None]:
    # torch tells on every export that torchvision, whose operators no network of ours has, is not there.
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "torch.export", "onnxscript", "onnx_ir")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)

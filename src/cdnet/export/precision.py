"""A network in fewer bits: 16, or 8 by what it does on pictures."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from cdnet.data.decode import BrokenPictureError, Pixels, read_pixels, resize
from cdnet.data.files_below import files_below
from cdnet.errors import CdnetError
from cdnet.export.graph import INPUT
from cdnet.runtime.preprocessing import Preprocessing

if TYPE_CHECKING:
    import onnx

Precision = Literal["fp32", "fp16", "int8"]
FEWEST, MOST = 32, 300
"""Pictures to calibrate with."""


def to_half(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return an ONNX model that computes in 16 bits; input and output keep 32."""
    import onnx
    from onnxruntime.transformers.float16 import convert_float_to_float16
    from onnxruntime.transformers.onnx_model import OnnxModel

    own = onnx.ModelProto()
    own.CopyFrom(model)
    made: onnx.ModelProto = convert_float_to_float16(own, keep_io_types=True)
    OnnxModel(made).topological_sort()  # for the converter puts its casts last
    del made.graph.value_info[:]
    return made


def to_int8(model: onnx.ModelProto, pictures: Pixels, wanted: Preprocessing) -> onnx.ModelProto:
    """Return an ONNX model with weights and activations of 8 bits, whose ranges are those on the given pictures.

    Args:
        model: takes what ``wanted`` makes of pictures.
        pictures: N x H x W x 3 RGB bytes at its size.
        wanted: what the network wants done to them.

    Raises:
        CdnetError: if what quantises is not installed.
    """
    try:
        with _quiet():
            import nncf
    except ImportError:
        raise CdnetError("8 bits are made with nncf; install it with pip install 'cdnet-reid[export]'") from None
    given = [{INPUT: wanted(pictures[number : number + 1])} for number in range(len(pictures))]
    with _quiet():
        made: onnx.ModelProto = nncf.quantize(
            model,
            nncf.Dataset(given),
            subset_size=len(given),
            preset=nncf.QuantizationPreset.MIXED,
            ignored_scope=nncf.IgnoredScope(names=_gates(model)),
        )
    made.ir_version = min(made.ir_version, model.ir_version)
    return made


def _gates(model: onnx.ModelProto) -> list[str]:
    """Return the names of the linear layers of gates: small, and in 8 bits they spoil all that they multiply."""
    inside = {name for node in model.graph.node if node.op_type == "Sigmoid" for name in node.input}
    found = []
    for node in reversed(model.graph.node):  # sorted, so that what follows a node is known before it
        if node.op_type in ("Gemm", "MatMul", "Add", "Relu") and inside.intersection(node.output):
            inside.update(node.input)
            found += [node.name] if node.op_type in ("Gemm", "MatMul") else []
    return found


def read_calibration(folder: Path, size: tuple[int, int]) -> Pixels:
    """Return pictures to calibrate with, N x H x W x 3 RGB bytes: those below a folder, evenly picked if they are many.

    Raises:
        CdnetError: if it is no folder, one of the picked pictures is unreadable, or they are too few or all alike.
    """
    if not folder.is_dir():
        raise CdnetError(f"--calibrate {folder}: no such folder; give one with pictures such as the camera will see")
    found = files_below(folder).pictures
    if len(found) < FEWEST:
        raise CdnetError(
            f"--calibrate {folder} has {len(found)} picture(s); 8 bits need at least {FEWEST} that are like those the "
            "camera will see, or the ranges of a few decide for all"
        )
    picked = [found[number * len(found) // MOST] for number in range(MOST)] if len(found) > MOST else found
    try:
        pixels = np.stack([resize(read_pixels(path), *size) for path in picked])
    except BrokenPictureError as error:
        raise CdnetError(f"--calibrate {folder}: {error}; take it away") from None
    if len(np.unique(pixels.reshape(len(pixels), -1), axis=0)) < FEWEST:
        raise CdnetError(f"--calibrate {folder} has fewer than {FEWEST} different pictures; add others")
    return pixels


@contextmanager
def _quiet() -> Iterator[None]:
    # What quantises tells of every step.
    logger = logging.getLogger("nncf")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)

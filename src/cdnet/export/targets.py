"""What each program expects of a file that it is given: its input, its batch axis, its name, and how it reads pictures.

The facts were read from the programs' own code (BoxMOT 25.0, ultralytics 8.4, torchreid, fast-reid, OpenVINO's
multi-camera demo) and of DeepStream from its documentation. All of them compare by cosine or scale features to unit
length themselves, so that no file does it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from cdnet.data.decode import Pixels, resize
from cdnet.errors import CdnetError
from cdnet.model_input import IMAGENET_MEAN, IMAGENET_STD
from cdnet.nearest import nearest
from cdnet.runtime.preprocessing import Preprocessing
from cdnet.weights import SUFFIX, ModelSpec

ONNX, IR, PROGRAM, WEIGHTS = ".onnx", ".xml", ".pt2", SUFFIX
FORMATS = {ONNX: "ONNX", IR: "OpenVINO IR", PROGRAM: "torch.export", WEIGHTS: "cdnet's own weights"}

Scaled = npt.NDArray[Any]
"""A picture H x W x 3, RGB, values from 0 to 255: bytes, or floats where a program does not round."""


def _linear(pixels: Pixels, height: int, width: int) -> Scaled:
    return cv2.resize(pixels, (width, height), interpolation=cv2.INTER_LINEAR)


def _cubic(pixels: Pixels, height: int, width: int) -> Scaled:
    return cv2.resize(pixels, (width, height), interpolation=cv2.INTER_CUBIC)


def _linear_unrounded(pixels: Pixels, height: int, width: int) -> Scaled:
    return cv2.resize(pixels.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)


def _pillow(pixels: Pixels, height: int, width: int) -> Scaled:
    from PIL import Image

    return np.asarray(Image.fromarray(pixels).resize((width, height), Image.Resampling.BILINEAR))


def _network(spec: ModelSpec) -> Preprocessing:
    return Preprocessing(spec.size, "rgb", 1.0, spec.mean, spec.std)


def _imagenet(spec: ModelSpec) -> Preprocessing:
    return Preprocessing(spec.size, "rgb", 1.0, IMAGENET_MEAN, IMAGENET_STD)


def _one(spec: ModelSpec) -> Preprocessing:
    return Preprocessing(spec.size, "rgb", 1.0)


def _bytes(spec: ModelSpec) -> Preprocessing:
    return Preprocessing(spec.size, "rgb", 255.0)


def _bgr_bytes(spec: ModelSpec) -> Preprocessing:
    return Preprocessing(spec.size, "bgr", 255.0)


@dataclass(frozen=True)
class Target:
    """A program that is to run the file.

    Args:
        name: as ``--for`` has it.
        formats: the endings of the files that it reads.
        outside: what it does to a picture's bytes; the rest of what the network wants is put into the file.
        resize: how it brings a picture H x W x 3, RGB, to the file's size.
        batch: pictures at once if that is fixed in the file, None if it is free.
        refused_names: parts of a file's name, in lower case, by which the program takes it for something else.
        int8: whether it runs files with 8 bits of ours.
        fills: the endings of files whose fixed batch it fills up itself.
    """

    name: str
    formats: tuple[str, ...]
    outside: Callable[[ModelSpec], Preprocessing]
    resize: Callable[[Pixels, int, int], Scaled]
    batch: int | None = None
    refused_names: tuple[str, ...] = ()
    int8: bool = True
    fills: tuple[str, ...] = ()

    def check_out(self, out: Path) -> str:
        """Return the ending of the file to write, if this program reads such files by such names.

        Raises:
            CdnetError: if it does not.
        """
        ending = out.suffix
        if ending not in FORMATS:
            known = ", ".join(f"{known} ({title})" for known, title in FORMATS.items())
            raise CdnetError(f"--out {out}: its ending says what is written, and is to be one of {known}")
        if ending not in self.formats:
            raise CdnetError(f"--out {out}: {self.name} does not read {ending}; write {' or '.join(self.formats)}")
        found = next((part for part in self.refused_names if part in out.name.lower()), None)
        if found is not None:
            raise CdnetError(
                f"--out {out}: {self.name} takes a file with {found!r} in its name for a network of its own, of "
                "another size; name it otherwise"
            )
        return ending


TARGETS = {
    target.name: target
    for target in (
        Target("plain", (ONNX, IR, PROGRAM, WEIGHTS), _network, resize),
        Target(
            "boxmot",
            (ONNX, IR),
            _imagenet,
            _linear,
            refused_names=("vehicleid", "veri", "lmbn", "hacnn", "csl_tinyvit", "clip"),
            fills=(ONNX,),
        ),
        Target("ultralytics", (ONNX,), _one, _linear_unrounded, fills=(ONNX,)),
        Target("deepstream", (ONNX,), _bytes, _linear, int8=False),
        Target("openvino-demo", (IR,), _bgr_bytes, _linear, batch=1),
        Target("fast-reid", (ONNX,), _bytes, _cubic),
        Target("torchreid", (PROGRAM, ONNX, IR), _imagenet, _pillow),
    )
}


def find_target(name: str) -> Target:
    """Return a target by its name.

    Raises:
        CdnetError: if there is none.
    """
    if name not in TARGETS:
        raise CdnetError(
            f"{name!r} is no program that files are made for{nearest(name, TARGETS)}; known are {', '.join(TARGETS)}"
        )
    return TARGETS[name]

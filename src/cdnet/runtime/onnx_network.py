"""An ONNX file, run by onnxruntime."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from cdnet.data.decode import Pixels
from cdnet.errors import CdnetError
from cdnet.runtime.given import Given
from cdnet.runtime.network import Features, check_features, digest_of, refuse_several
from cdnet.runtime.said import KEY, read_said

LOCATION = re.compile(rb"\n\x08location\x12([\x80-\xff]?[\x00-\x7f])(?=(.{,4096}))", re.DOTALL)
"""A name of a file with weights, as protocol buffers write it: key, then length of one or two bytes, then name."""


class OnnxFile:
    """A file whose input is N x 3 x H x W and whose output has a row a picture.

    ``count``, ``size`` are N, H and W where the file has fixed them, else None; ``said`` is what it says of itself.

    Raises:
        CdnetError: if onnxruntime is not installed or cannot run the file, or its input is another.
    """

    def __init__(self, path: Path) -> None:
        try:
            import onnxruntime
        except ImportError:
            raise CdnetError(f"{path} needs onnxruntime; install it with pip install 'cdnet-reid[onnx]'") from None
        settings = onnxruntime.SessionOptions()
        settings.intra_op_num_threads = torch.get_num_threads()
        settings.log_severity_level = 4  # what is wrong is said once, and by us
        try:
            self._session: Any = onnxruntime.InferenceSession(str(path), settings, ["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's errors share no class of their own
            raise CdnetError(f"{path}: no ONNX file that onnxruntime can run ({_cause(error)})") from None
        refuse_several(path, "input", [entry.name for entry in self._session.get_inputs()])
        refuse_several(path, "output", [entry.name for entry in self._session.get_outputs()])
        first = self._session.get_inputs()[0]
        if len(first.shape) != 4 or first.shape[1] != 3 or first.type != "tensor(float)":
            shape = "x".join(map(str, first.shape))
            raise CdnetError(f"{path} takes {first.type} of {shape}, not float pictures N x 3 x H x W")
        self.count, height, width = (
            side if isinstance(side, int) else None for side in (first.shape[i] for i in (0, 2, 3))
        )
        self.path, self.size, self._input = path, (height, width), first.name
        self.said = read_said(self._session.get_modelmeta().custom_metadata_map.get(KEY), path)

    def run(self, values: npt.NDArray[np.float32]) -> Features:
        """Map what the file takes, N x 3 x H x W, to features N x D.

        Raises:
            CdnetError: if it cannot be run, or gives anything but a row of finite numbers a picture.
        """
        try:
            found = self._session.run(None, {self._input: values})[0]
        except Exception as error:
            raise CdnetError(f"{self.path} could not be run on {len(values)} pictures: {_cause(error)}") from None
        return check_features(found, len(values), self.path)


class OnnxNetwork:
    """An :class:`OnnxFile` that is given bytes; N may be fixed."""

    def __init__(self, path: Path, given: Given, option: str, batch: int) -> None:
        self._file = OnnxFile(path)
        self.path, self.batch, self.digest = path, self._file.count or batch, digest_of(path, *outside(path))
        self.preprocessing = given.complete(path, self._file.size, option, self._file.said)
        self.trained_on = {} if self._file.said is None else self._file.said.trained_on

    def __call__(self, pixels: Pixels) -> Features:
        """Map RGB bytes N x H x W x 3 to features N x D."""
        values, count = self.preprocessing(pixels), len(pixels)
        if self._file.count is not None and count < self.batch:
            values = np.concatenate([values, np.repeat(values[-1:], self.batch - count, axis=0)])
        return self._file.run(values)[:count]


def outside(path: Path) -> list[Path]:
    """Return the files beside an ONNX file that hold weights of it, in the order of their names.

    Raises:
        CdnetError: if the file cannot be read.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise CdnetError(f"{path} could not be read: {error.strerror or error}") from None
    names = {match[2][: match[1][0] % 128 + 128 * int.from_bytes(match[1][1:])] for match in LOCATION.finditer(content)}
    return sorted(found for name in names if (found := path.parent / os.fsdecode(name)).is_file())


def _cause(error: Exception) -> str:
    # Before it stand the path, which is said already, or the place in onnxruntime's source: the cause is at the end.
    said = str(error).strip().split("\n")[0]
    said = said.rpartition(" failed:")[2].strip() or said
    said = said.rpartition(" , Error ")[2] or said  # of an operator that it lacks, after all that the node is given
    return said if len(said) <= 200 else f"... {said[-200:].partition(' ')[2]}"

"""An ONNX file, run by onnxruntime."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from cdnet.data.decode import Pixels
from cdnet.errors import CdnetError
from cdnet.runtime.given import Given
from cdnet.runtime.network import Features, check_features, digest_of
from cdnet.runtime.said import KEY, read_said


class OnnxNetwork:
    """A file whose first input is N x 3 x H x W and whose first output has a row a picture; N may be fixed."""

    def __init__(self, path: Path, given: Given, option: str, batch: int) -> None:
        try:
            import onnxruntime
        except ImportError:
            raise CdnetError(f"{path} needs onnxruntime; install it with pip install 'cdnet-reid[onnx]'") from None
        settings = onnxruntime.SessionOptions()
        settings.intra_op_num_threads = torch.get_num_threads()
        settings.log_severity_level = 3
        try:
            self._session: Any = onnxruntime.InferenceSession(str(path), settings, ["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's errors share no class of their own
            raise CdnetError(f"{path}: no ONNX file that onnxruntime can run ({_first_line(error)})") from None
        first = self._session.get_inputs()[0]
        if len(first.shape) != 4 or first.shape[1] != 3 or first.type != "tensor(float)":
            shape = "x".join(map(str, first.shape))
            raise CdnetError(f"{path} takes {first.type} of {shape}, not float pictures N x 3 x H x W")
        count, height, width = (side if isinstance(side, int) else None for side in (first.shape[i] for i in (0, 2, 3)))
        self.path, self.batch, self.digest = path, count or batch, digest_of(path)
        self.said = read_said(self._session.get_modelmeta().custom_metadata_map.get(KEY), path)
        self.preprocessing = given.complete(path, (height, width), option, self.said)
        self._fixed, self._input = count is not None, first.name

    def __call__(self, pixels: Pixels) -> Features:
        """Map RGB bytes N x H x W x 3 to features N x D."""
        values, count = self.preprocessing(pixels), len(pixels)
        if self._fixed and count < self.batch:
            values = values.repeat(-(-self.batch // count), axis=0)[: self.batch]
        try:
            found = self._session.run(None, {self._input: values})[0]
        except Exception as error:
            raise CdnetError(f"{self.path} could not be run on {count} pictures: {_first_line(error)}") from None
        return check_features(found, len(values), self.path)[:count]


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0][:200]

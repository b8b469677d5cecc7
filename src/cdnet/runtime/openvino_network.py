"""An OpenVINO IR, run by OpenVINO in 32 bits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from cdnet.data.decode import Pixels
from cdnet.errors import CdnetError
from cdnet.runtime.given import Given
from cdnet.runtime.network import Features, check_features, digest_of
from cdnet.runtime.said import KEY, read_said


class OpenVinoNetwork:
    """An ``.xml`` with its ``.bin``, whose first input is N x 3 x H x W and whose first output has a row a picture.

    Its shape is fixed to ``batch`` pictures at once, where the network allows that: a free batch axis is slow.
    """

    def __init__(self, path: Path, given: Given, option: str, batch: int) -> None:
        try:
            import openvino
        except ImportError:
            raise CdnetError(f"{path} needs OpenVINO; install it with pip install 'cdnet-reid[openvino]'") from None
        weights = path.with_suffix(".bin")
        if not weights.is_file():
            raise CdnetError(f"{path}: its weights, {weights.name}, do not lie beside it")
        core = openvino.Core()
        try:
            model: Any = core.read_model(path)
        except RuntimeError as error:
            raise CdnetError(f"{path}: no OpenVINO IR, or damaged ({_last_line(error)})") from None
        shape = model.inputs[0].partial_shape
        sides = [side.get_length() if side.is_static else None for side in shape] if shape.rank.is_static else []
        if len(sides) != 4 or sides[1] != 3:
            raise CdnetError(f"{path} takes {shape}, not pictures N x 3 x H x W")
        self.path, self.digest = path, digest_of(path, weights)
        self.said = read_said(model.get_rt_info(KEY).astype(str) if model.has_rt_info(KEY) else None, path)
        self.preprocessing = given.complete(path, (sides[2], sides[3]), option, self.said)
        height, width = self.preprocessing.size
        settings = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": torch.get_num_threads()}
        self.batch = batch
        try:
            model.reshape({0: [batch, 3, height, width]})
            self._compiled: Any = core.compile_model(model, "CPU", settings)
        except RuntimeError:  # a reshape inside that has 1 written into it
            self.batch = 1
            model = core.read_model(path)
            model.reshape({0: [1, 3, height, width]})
            self._compiled = core.compile_model(model, "CPU", settings)

    def __call__(self, pixels: Pixels) -> Features:
        """Map RGB bytes N x H x W x 3 to features N x D."""
        values, count = self.preprocessing(pixels), len(pixels)
        if count < self.batch:
            values = np.concatenate([values, np.repeat(values[-1:], self.batch - count, axis=0)])
        found = self._compiled([values])[0]
        return check_features(found, len(values), self.path)[:count]


def _last_line(error: Exception) -> str:
    return str(error).strip().split("\n")[-1][:200]

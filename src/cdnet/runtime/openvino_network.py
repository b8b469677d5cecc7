"""An OpenVINO IR, run by OpenVINO in 32 bits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from cdnet.data.decode import Pixels
from cdnet.errors import CdnetError
from cdnet.runtime.given import Given
from cdnet.runtime.network import Features, check_features, digest_of, refuse_several
from cdnet.runtime.openvino_core import openvino_core
from cdnet.runtime.said import KEY, read_said

HEAD = 65_536
"""Bytes of an IR within which its first element stands, whatever comments come before."""


class OpenVinoFile:
    """An ``.xml`` with its ``.bin``, whose input is N x 3 x H x W and whose output has a row a picture.

    ``count``, ``size`` are N, H and W where the file has fixed them, else None; ``said`` is what it says of itself.

    Raises:
        CdnetError: if OpenVINO is not installed or cannot read the files, or their input is another.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._core = openvino_core()
        except ImportError:
            raise CdnetError(f"{path} needs OpenVINO; install it with pip install 'cdnet-reid[openvino]'") from None
        self.path, self.weights = path, path.with_suffix(".bin")
        if not self.weights.is_file():
            raise CdnetError(f"{path}: its weights, {self.weights.name}, do not lie beside it")
        self._compiled: Any = None
        model = self._read()
        for what, ports in (("input", model.inputs), ("output", model.outputs)):
            refuse_several(path, what, [min(port.get_names(), default="without a name") for port in ports])
        shape = model.inputs[0].partial_shape
        sides = [side.get_length() if side.is_static else None for side in shape] if shape.rank.is_static else []
        if len(sides) != 4 or sides[1] != 3:
            raise CdnetError(f"{path} takes {shape}, not pictures N x 3 x H x W")
        self.count, self.size = sides[0], (sides[2], sides[3])
        self.said = read_said(model.get_rt_info(KEY).astype(str) if model.has_rt_info(KEY) else None, path)

    def prepare(self, shape: tuple[int, int, int] | None = None) -> None:
        """Make it ready to run, as it is or for a fixed number of pictures, height and width.

        Raises:
            CdnetError: if OpenVINO cannot run it so.
        """
        settings = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": torch.get_num_threads()}
        model = self._read()
        try:
            if shape is not None:
                model.reshape({0: [shape[0], 3, *shape[1:]]})
            self._compiled = self._core.compile_model(model, "CPU", settings)
        except RuntimeError as error:
            raise CdnetError(f"{self.path} cannot be run by OpenVINO ({_last_line(error)})") from None

    def run(self, values: npt.NDArray[np.float32]) -> Features:
        """Map what the file takes, N x 3 x H x W, to features N x D.

        Raises:
            CdnetError: if it cannot be run, or gives anything but a row of finite numbers a picture.
        """
        if self._compiled is None:
            self.prepare()
        assert self._compiled is not None
        try:
            found = self._compiled([values])[0]
        except RuntimeError as error:
            raise CdnetError(f"{self.path} could not be run on {len(values)} pictures: {_last_line(error)}") from None
        return check_features(found, len(values), self.path)

    def _read(self) -> Any:
        try:
            with self.path.open("rb") as file:
                if b"<net" not in file.read(HEAD):
                    raise CdnetError(f"{self.path}: no OpenVINO IR, for there is no <net> in it")
            return self._core.read_model(self.path)
        except OSError as error:
            raise CdnetError(f"{self.path} could not be read: {error.strerror or error}") from None
        except RuntimeError as error:
            raise CdnetError(f"{self.path}: no OpenVINO IR, or damaged ({_last_line(error)})") from None


class OpenVinoNetwork:
    """An :class:`OpenVinoFile` that is given bytes.

    Its shape is fixed to ``batch`` pictures at once, where the network allows that: a free batch axis is slow.
    """

    def __init__(self, path: Path, given: Given, option: str, batch: int) -> None:
        self._file = OpenVinoFile(path)
        self.path, self.digest = path, digest_of(path, self._file.weights)
        self.preprocessing = given.complete(path, self._file.size, option, self._file.said)
        self.trained_on = {} if self._file.said is None else self._file.said.trained_on
        self.batch = batch
        try:
            self._file.prepare((batch, *self.preprocessing.size))
        except CdnetError:  # a reshape inside that has 1 written into it
            self.batch = 1
            self._file.prepare((1, *self.preprocessing.size))

    def __call__(self, pixels: Pixels) -> Features:
        """Map RGB bytes N x H x W x 3 to features N x D."""
        values, count = self.preprocessing(pixels), len(pixels)
        if count < self.batch:
            values = np.concatenate([values, np.repeat(values[-1:], self.batch - count, axis=0)])
        return self._file.run(values)[:count]


def _last_line(error: Exception) -> str:
    return str(error).strip().split("\n")[-1][:200]

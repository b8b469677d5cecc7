"""Writing a network as a file of each format, and running such a file again."""

from __future__ import annotations

import errno
import shutil
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from cdnet.errors import CdnetError, DiskFullError
from cdnet.export.graph import OUTPUT, to_program
from cdnet.export.inputs import Inside, WithInput, put_before
from cdnet.export.targets import ONNX, PROGRAM, WEIGHTS
from cdnet.runtime.network import Features, check_features
from cdnet.runtime.onnx_network import OnnxFile
from cdnet.runtime.openvino_core import openvino_core
from cdnet.runtime.openvino_network import OpenVinoFile
from cdnet.runtime.said import KEY, Said
from cdnet.weights import load_model

if TYPE_CHECKING:
    import onnx


class File(Protocol):
    """A file that is ready to run, on as many pictures at once as it is given; ``count`` is that number if fixed."""

    @property
    def count(self) -> int | None:
        """N, if it is fixed."""
        ...

    @property
    def size(self) -> tuple[int | None, int | None]:
        """Height and width, where they are fixed."""
        ...

    @property
    def said(self) -> Said | None:
        """What the file says of itself."""
        ...

    def run(self, values: npt.NDArray[np.float32]) -> Features:
        """Map what the file takes, N x 3 x H x W, to features N x D."""
        ...


class TorchFile:
    """A file of torch.export, or weights of ours, run by PyTorch.

    The former was written by this very process: reading anybody else's could run what is in it.
    """

    def __init__(self, path: Path) -> None:
        if path.suffix == WEIGHTS:
            self._run: nn.Module = load_model(path)[0]
        else:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                self._run = torch.export.load(path).module()
        self.path = path
        self.count: int | None = None
        self.size: tuple[int | None, int | None] = (None, None)
        self.said: Said | None = None

    def run(self, values: npt.NDArray[np.float32]) -> Features:
        """Map what the file takes, N x 3 x H x W, to features N x D."""
        with torch.inference_mode():
            return check_features(self._run(torch.from_numpy(values)).numpy(), len(values), self.path)


def open_written(path: Path) -> File:
    """Open a file that this very process wrote, in any of the formats; raises as :func:`open_file` does."""
    return TorchFile(path) if path.suffix in (PROGRAM, WEIGHTS) else open_file(path)


def open_file(path: Path) -> File:
    """Open an ONNX file or an IR.

    Raises:
        CdnetError: if its runtime is not installed or cannot run it, or it takes no pictures.
    """
    if path.suffix.lower() == ONNX:
        return OnnxFile(path)
    return OpenVinoFile(path)


def write_onnx(path: Path, core: onnx.ModelProto, what: Inside, said: Said) -> None:
    """Write an ONNX file.

    Args:
        path: of the file.
        core: the network, as :func:`cdnet.export.graph.to_onnx` gives it.
        what: is put before it.
        said: what it says of itself.
    """
    path.write_bytes(_finished(core, what, said).SerializeToString())


def write_ir(path: Path, core: onnx.ModelProto, what: Inside, said: Said, batch: int | None, half: bool) -> None:
    """Write an OpenVINO IR, ``path`` and its .bin; arguments as of :func:`write_onnx`.

    Args:
        path: of the .xml.
        core: the network.
        what: is put before it.
        said: what it says of itself.
        batch: pictures at once, None if that is free.
        half: keep the weights in 16 bits.

    Raises:
        CdnetError: if OpenVINO is not installed, or cannot write the files.
    """
    try:
        import openvino
    except ImportError:
        raise CdnetError("an IR is made with OpenVINO; install it with pip install 'cdnet-reid[export]'") from None
    content = _finished(core, what, said).SerializeToString()
    # OpenVINO does not tell when the disk is full.
    if shutil.disk_usage(path.parent).free < 2 * len(content):
        raise DiskFullError(f"the disk is full: {path.name} could not be written; free some space")
    try:
        model = openvino_core().read_model(content)
        if batch is not None:
            shape = model.inputs[0].partial_shape
            model.reshape({0: [batch, *(shape[axis].get_length() for axis in (1, 2, 3))]})
        model.get_parameters()[0].set_layout(openvino.Layout("NCHW"))
        model.set_rt_info(said.to_text(), KEY)
        openvino.save_model(model, path, compress_to_fp16=half)
    except RuntimeError as error:
        reason = str(error).strip().split("\n")[-1][:200]
        raise CdnetError(f"OpenVINO could not make {path.name} ({reason})") from None


def write_program(path: Path, model: nn.Module, size: tuple[int, int], what: Inside, said: Said, half: bool) -> None:
    """Write a file of torch.export.

    Args:
        path: of the file.
        model: the network, which is changed if ``half``.
        size: height and width.
        what: is put before it.
        said: what it says of itself.
        half: compute in 16 bits.

    Raises:
        OSError: if it cannot be written.
    """
    program = to_program(WithInput(model, what, half), size)
    try:
        torch.export.save(program, path, extra_files={KEY: said.to_text()})
    except RuntimeError as error:  # torch's archive writer has no other error for a full disk
        raise OSError(errno.EIO, str(error).split("\n")[0][:200]) from None


def _finished(core: onnx.ModelProto, what: Inside, said: Said) -> onnx.ModelProto:
    import onnx

    made = onnx.ModelProto()
    made.CopyFrom(core)
    put_before(made, what)
    assert made.graph.output[0].name == OUTPUT
    del made.metadata_props[:]
    onnx.helper.set_model_props(made, {KEY: said.to_text()})
    made.producer_name, made.producer_version = "cdnet", str(said.facts["cdnet"])
    onnx.checker.check_model(made, full_check=True)
    return made

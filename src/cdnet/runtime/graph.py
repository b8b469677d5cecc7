"""Our networks from a picture's bytes to its features, as one module and as one ONNX graph in memory.

That the bytes go in is a matter of speed: what is done to them before the first convolution costs a small network
a fifth of its time in numpy, and next to nothing in the runtime.
"""

from __future__ import annotations

import io
import warnings

import torch
from torch import Tensor, nn

from cdnet.data.augment import normalise
from cdnet.errors import CdnetError
from cdnet.nn.inference_form import inference_form
from cdnet.nn.model import ReidModel
from cdnet.runtime.preprocessing import Preprocessing

OPSET = 18


class FromBytes(nn.Module):
    """The inference form of a network, with the normalisation before it.

    Args:
        model: any network of ours; it is left as it is.
        preprocessing: what it wants done to bytes, in RGB.
        dtype: what the form computes in; features are 32-bit floats all the same.
    """

    def __init__(self, model: ReidModel, preprocessing: Preprocessing, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.mean, self.std, self.dtype = preprocessing.mean, preprocessing.std, dtype
        self.form = inference_form(model).to(dtype=dtype, memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, pixels: Tensor) -> Tensor:
        """Map RGB bytes N x H x W x 3 to features N x D."""
        return self.form(normalise(pixels, self.mean, self.std).to(self.dtype)).float()  # type: ignore[no-any-return]


def to_graph(network: FromBytes, batch: int, size: tuple[int, int]) -> bytes:
    """Return a network as an ONNX graph of fixed shape: bytes ``batch`` x H x W x 3 to features ``batch`` x D.

    Raises:
        CdnetError: if the installed PyTorch cannot make one.
    """
    return export_graph(network, torch.zeros(batch, *size, 3, dtype=torch.uint8))


def export_graph(module: nn.Module, given: Tensor) -> bytes:
    """Return a module as an ONNX graph for inputs of the shape and type of ``given``.

    It is made by torch's older exporter: the newer one (see ``cdnet export``) takes some twenty times as long, and
    wants two more packages.

    Raises:
        CdnetError: if the installed PyTorch has that exporter no longer.
    """
    made = io.BytesIO()
    try:
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it says that it is the older one
            torch.onnx.export(module, (given,), made, dynamo=False, opset_version=OPSET)  # type: ignore[arg-type]
    except (TypeError, ValueError, ImportError, AttributeError) as error:
        raise CdnetError(
            f"PyTorch {torch.__version__} makes no ONNX graph as it is asked to ({error}); use --runtime torch"
        ) from None
    return made.getvalue()

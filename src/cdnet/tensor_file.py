"""Reading ``.safetensors`` files that are handed in: no larger than they can be, and of finite numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from torch import Tensor

from cdnet.errors import CdnetError
from cdnet.instead import instead_of_weights

MAX_BYTES = 512 * 2**20
"""Of a file of weights; a ResNet-50 has 100 million."""


def read_safetensors(path: Path) -> tuple[dict[str, str], dict[str, Tensor]]:
    """Return what a ``.safetensors`` file says of itself, and its tensors by name.

    Raises:
        CdnetError: if it cannot be read, or is cut short.
    """
    with _opened(path) as file:
        return file.metadata() or {}, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118


def read_metadata(path: Path) -> dict[str, str]:
    """Return what a ``.safetensors`` file says of itself, and read no tensor.

    Raises:
        CdnetError: if it cannot be read, or is cut short.
    """
    with _opened(path) as file:
        return file.metadata() or {}


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise CdnetError(f"{path}: more than the {MAX_BYTES:,} bytes that a network's weights may have")
        with safe_open(path, framework="pt") as file:
            yield file
    except (SafetensorError, OSError) as error:
        if path.is_file() and (found := instead_of_weights(path)) is not None:
            raise CdnetError(f"{path}: {found}") from None
        if path.suffix in (".pth", ".pt", ".tar"):
            raise CdnetError(f"{path}: a torch file; `cdnet convert` turns published weights into ours") from None
        if path.suffix in (".onnx", ".xml"):
            raise CdnetError(f"{path}: a file for other programs, not weights; name what it was made from") from None
        raise CdnetError(f"{path}: cut short or no safetensors file ({error})") from None


def refuse_not_finite(tensors: Mapping[str, Tensor], path: Path) -> None:
    """Refuse weights that are not numbers or infinite; nothing that such a network says means anything.

    Raises:
        CdnetError: that names the file, ``path``, and the first such tensor.
    """
    for name, tensor in tensors.items():
        if not tensor.isfinite().all():
            raise CdnetError(f"{path}: {name} has values that are not finite numbers; these weights are broken")

"""The tensors of a published file by their names there, and nothing else of it.

A torch file holds a pickle, which is a program. Torch's own restricted reader builds tensors and plain containers out
of it and refuses any other name; nothing that the file names is imported or called.
"""

from __future__ import annotations

import re
import warnings
import zipfile
from collections.abc import Mapping
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from cdnet.errors import CdnetError
from cdnet.instead import instead_of_weights
from cdnet.tensor_file import read_metadata
from cdnet.weights import KEY

MAX_BYTES = 512 * 2**20
"""The largest file that is read; a ResNet-50 with its optimiser's state has 300 million."""

ZIP = b"PK\x03\x04"
OLD_TORCH = b"\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
"""What a torch file of before 1.6 begins with, behind the two bytes that say which pickle it is."""

BYTES_OF_ANY_LENGTH = b"\nbytearray\n"
"""How a pickle names what torch's reader would call with any number, filling the memory; no checkpoint needs it."""

STATES = ("state_dict", "model", "model_state_dict", "network", "net")
"""Keys under which training programs keep the network, beside the optimiser and the epoch."""

WRAPPERS = ("module.", "model.", "network.", "net.", "features.")
"""Prefixes that a wrapper, such as DataParallel, puts before every name."""


class _LeftOut:
    """Stands for a value that a training program put beside the tensors, such as a rank-1 as numpy's scalar.

    Torch's reader puts this class where the file names numpy's, so that the rest can be read. It takes what it is
    given and keeps none of it. Numpy's own functions are not called: a dtype whose state comes from a stranger's file
    can make numpy take the file's bytes for addresses.
    """

    def __init__(self, *arguments: object) -> None:
        pass

    def __setstate__(self, state: object) -> None:
        pass


LEFT_OUT = (
    "argparse.Namespace",
    "numpy.dtype",
    "numpy.ndarray",
    *(
        f"numpy.{core}.{name}"
        for core in ("core", "_core")
        for name in ("multiarray.scalar", "multiarray._reconstruct", "numeric._frombuffer")
    ),
)
"""Names in a pickle that :class:`_LeftOut` stands for, whatever numpy wrote it."""


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Return a published file's tensors by their names there, without the prefix of a wrapper.

    Each is an ordinary tensor of real numbers, all of which the file has.

    Raises:
        CdnetError: if there is no such file, it is cut short or damaged, or it does not hold tensors alone.
    """
    found = _unwrapped(_read(path))
    if not isinstance(found, Mapping) or not all(
        isinstance(name, str) and isinstance(tensor, Tensor) for name, tensor in found.items()
    ):
        raise CdnetError(f"{path}: no state dict, which maps names to tensors")
    for name, tensor in found.items():
        wrong = _wrong_kind(tensor)
        if wrong:
            raise CdnetError(f"{path}: {printable(name)} is {wrong}, and weights are ordinary tensors of real numbers")
    tensors = {name: tensor.detach() for name, tensor in found.items()}
    while tensors and (prefix := next((one for one in WRAPPERS if all(n.startswith(one) for n in tensors)), None)):
        tensors = {name.removeprefix(prefix): tensor for name, tensor in tensors.items()}
    return tensors


def printable(name: str) -> str:
    """Return a name from a file as it can be printed: short, on one line, and without escapes for the terminal."""
    text = name.encode("unicode_escape").decode("ascii")
    return text if len(text) <= 100 else f"{text[:100]}..."


def _read(path: Path) -> Any:
    if path.is_dir():
        raise CdnetError(f"{path}: a folder; name the file of weights in it")
    if path.exists() and not path.is_file():
        raise CdnetError(f"{path}: not an ordinary file; copy the weights to one")
    if not path.is_file():
        raise CdnetError(f"{path}: no such file")
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise CdnetError(f"{path}: {size:,} bytes, and no network that is read here comes near {MAX_BYTES:,}")
    with path.open("rb") as file:
        start = file.read(16)
    if start[:4] == ZIP:
        _check_archive(path)
        return _read_torch(path)
    if start[:1] == b"\x80" and start[2:14].startswith(OLD_TORCH[:12]):
        return _read_torch(path)
    if start[8:9] == b"{":
        return _read_safetensors(path)
    if start[:1] == b"\x80":
        raise CdnetError(f"{path}: not a file of tensors alone, but a pickle; have torch.save() write a state_dict()")
    found = instead_of_weights(path) or (
        "not a file of tensors alone, neither of torch nor of safetensors; get it again" if size else "an empty file"
    )
    raise CdnetError(f"{path}: {found}")


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    if KEY in read_metadata(path):
        raise CdnetError(f"{path}: these are weights of cdnet already; every command takes them as they are")
    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, RuntimeError) as error:
        raise CdnetError(f"{path}: cut short or no safetensors file ({error})") from None


def _check_archive(path: Path) -> None:
    """See that a zip archive is one of torch's and whole: torch itself does not look at the checksums."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            names = [entry.filename for entry in entries]
            if any(name.endswith("/constants.pkl") for name in names):
                raise CdnetError(f"{path}: a TorchScript program; save the state_dict() of the network itself")
            if not any(name.endswith("/data.pkl") for name in names):
                raise CdnetError(f"{path}: a zip archive, but not one that torch wrote")
            if len(set(names)) < len(names):
                raise CdnetError(
                    f"{path}: an archive with two entries of one name, and torch writes none; get it again"
                )
            if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
                raise CdnetError(
                    f"{path}: a compressed archive, and torch writes none; save it again with torch.save()"
                )
            damaged = archive.testzip()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, EOFError) as error:
        raise CdnetError(f"{path}: cut short or damaged ({error}); get it again") from None
    if damaged is not None:
        raise CdnetError(f"{path}: damaged, the checksum of {printable(damaged)} is another; get it again")


def _read_torch(path: Path) -> Any:
    with path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as data:
        if data.find(BYTES_OF_ANY_LENGTH) >= 0:
            raise CdnetError(f"{path}: not a file of tensors alone, for it wants bytearray run, and nothing was")
    stand_ins: list[Any] = [(_LeftOut, name) for name in LEFT_OUT]
    try:
        # An open file, for torch would go by the ending of a name.
        with path.open("rb") as file, warnings.catch_warnings(), torch.serialization.safe_globals(stand_ins):
            warnings.simplefilter("ignore")
            return torch.load(file, "cpu", weights_only=True)
    except Exception as error:  # what a broken or a hostile pickle raises can be anything
        named = re.search(r"GLOBAL ([\w.]{1,100}) (?:was not|whose)", str(error))
        if named:
            raise CdnetError(
                f"{path}: not a file of tensors alone, for it wants {named[1]} run, and nothing was; "
                f"have the program that wrote it save its state_dict() by itself"
            ) from None
        if "Unsupported operand" in str(error):
            raise CdnetError(
                f"{path}: damaged, or not a file of tensors alone in torch's own kind of pickle (protocol 2); save it "
                f"again with torch.save()"
            ) from None
        raise CdnetError(
            f"{path}: cut short, damaged, or not a file of tensors alone ({type(error).__name__}); "
            f"get it again, or save its state_dict() by itself"
        ) from None


def _unwrapped(found: Any) -> Any:
    for _ in range(3):
        inner = [found[key] for key in STATES if isinstance(found, dict) and isinstance(found.get(key), dict)]
        if not inner:
            break
        found = inner[0]
    return found


def _wrong_kind(tensor: Tensor) -> str:
    if tensor.device.type != "cpu":
        return f"on the device {tensor.device.type}, without numbers"
    if tensor.is_nested or tensor.layout != torch.strided:
        return "a sparse tensor"
    if tensor.is_quantized:
        return "a quantised tensor"
    if tensor.is_complex():
        return "of complex numbers"
    if tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
        return f"{describe(tensor)}, more numbers than the file has"
    return ""


def describe(tensor: Tensor) -> str:
    """Return a tensor's shape in words."""
    return "x".join(map(str, tensor.shape)) or "a number"

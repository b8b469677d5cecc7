"""One interface to every network: bytes of pictures in, features out; and opening a file by its ending."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from cdnet.data.decode import Pixels
from cdnet.errors import CdnetError
from cdnet.runtime.given import Given
from cdnet.runtime.preprocessing import Preprocessing
from cdnet.weights import SUFFIX, find_weights

PICKLED = (".pth", ".pt", ".tar", ".pkl", ".ckpt")
"""Endings of what others' weights are in, which is not read here."""

Features = npt.NDArray[np.float32]

MEANT = {"input": "pictures", "output": "feature"}

KINDS = f"a run's folder, a {SUFFIX} file of cdnet, an .onnx file, or the .xml of an OpenVINO IR"
"""Of networks that can be run."""


class Network(Protocol):
    """A network that is ready to run.

    ``preprocessing`` says what it does to the bytes it is given, ``digest`` (SHA-256) which file it is, ``batch`` how
    many pictures it takes at once.
    """

    preprocessing: Preprocessing
    digest: str
    batch: int

    def __call__(self, pixels: Pixels) -> Features:
        """Map RGB bytes N x H x W x 3 at its size, N at most ``batch``, to features N x D."""
        ...


def open_network(path: Path | str, given: Given, option: str = "", batch: int = 32) -> Network:
    """Open a network by its file.

    Args:
        path: a run's folder, a ``.safetensors`` file of ours, the name of a shipped network, an ``.onnx`` file, or the
            ``.xml`` of an OpenVINO IR, which has its ``.bin`` beside it.
        given: what is known of its input; our own weights say it themselves.
        option: what the options are called that ``given`` came from, before their last part, such as ``distil.``; empty
            where they are arguments.
        batch: pictures to take at once, where the file allows it.

    Raises:
        CdnetError: if there is no such file, it is of another kind, it is damaged, its runtime is not installed, or it
            is not known what it wants as input.
    """
    ending = Path(path).suffix.lower()
    if runs_elsewhere(path):
        if not Path(path).is_file():
            found = "a folder, not a file" if Path(path).is_dir() else "no such file"
            raise CdnetError(f"{path}: {found}; give {KINDS}")
        if ending == ".onnx":
            from cdnet.runtime.onnx_network import OnnxNetwork

            return OnnxNetwork(Path(path), given, option, batch)
        from cdnet.runtime.openvino_network import OpenVinoNetwork

        return OpenVinoNetwork(Path(path), given, option, batch)
    if ending and ending != SUFFIX and Path(path).is_file():
        convert = f"; weights that others published become ours by cdnet convert {path} --out NAME{SUFFIX}"
        more = convert if ending in PICKLED else ""
        raise CdnetError(f"{path}: no network that can be run; give {KINDS}{more}")
    file = find_weights(path)
    from cdnet.runtime.torch_network import TorchNetwork

    network = TorchNetwork(file, batch)  # first, for one that is no network says nothing of its input
    given.refuse(path, option)
    return network


def runs_elsewhere(path: Path | str) -> bool:
    """Tell whether a file is one that another runtime than PyTorch runs, by its ending."""
    return Path(path).suffix.lower() in (".onnx", ".xml")


def digest_of(*files: Path) -> str:
    """Return the SHA-256 of files' content, one after the other.

    Raises:
        CdnetError: if one cannot be read.
    """
    digest = hashlib.sha256()
    for file in files:
        try:
            with file.open("rb") as opened:
                while part := opened.read(1 << 20):
                    digest.update(part)
        except OSError as error:
            raise CdnetError(f"{file} could not be read: {error.strerror or error}") from None
    return digest.hexdigest()


def refuse_several(path: Path, what: str, names: list[str]) -> None:
    """Refuse a file with more than one input or output: which is the pictures', or the feature, would be a guess.

    Raises:
        CdnetError: that names them.
    """
    if len(names) != 1:
        raise CdnetError(
            f"{path} has {len(names)} {what}s ({', '.join(names)}); export it with one, the {MEANT[what]}, alone"
        )


def check_features(found: object, count: int, path: Path) -> Features:
    """Return what a network gave as features N x D.

    Raises:
        CdnetError: if it is not a row of finite numbers for each of the ``count`` pictures.
    """
    features = np.asarray(found if isinstance(found, np.ndarray) else None)
    if features.dtype.kind not in "fiub":
        raise CdnetError(f"{path} gives something else than features, a row of numbers for each picture")
    if features.ndim == 4 and features.shape[2:] == (1, 1):
        features = features[:, :, 0, 0]
    if features.ndim != 2 or len(features) != count or not features.shape[1]:
        shape = "x".join(map(str, features.shape)) or "no axes of"
        raise CdnetError(f"{path} gives {shape} numbers for {count} picture(s), not one row of features for each")
    if not np.isfinite(features).all():
        why = "the network's weights are broken" if path.suffix == SUFFIX else "its input may be of another range"
        raise CdnetError(f"{path} gives features that are not finite numbers; {why}")
    return features.astype(np.float32, copy=False)

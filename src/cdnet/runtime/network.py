"""One interface to every network: bytes of pictures in, features out; and opening a file by its ending."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

from cdnet.data.decode import Pixels
from cdnet.data.recipe import parse_size
from cdnet.errors import CdnetError
from cdnet.runtime.preprocessing import Preprocessing
from cdnet.weights import SUFFIX, find_weights

Features = npt.NDArray[np.float32]


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


@dataclass(frozen=True)
class Given:
    """What a user says of a network's input; None where nothing is said.

    Args:
        size: height x width.
        channels: rgb or bgr.
        range: the value of a byte of 255.
        mean: of the channels, in the network's order and range.
        std: their deviation.
    """

    size: str | None = None
    channels: Literal["rgb", "bgr"] | None = None
    range: float | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        for name, three in (("mean", self.mean), ("std", self.std)):
            if three is not None and (len(three) != 3 or not np.isfinite(three).all()):
                raise CdnetError(f"{name} needs three finite numbers, one a channel, not {list(three)}")
        if self.std is not None and min(self.std) <= 0:
            raise CdnetError(f"std needs three numbers above 0, not {list(self.std)}")
        if self.range is not None and not 0 < self.range <= 65535:
            raise CdnetError(f"range is what a byte of 255 becomes, such as 1 or 255, not {self.range:g}")

    @property
    def nothing(self) -> bool:
        """Whether nothing is said."""
        return self == Given()

    def complete(self, path: Path, size: tuple[int | None, int | None], option: str) -> Preprocessing:
        """Return the pre-processing of a file that itself says no more of it than height and width, or not even those.

        Args:
            path: of the file, for what is said of it.
            size: height and width that the file has fixed, None where they are free.
            option: what the options are called, before their last part.

        Raises:
            CdnetError: if it is not known what the network wants.
        """
        lacking = [name for name, value in (("channels", self.channels), ("range", self.range)) if value is None]
        fixed = None if None in size else f"{size[0]}x{size[1]}"
        if fixed is None and self.size is None:
            lacking.insert(0, "size")
        if lacking:
            options = ", ".join(f"--{option}{name}" for name in lacking)
            raise CdnetError(
                f"{path} does not say what its input is to be like; give {options} (sizes as 256x128, channels rgb or "
                f"bgr, range 1 or 255), and --{option}mean and --{option}std if it wants them"
            )
        if fixed is not None and self.size not in (None, fixed):
            raise CdnetError(f"{path} takes pictures of {fixed}, not of --{option}size {self.size}")
        assert self.channels is not None
        assert self.range is not None
        return Preprocessing(
            parse_size(self.size or fixed or ""),
            self.channels,
            self.range,
            self.mean or (0.0, 0.0, 0.0),
            self.std or (1.0, 1.0, 1.0),
        )


def open_network(path: Path | str, given: Given, option: str = "", batch: int = 32) -> Network:
    """Open a network by its file.

    Args:
        path: a run's folder, a ``.safetensors`` file of ours, the name of a shipped network, an ``.onnx`` file, or the
            ``.xml`` of an OpenVINO IR, which has its ``.bin`` beside it.
        given: what is known of its input; our own weights say it themselves.
        option: what the options are called that ``given`` came from, before their last part, such as ``distil.``.
        batch: pictures to take at once, where the file allows it.

    Raises:
        CdnetError: if there is no such file, it is of another kind, it is damaged, its runtime is not installed, or it
            is not known what it wants as input.
    """
    ending = Path(path).suffix.lower()
    if ending in (".onnx", ".xml"):
        if not Path(path).is_file():
            raise CdnetError(f"{path}: no such file")
        if ending == ".onnx":
            from cdnet.runtime.onnx_network import OnnxNetwork

            return OnnxNetwork(Path(path), given, option, batch)
        from cdnet.runtime.openvino_network import OpenVinoNetwork

        return OpenVinoNetwork(Path(path), given, option, batch)
    if ending and ending != SUFFIX and Path(path).is_file():
        raise CdnetError(
            f"{path}: no network that can be run; give a run's folder, a {SUFFIX} file of cdnet, an .onnx file, or the "
            ".xml of an OpenVINO IR"
        )
    file = find_weights(path)
    if not given.nothing:
        raise CdnetError(f"{path} says itself what its input is to be like; leave out --{option}size and the like")
    from cdnet.runtime.torch_network import TorchNetwork

    return TorchNetwork(file, batch)


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


def check_features(found: object, count: int, path: Path) -> Features:
    """Return what a network gave as features N x D.

    Raises:
        CdnetError: if it is not a row of finite numbers for each of the ``count`` pictures.
    """
    features = np.asarray(found)
    if features.ndim == 4 and features.shape[2:] == (1, 1):
        features = features[:, :, 0, 0]
    if features.ndim != 2 or len(features) != count:
        shape = "x".join(map(str, features.shape))
        raise CdnetError(f"{path} gives {shape} numbers for {count} picture(s), not one row of features for each")
    if not np.isfinite(features).all():
        raise CdnetError(f"{path} gives features that are not finite numbers; its input may be of another range")
    return features.astype(np.float32, copy=False)

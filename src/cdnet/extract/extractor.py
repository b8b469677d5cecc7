"""Pictures in, features out: one object for every network, every runtime, and whatever holds a picture."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, Self, TypedDict

import numpy as np

from cdnet.data.ahead import read_ahead
from cdnet.data.decode import Pixels, resize
from cdnet.errors import CdnetError
from cdnet.evaluate.blindness import refuse_blind
from cdnet.extract.boxes import cut, to_xyxy
from cdnet.extract.pictures import Read, readers
from cdnet.runtime.given import Given
from cdnet.runtime.names import AUTO, RUNTIMES
from cdnet.runtime.network import Features, Network, open_network, runs_elsewhere
from cdnet.runtime.preprocessing import Preprocessing
from cdnet.weights import find_weights

BATCH = 32
DEVICES = ("auto", "cpu", "cuda")


class _State(TypedDict):
    """How a network is opened; ``sha256`` is its file's and ``dimension`` its features' once it has been."""

    model: str
    runtime: str
    device: str
    batch: int
    given: Given
    bgr: bool
    sha256: str | None
    dimension: int


class _Pickled(TypedDict):
    name: str
    state: _State


class FeatureExtractor:
    """A network that maps pictures to features, whatever runs it.

    It can be pickled, for worker processes, which open the same file again; and threads may share it.

    Args:
        model: a run's folder, a ``.safetensors`` file of ours, a shipped network's name, an ``.onnx`` file, or the
            ``.xml`` of an OpenVINO IR. A file of ours says itself what its input is to be like.
        runtime: what computes, for weights of ours one of ``cdnet.runtime.names.RUNTIMES``; ``auto`` is PyTorch. An
            ``.onnx`` file is run by onnxruntime and an ``.xml`` by OpenVINO.
        device: ``auto``, ``cpu`` or ``cuda``, for PyTorch.
        batch: pictures to take at once. PyTorch on the CPU takes fewer as they come; other runtimes fill them up.
        bgr: whether arrays and tensors are blue, green, red; a call can say otherwise.
        size: of another's file: height x width, such as ``256x128`` or (256, 128), where the file leaves it free.
        channels: of another's file: the order that it wants, ``rgb`` or ``bgr``.
        range: of another's file: what a byte of 255 is to become, 1 or 255.
        mean: of another's file: of its channels, in its order and range.
        std: of another's file: deviation of its channels, in its order and range.

    Raises:
        CdnetError: if there is no such network, it is damaged, its runtime is not there, it is not known what it
            wants as input, or it gives the same whatever picture it sees.
    """

    def __init__(
        self,
        model: Path | str,
        runtime: str = AUTO,
        *,
        device: str = "auto",
        batch: int = BATCH,
        bgr: bool = False,
        size: str | Sequence[int] | None = None,
        channels: Literal["rgb", "bgr"] | None = None,
        range: float | None = None,
        mean: Sequence[float] | None = None,
        std: Sequence[float] | None = None,
    ) -> None:
        given: tuple[Any, ...] = (size, channels, range, mean, std)  # whose kinds Given looks at
        self._begin(model, Given(*given), runtime, device, batch, bgr, "")

    @classmethod
    def by_options(cls, model: Path | str, given: Given, runtime: str, device: str, batch: int = BATCH) -> Self:
        """Make one of what a command line says, ``given`` by ``--input.size`` and the like; raises as always."""
        made = cls.__new__(cls)
        made._begin(model, given, runtime, device, batch, False, "input.")
        return made

    def _begin(
        self, model: Path | str, given: Given, runtime: str, device: str, batch: int, bgr: bool, option: str
    ) -> None:
        if not hasattr(batch, "__index__") or not 1 <= batch <= 4096:  # NumPy's whole numbers are fine
            raise CdnetError(f"a batch has 1 to 4,096 pictures, not {batch}")
        if device not in DEVICES:
            raise CdnetError(f"{device!r} is no device here; known are {', '.join(DEVICES)}")
        # Absolute, for a worker process may work in another folder.
        elsewhere = runs_elsewhere(model)
        path = Path(model) if elsewhere else find_weights(model)
        self._state: _State = {
            "model": os.path.abspath(path) if path.is_file() else str(path),
            "runtime": runtime,
            "device": device,
            "batch": int(batch),
            "given": given,
            "bgr": bgr,
            "sha256": None,
            "dimension": 0,
        }
        self.name = str(model)
        self._open(str(model), option)
        self._state["dimension"] = refuse_blind(self.network, self.name)

    def _open(self, name: str, option: str = "") -> None:
        state = self._state
        how = state["runtime"], state["device"], state["batch"], state["given"]
        self.network = _open(state["model"], name, *how, option)
        if state["sha256"] not in (None, self.network.digest):
            raise CdnetError(f"{state['model']} is another file than when this extractor was made; make it again")
        state["sha256"] = self.network.digest
        self._turn = threading.Lock()

    def __getstate__(self) -> _Pickled:
        """Return how to open the same network again."""
        return {"name": self.name, "state": self._state}

    def __setstate__(self, state: _Pickled) -> None:
        """Open the network again.

        Raises:
            CdnetError: if its file has gone or is another one.
        """
        self.name, self._state = state["name"], state["state"].copy()
        self._open(self.name)

    @property
    def preprocessing(self) -> Preprocessing:
        """What is done to a picture's bytes before the network sees them."""
        return self.network.preprocessing

    @property
    def runtime(self) -> str:
        """What computes: as it was asked for, or ``auto``."""
        return str(self._state["runtime"])

    @property
    def digest(self) -> str:
        """SHA-256 of the network's file."""
        return self.network.digest

    @property
    def dimension(self) -> int:
        """D, the numbers of a picture's features."""
        return self._state["dimension"]

    def __call__(
        self, pictures: Any, boxes: Any = None, *, bgr: bool | None = None, box_format: str = "xyxy"
    ) -> Features:
        """Return the features of pictures, or of the boxes on a frame: N x D, as the network gives them.

        They are not scaled to unit length. Pictures are decoded, turned upright and resized as in ``cdnet evaluate``.

        Args:
            pictures: one or several, as :func:`cdnet.extract.pictures.readers` takes them: paths, Pillow's pictures,
                arrays H x W x 3, tensors 3 x H x W. With ``boxes``, one frame.
            boxes: on the frame, as :func:`cdnet.extract.boxes.to_xyxy` takes them; what lies outside is cut off. No
                boxes give 0 x D, for a frame may show nobody.
            bgr: whether arrays and tensors are blue, green, red; None means what the extractor was made with.
            box_format: ``xyxy``, ``ltwh``, ``cxcywh`` or ``mot``.

        Raises:
            CdnetError: if there is no picture, one cannot be read, a box has no pixel within the frame, or the network
                does not give finite numbers. Nothing is left out: it is all the features or none.
        """
        read = readers(pictures, self._state["bgr"] if bgr is None else bgr)
        if boxes is None:
            return self._of_readers(read)
        if len(read) != 1:
            raise CdnetError(f"boxes are on one frame, and {len(read)} pictures are given; give one frame at a time")
        edges = to_xyxy(boxes, box_format)
        if not len(edges):
            return np.zeros((0, self.dimension), np.float32)
        size = self.preprocessing.size
        parts = [resize(np.ascontiguousarray(part), *size) for part in cut(read[0](), edges)]
        step = self.network.batch
        return np.concatenate([self.of_pixels(np.stack(parts[i : i + step])) for i in range(0, len(parts), step)])

    def of_pixels(self, pixels: Pixels, fill: bool = False) -> Features:
        """Return the features of N x H x W x 3 RGB bytes at the network's size, N at most its batch.

        Args:
            pixels: at least one picture.
            fill: compute a whole batch whatever N is, so that features do not depend on N in their last bits.

        Raises:
            CdnetError: if the features are not finite numbers.
        """
        count, batch = len(pixels), self.network.batch
        if fill and count < batch:
            pixels = np.concatenate([pixels, np.repeat(pixels[-1:], batch - count, axis=0)])
        with self._turn:  # a compiled network has one place for its input
            return self.network(np.ascontiguousarray(pixels))[:count]

    def _of_readers(self, read: list[Read]) -> Features:
        size, step = self.preprocessing.size, self.network.batch

        def one(picture: Read) -> Pixels:
            return resize(picture(), *size)

        if len(read) == 1:
            return self.of_pixels(one(read[0])[None])
        batches = (read[i : i + step] for i in range(0, len(read), step))
        return np.concatenate([self.of_pixels(pixels) for pixels in read_ahead(one, batches)])


def _open(model: str, name: str, runtime: str, device: str, batch: int, given: Given, option: str) -> Network:
    if runs_elsewhere(model):
        own = "onnxruntime" if model.lower().endswith(".onnx") else "openvino"
        if runtime not in (AUTO, own):
            raise CdnetError(f"{name} is run by {own}, not by {runtime}; leave the runtime out")
        if device == "cuda":
            raise CdnetError(f"{name} is run on the CPU here; leave the device out")
        return open_network(model, given, option, batch)
    if runtime not in (AUTO, *RUNTIMES):
        raise CdnetError(f"{runtime!r} is no runtime; known are {', '.join((AUTO, *RUNTIMES))}")
    given.refuse(name, option)
    from cdnet.device import choose_device

    where = choose_device(device if runtime in (AUTO, "torch") or device == "cuda" else "cpu")
    if where.type == "cpu" and runtime in (AUTO, "torch"):
        return open_network(model, given, option, batch)
    from cdnet.runtime.own_network import OwnNetwork

    return OwnNetwork(model, "torch" if runtime == AUTO else runtime, batch, where)


def embed(weights: Path | str, paths: Any) -> Features:
    """Return the features N x D of pictures by a network: :class:`FeatureExtractor` made and used once.

    Args:
        weights: whatever :class:`FeatureExtractor` takes as ``model``.
        paths: one or several pictures, as it takes them.

    Raises:
        CdnetError: as :class:`FeatureExtractor` does.
    """
    return FeatureExtractor(weights)(paths)

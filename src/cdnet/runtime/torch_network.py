"""Weights of ours, run by PyTorch."""

from __future__ import annotations

from pathlib import Path

import torch

from cdnet.data.augment import normalise
from cdnet.data.decode import Pixels
from cdnet.runtime.network import Features, check_features, digest_of
from cdnet.runtime.preprocessing import Preprocessing
from cdnet.weights import find_weights, load_model


class TorchNetwork:
    """A ``.safetensors`` file of ours on the CPU, as it is defined: what other ways to run it are held against."""

    def __init__(self, path: Path | str, batch: int) -> None:
        path = find_weights(path)
        model, spec = load_model(path)
        self.path, self.batch, self.digest = path, batch, digest_of(path)
        self.preprocessing = Preprocessing(spec.size, "rgb", 1.0, spec.mean, spec.std)
        self._model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    @torch.inference_mode()
    def __call__(self, pixels: Pixels) -> Features:
        """Map RGB bytes N x H x W x 3 to features N x D."""
        given = normalise(torch.from_numpy(pixels), self.preprocessing.mean, self.preprocessing.std)
        return check_features(self._model(given).numpy(), len(pixels), self.path)

"""The call shape of torchreid's ``FeatureExtractor``: a script for it changes its import and what network it names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from cdnet.errors import CdnetError
from cdnet.extract import extractor
from cdnet.model_input import IMAGENET_MEAN, IMAGENET_STD


class FeatureExtractor:
    """Takes a path, an array H x W x 3 (RGB), a list of these, or a tensor that is normalised; gives a tensor N x D.

    Args:
        model_name: a shipped network's name, where ``model_path`` is not given; else it is not used.
        model_path: whatever :class:`cdnet.FeatureExtractor` takes as ``model``.
        image_size: of the pictures; None takes the network's, and another one is refused.
        pixel_mean: how tensors that are given were normalised; other pictures are as the network wants it.
        pixel_std: likewise.
        pixel_norm: whether tensors that are given were normalised at all, beyond 0 to 1.
        device: where PyTorch computes, and where the features go.
        verbose: say which network it is.

    Raises:
        CdnetError: as :class:`cdnet.FeatureExtractor` does.
    """

    def __init__(
        self,
        model_name: str = "",
        model_path: str = "",
        image_size: Sequence[int] | int | None = None,
        pixel_mean: Sequence[float] = IMAGENET_MEAN,
        pixel_std: Sequence[float] = IMAGENET_STD,
        pixel_norm: bool = True,
        device: str = "cuda",
        verbose: bool = True,
    ) -> None:
        if not (model_path or model_name):
            raise CdnetError("no network is named; give its file as model_path, or a shipped network's model_name")
        try:
            self.device = torch.device(device)
        except (RuntimeError, TypeError):
            raise CdnetError(f"{device!r} is no device; give cpu, cuda, or one GPU as cuda:1") from None
        self._extractor = extractor.FeatureExtractor(model_path or model_name, device=self.device.type)
        size = self._extractor.preprocessing.size
        wanted = (image_size,) if isinstance(image_size, int) else tuple(image_size or size)
        if wanted != size:
            raise CdnetError(
                f"{model_path or model_name} takes pictures of {size[0]}x{size[1]}, not of "
                f"{'x'.join(map(str, wanted))}; leave image_size out"
            )
        self._mean, self._std = (pixel_mean, pixel_std) if pixel_norm else ((0.0,) * 3, (1.0,) * 3)
        if verbose:
            from cdnet.shown_text import say

            say(f"Model: {model_path or model_name}", f"- features: {self._extractor.dimension}")

    def __call__(self, input: Any) -> Tensor:  # torchreid calls it so
        """Return the features N x D on the device.

        Raises:
            CdnetError: as :class:`cdnet.FeatureExtractor` does, or if a tensor is not as it was said to be.
        """
        given = self._as_bytes(input) if isinstance(input, Tensor) else input
        return torch.from_numpy(self._extractor(given)).to(self.device)

    def _as_bytes(self, tensor: Tensor) -> np.ndarray:
        # The bytes that were normalised come back exactly: they are 255 steps apart, and floats far finer. What was
        # between two bytes goes to the nearer one.
        if tensor.ndim not in (3, 4) or tensor.shape[-3] != 3:
            shape = " x ".join(map(str, tensor.shape))
            raise CdnetError(f"a tensor of {shape} is no picture; tensors are 3 x H x W, or N of them")
        mean, std = (torch.tensor(tuple(three)).view(3, 1, 1) for three in (self._mean, self._std))
        values = tensor.detach().float().cpu() * std + mean
        if not (values.min() >= -1e-3 and values.max() <= 1 + 1e-3):
            raise CdnetError(
                f"a tensor whose pixels are from {values.min():.3g} to {values.max():.3g}, and not 0 to 1, once its "
                "normalisation is undone; pixel_mean, pixel_std and pixel_norm say how it was normalised"
            )
        pixels = (values * 255).round().clamp(0, 255).byte()
        return np.ascontiguousarray(np.moveaxis(pixels.numpy(), -3, -1))

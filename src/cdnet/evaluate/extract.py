"""Features of pictures: running an inference network over a split."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from cdnet.crowding import WATCH
from cdnet.data.augment import normalise
from cdnet.data.cache import Progress, silently
from cdnet.data.decode import Pixels
from cdnet.data.pictures import Picture
from cdnet.data.real_paths import RealPaths
from cdnet.evaluate.labels import UNKNOWN, Labels
from cdnet.model_input import IMAGENET_MEAN, IMAGENET_STD
from cdnet.runtime.network import Features, Network


@torch.inference_mode()
def extract(
    model: nn.Module,
    pixels: Pixels,
    mean: tuple[float, ...] = IMAGENET_MEAN,
    std: tuple[float, ...] = IMAGENET_STD,
    batch: int = 64,
    progress: Progress = silently,
    flip: bool = False,
) -> Tensor:
    """Return features N x D, on the CPU, of pictures N x H x W x 3 bytes.

    The network is used in evaluation mode and left in the mode it was in. With ``flip``, a picture's features are the
    mean of its own and of its mirror image's, as the network gives them: not scaled to unit length before.

    Raises:
        ValueError: if there are no pictures.
    """
    if not len(pixels):
        raise ValueError("there are no pictures to extract features of")
    device = next(model.parameters()).device
    was_training = model.training
    model.eval()
    features = []
    starts = range(0, len(pixels), batch)
    for start in progress(starts, "extracting features", len(starts)):
        part = torch.from_numpy(np.array(pixels[start : start + batch])).to(device)
        found = model(normalise(part, mean, std)).float()
        if flip:
            found = (found + model(normalise(part.flip(2), mean, std)).float()) / 2
        features.append(found.cpu())
        if device.type == "cpu":
            WATCH.look()
    model.train(was_training)
    return torch.cat(features)


def extract_by(network: Network, pixels: Pixels, flip: bool = False, progress: Progress = silently) -> Tensor:
    """Return features N x D of pictures N x H x W x 3 bytes by a network that any runtime runs.

    Its batch is the network's own. ``flip`` is that of :func:`extract`.

    Raises:
        CdnetError: if the network does not give one row of finite numbers a picture.
    """
    features = []
    starts = range(0, len(pixels), network.batch)
    for start in progress(starts, "extracting features", len(starts)):
        features.append(extract_batch(network, np.array(pixels[start : start + network.batch]), flip))
    return torch.from_numpy(np.concatenate(features))


def extract_batch(network: Network, part: Pixels, flip: bool) -> Features:
    """Return features n x D of no more pictures n x H x W x 3 than the network takes at once.

    Raises:
        CdnetError: if the network does not give one row of finite numbers a picture.
    """
    found = network(part)
    if flip:
        found = (found + network(part[:, :, ::-1])) / np.float32(2)
    WATCH.look()
    return found


def number_labels(*splits: Iterable[Picture]) -> list[Labels]:
    """Turn identities, cameras and files into numbers, the same number for the same one in every split."""
    identities: dict[Any, int] = {}
    cameras: dict[Any, int] = {}
    pictures: dict[Any, int] = {}
    labels, real = [], RealPaths()
    for split in splits:
        rows = [
            (
                identities.setdefault(picture.identity, len(identities)),
                UNKNOWN if picture.camera is None else cameras.setdefault(picture.camera, len(cameras)),
                pictures.setdefault(real(picture.path), len(pictures)),
            )
            for picture in split
        ]
        labels.append(Labels(*torch.tensor(rows, dtype=torch.long).reshape(-1, 3).T.contiguous()))
    return labels

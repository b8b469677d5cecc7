"""A run's network with all that training had, and the features on both sides of its neck.

Inference weights lack what stands after feats_tri; a run's checkpoint has it.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from cdnet.data.cache import Progress, silently
from cdnet.data.decode import Pixels
from cdnet.engine.checkpoint import FILE, load_checkpoint
from cdnet.errors import CdnetError
from cdnet.evaluate.extract import extract
from cdnet.nn.model import ReidModel
from cdnet.weights import ModelSpec, load_model

FBLNECK_PARTS = ("BLNeck", "FNeck")
"""The parts of FBLNeck, in the order of its heads."""


class Sides(NamedTuple):
    """One head's features of N pictures: ``triplet`` N x D (feats_tri) and ``softmax`` N x E (feats_fc)."""

    part: str
    triplet: Tensor
    softmax: Tensor


def load_training_network(run: Path | str, device: str | torch.device = "cpu") -> tuple[ReidModel, ModelSpec]:
    """Read a run's checkpoint: the network with what only training needs, in evaluation mode, and its spec.

    Args:
        run: the folder of a training run, with ``checkpoint.pt`` and ``weights.safetensors``.
        device: where to put the network.

    Raises:
        CdnetError: if it is inference weights, or no folder of a training run, or the files do not fit each other.
    """
    run = Path(run)
    if not (run / FILE).is_file():
        raise CdnetError(
            f"{run}: the softmax side of a neck is only in a training run's {FILE}, inference weights lack it; "
            f"give a run's folder that has one"
        )
    _, spec = load_model(run)
    state = load_checkpoint(run)
    try:
        model = spec.build(int(state["source"]["identities"]))
        model.load_state_dict(state["model"])
    except (RuntimeError, KeyError, TypeError, ValueError, AttributeError):
        raise CdnetError(f"{run / FILE}: the checkpoint is of another network than the weights beside it") from None
    return model.to(device).eval(), spec


class _BothSides(nn.Module):
    """Gives the features of all heads side by side, N x sum of their widths, so that one pass has them all."""

    def __init__(self, model: ReidModel) -> None:
        super().__init__()
        self.model = model
        self.widths: list[int] = []

    def forward(self, x: Tensor) -> Tensor:
        heads = self.model.neck.heads(self.model.backbone(x))
        sides = [side for head in heads for side in (head.triplet, head.softmax)]
        self.widths = [side.shape[1] for side in sides]
        return torch.cat(sides, dim=1)


def head_features(model: ReidModel, spec: ModelSpec, pixels: Pixels, progress: Progress = silently) -> list[Sides]:
    """Return the features before and after each head of a network, as inference normalises (batch norms are frozen).

    Args:
        model: as :func:`load_training_network` gives it.
        spec: likewise.
        pixels: N x H x W x 3 bytes of the network's size.
        progress: shows how far it is.

    Raises:
        CdnetError: if a feature is not finite.
    """
    both = _BothSides(model).train(model.training)  # extract leaves it in the mode that it finds
    features = extract(both, pixels, spec.mean, spec.std, progress=progress)
    if not features.isfinite().all():
        raise CdnetError("the network gives features that are not finite numbers; its training went astray")
    split = torch.split(features, both.widths, dim=1)
    pairs = list(zip(split[::2], split[1::2], strict=True))
    numbered = tuple(f"head {number}" for number in range(1, len(pairs) + 1))
    names = FBLNECK_PARTS[: len(pairs)] if spec.neck == "fblneck" else numbered
    return [Sides(name, *pair) for name, pair in zip(names, pairs, strict=True)]

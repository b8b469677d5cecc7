"""Figure 6: where in a picture the last feature map of each stage is strong."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import matplotlib
import numpy as np
import numpy.typing as npt
import torch
from matplotlib.cm import ScalarMappable
from torch import Tensor, nn

from cdnet.data.augment import normalise
from cdnet.data.decode import Pixels
from cdnet.errors import CdnetError
from cdnet.figures.style import Drawn, new_figure, paper_style, picture_panel
from cdnet.model_input import IMAGENET_MEAN, IMAGENET_STD
from cdnet.nn.backbone import StagedBackbone
from cdnet.nn.model import ReidModel

Maps = npt.NDArray[np.float32]

STAGES = ("stage1", "stage2", "stage3")
COLOURS = "inferno"
"""From dark to light all the way, so that it says the same in grey."""

SHARE = 0.6
"""Of the map's colours in an overlay; the rest is the picture in grey."""

SHARP = 256
"""Rows of pixels that a picture in print needs at least."""

MOST = 24
"""Pictures in one figure."""

# In inches: of a panel, between panels, between the two pictures of a row, and around all. Two pictures fill a page.
WIDE, GAP, BETWEEN, MARGIN, HEAD, FOOT = 0.84, 0.03, 0.12, 0.03, 0.2, 0.3


@torch.inference_mode()
def stage_maps(
    model: ReidModel,
    pixels: Pixels,
    mean: tuple[float, ...] = IMAGENET_MEAN,
    std: tuple[float, ...] = IMAGENET_STD,
) -> list[Tensor]:
    """Return how strong the last feature map of each of the three stages is at each of its places.

    A stage's output (before any DownSample) is C x h x w; its strength at a place is the Euclidean length of the C
    values there. At 256x128 the three maps are 64x32, 32x16 and 16x8.

    Args:
        model: a network, in evaluation mode.
        pixels: N x H x W x 3 bytes, of the network's size.
        mean: of the input's channels.
        std: deviation of the input's channels.

    Returns:
        Three tensors N x h x w, at least 0, on the CPU.

    Raises:
        CdnetError: if its backbone has not the three stages of Figure 4.
    """
    if not isinstance(model.backbone, StagedBackbone):
        raise CdnetError("feature maps are drawn of networks with the paper's three stages, and this one has others")
    device = next(model.parameters()).device
    caught: dict[str, Tensor] = {}

    def catch(name: str) -> object:
        def hook(_module: nn.Module, _inputs: object, output: Tensor) -> None:
            caught[name] = output.float().norm(dim=1).cpu()

        return model.backbone.get_submodule(name).register_forward_hook(hook)

    hooks = [catch(name) for name in STAGES]
    try:
        model.backbone(normalise(torch.from_numpy(np.array(pixels)).to(device), mean, std))
    finally:
        for hook in hooks:
            hook.remove()  # type: ignore[attr-defined]
    return [caught[name] for name in STAGES]


def shown_size(size: tuple[int, int]) -> tuple[int, int]:
    """Return height and width to show pictures at: the network's, times the least whole number that makes it sharp."""
    times = -(-SHARP // size[0])
    return size[0] * times, size[1] * times


def to_unit_range(maps: Tensor) -> Maps:
    """Scale each map of N x h x w to [0, 1] by its own least and greatest value; a flat map becomes 0."""
    low, high = maps.amin((1, 2), keepdim=True), maps.amax((1, 2), keepdim=True)
    found: Maps = ((maps - low) / (high - low).clamp_min(1e-12)).numpy()
    return found


def overlay(picture: Pixels, strength: Maps, share: float = SHARE) -> Pixels:
    """Lay a map over a picture: H x W x 3 bytes.

    Args:
        picture: H x W x 3 bytes; shown in grey, so that its colours are not taken for the map's.
        strength: h x w in [0, 1], resized linearly to H x W.
        share: of the map's colours, 0 to 1.
    """
    height, width = picture.shape[:2]
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)[:, :, None] / 255
    resized = cv2.resize(strength, (width, height), interpolation=cv2.INTER_LINEAR)
    colours = matplotlib.colormaps[COLOURS](np.clip(resized, 0, 1))[:, :, :3]
    return np.rint(255 * (share * colours + (1 - share) * grey)).astype(np.uint8)


def draw_feature_maps(pixels: Pixels, maps: Sequence[Tensor]) -> Drawn:
    """Draw each picture with its three maps over it, two pictures side by side, as Figure 6 does.

    Args:
        pixels: N x H x W x 3 bytes, 1 to ``MOST`` pictures, perhaps larger than the network had them.
        maps: what :func:`stage_maps` gave for them.
    """
    assert 1 <= len(pixels) <= MOST
    shown = [to_unit_range(stage) for stage in maps]
    blocks = min(2, len(pixels))
    rows = -(-len(pixels) // blocks)
    down = WIDE * pixels.shape[1] / pixels.shape[2] + GAP
    across = 4 * (WIDE + GAP) + BETWEEN
    width, height = MARGIN * 2 + blocks * across - BETWEEN - GAP, HEAD + rows * down - GAP + FOOT
    with paper_style():
        figure = new_figure(width, height, arranged=False)
        for number, picture in enumerate(pixels):
            row, block = divmod(number, blocks)
            panels = [picture, *(overlay(picture, stage[number]) for stage in shown)]
            titles = ("picture", "(a) stage 1", "(b) stage 2", "(c) stage 3")
            for column, (panel, title) in enumerate(zip(panels, titles, strict=True)):
                left = MARGIN + block * across + column * (WIDE + GAP)
                ax = picture_panel(figure, panel, left, HEAD + row * down, WIDE)
                if row == 0:
                    ax.set_title(title, pad=3)
        key = figure.add_axes((0.5 - 0.9 / width, 0.1 / height, 1.8 / width, 0.09 / height))
        bar = figure.colorbar(ScalarMappable(cmap=COLOURS), cax=key, orientation="horizontal", ticks=[])
        bar.outline.set_linewidth(0.4)
        for place, side, text in ((-0.03, "right", "weakest place"), (1.03, "left", "strongest")):
            key.text(place, 0.45, text, ha=side, va="center", transform=key.transAxes)
    about = (
        f"{len(pixels)} picture(s), each followed by the strength of the last feature map of stages 1, 2 and 3, laid "
        f"over the picture in grey: the length of the feature at each place, from dark (weakest) to light (strongest)."
    )
    return Drawn(figure, "Feature maps of the three stages", about)

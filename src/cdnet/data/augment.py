"""Augmentation of whole batches, on the device that trains (Section 4.2, and the schedule of OSNet and Bag of Tricks).

Everything random is drawn on the CPU from one generator before anything else happens, so that the same generator
gives the same batch on every device.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from cdnet.data.jitter import jitter_colours
from cdnet.model_input import IMAGENET_MEAN, IMAGENET_STD

ERASE_AREA = (0.02, 0.4)
ERASE_ASPECT = (0.3, 1 / 0.3)
ERASE_TRIES = 16


class Draws(NamedTuple):
    """The random part of one batch: flips N, offsets N x 2 in [-pad, pad], boxes N x 4 (top, left, bottom, right).

    Where colours are varied, ``factors`` N x 3 multiply brightness, contrast and saturation; where noise is put into
    boxes, ``noise`` N x H x W x 3 has it.
    """

    flips: Tensor
    offsets: Tensor
    boxes: Tensor
    factors: Tensor | None = None
    noise: Tensor | None = None

    def rows(self, start: int, stop: int) -> Draws:
        """Return the draws of a part of the batch."""
        return Draws(*(part if part is None else part[start:stop] for part in self))  # type: ignore[arg-type]

    def at(self, rows: Tensor) -> Draws:
        """Return the draws of some of the pictures, by their numbers."""
        return Draws(*(part if part is None else part[rows] for part in self))  # type: ignore[arg-type]


def draw(
    count: int,
    size: tuple[int, int],
    flip: float,
    pad: int,
    erase: float,
    generator: torch.Generator,
    jitter: float = 0.0,
    noise: bool = False,
) -> Draws:
    """Draw how ``count`` pictures of height x width are varied.

    Args:
        count: N.
        size: height and width.
        flip: probability of a horizontal flip.
        pad: the furthest shift in each direction, as if so many black pixels were added and cropped away at random.
        erase: probability that a random rectangle, 2 to 40 % of the picture, is erased (Zhong et al. 2020).
        generator: on the CPU.
        jitter: how far from 1 the factors of brightness, contrast and saturation are at most.
        noise: whether rectangles are filled with normal numbers.
    """
    flips = torch.rand(count, generator=generator) < flip
    offsets = torch.randint(-pad, pad + 1, (count, 2), generator=generator)
    boxes = _erase_boxes(count, size, erase, generator)
    factors = 1 + jitter * (2 * torch.rand(count, 3, generator=generator) - 1) if jitter else None
    return Draws(flips, offsets, boxes, factors, torch.randn(count, *size, 3, generator=generator) if noise else None)


def _erase_boxes(count: int, size: tuple[int, int], erase: float, generator: torch.Generator) -> Tensor:
    # The first of several tries whose rectangle fits; an empty box where none does, or chance says no.
    height, width = size
    uniform = torch.rand(4, count, ERASE_TRIES, generator=generator)
    chosen = torch.rand(count, generator=generator) < erase
    area = (ERASE_AREA[0] + (ERASE_AREA[1] - ERASE_AREA[0]) * uniform[0]) * height * width
    low, high = (math.log(aspect) for aspect in ERASE_ASPECT)
    aspect = (low + (high - low) * uniform[1]).exp()
    h, w = (area * aspect).sqrt().round(), (area / aspect).sqrt().round()
    fits = (h < height) & (w < width)
    first = fits.int().argmax(1, keepdim=True)
    chosen &= fits.any(1)
    top = (uniform[2] * (height - h + 1)).floor()
    left = (uniform[3] * (width - w + 1)).floor()
    boxes = torch.stack([top, left, top + h, left + w], dim=-1)
    picked = boxes.gather(1, first[:, :, None].expand(-1, -1, 4))[:, 0].long()
    return picked * chosen[:, None]


def augment(
    pixels: Tensor, draws: Draws, mean: tuple[float, ...] = IMAGENET_MEAN, std: tuple[float, ...] = IMAGENET_STD
) -> Tensor:
    """Vary colours, flip, shift and normalise a batch, then erase boxes to noise or 0, the mean of normalised pictures.

    Args:
        pixels: N x H x W x 3 bytes, on any device.
        draws: for these N pictures.
        mean: of the channels, for values in [0, 1].
        std: deviation of the channels.

    Returns:
        N x 3 x H x W, float32 in channels-last memory, normalised.
    """
    device = pixels.device
    flips, offsets, boxes = (part.to(device, non_blocking=True) for part in draws[:3])
    if draws.factors is not None:
        pixels = jitter_colours(pixels, draws.factors.to(device, non_blocking=True))
    count, height, width = pixels.shape[:3]
    y, x = torch.arange(height, device=device), torch.arange(width, device=device)
    rows = (y + offsets[:, :1])[:, :, None]
    columns = (torch.where(flips[:, None], width - 1 - x, x) + offsets[:, 1:])[:, None, :]
    top, left, bottom, right = (edge[:, None, None] for edge in boxes.T)
    erased = ((y[:, None] >= top) & (y[:, None] < bottom)) & ((x >= left) & (x < right))
    outside = ((rows < 0) | (rows >= height)) | ((columns < 0) | (columns >= width))
    # One gather from a table of all normalised pixels does everything; its last two rows are black and the mean.
    normal = normalise(pixels, mean, std).permute(0, 2, 3, 1).reshape(-1, 3)
    black = normalise(pixels.new_zeros(1, 1, 1, 3), mean, std).view(1, 3)
    table = torch.cat([normal, black, torch.zeros_like(black)])
    first = torch.arange(count, device=device)[:, None, None] * (height * width)
    index = first + rows * width + columns
    index = index.masked_fill_(outside, len(table) - 2).masked_fill_(erased, len(table) - 1)
    made = table.index_select(0, index.view(-1)).view(count, height, width, 3)
    if draws.noise is not None:
        made = torch.where(erased[..., None], draws.noise.to(device, non_blocking=True), made)
    return made.permute(0, 3, 1, 2)


def normalise(pixels: Tensor, mean: tuple[float, ...] = IMAGENET_MEAN, std: tuple[float, ...] = IMAGENET_STD) -> Tensor:
    """Map values of 0 to 255 N x H x W x 3 to (x / 255 - mean) / std, float32 N x 3 x H x W in channels-last memory."""
    count, height, width = pixels.shape[:3]
    # Rows of W x 3 values against a tiled mean: an innermost axis of 3 would not be vectorised on a CPU.
    scale = torch.tensor(std, device=pixels.device).repeat(width) * 255
    shift = torch.tensor(mean, device=pixels.device).repeat(width) * 255
    rows = pixels.reshape(count, height, width * 3).float()
    return ((rows - shift) / scale).view(count, height, width, 3).permute(0, 3, 1, 2)


def to_bytes(images: Tensor, mean: tuple[float, ...] = IMAGENET_MEAN, std: tuple[float, ...] = IMAGENET_STD) -> Tensor:
    """Map normalised pictures N x 3 x H x W back to the nearest bytes N x H x W x 3."""
    scale, shift = (images.new_tensor(values) for values in (std, mean))
    return ((images.permute(0, 2, 3, 1) * scale + shift) * 255).round().clamp(0, 255).byte()

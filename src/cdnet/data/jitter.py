"""Colours of whole batches varied: brightness, contrast and saturation, one after another."""

from __future__ import annotations

import torch
from torch import Tensor

LUMA = (0.299, 0.587, 0.114)
"""How much red, green and blue count for how bright a pixel is (ITU-R BT.601)."""


def jitter_colours(pixels: Tensor, factors: Tensor) -> Tensor:
    """Vary pictures as Pillow's enhancers do: brightness, then contrast, then saturation.

    Brightness draws away from black, contrast from the picture's mean grey, saturation from each pixel's own grey.

    Args:
        pixels: N x H x W x 3 bytes.
        factors: N x 3, at least 0, of the three in this order; 1 leaves all as it is.

    Returns:
        N x H x W x 3, float32 from 0 to 255.
    """
    brightness, contrast, saturation = factors[:, :, None, None, None].unbind(1)
    made = (pixels * brightness).clamp(0, 255)
    made = torch.lerp(_grey(made).mean((1, 2, 3), keepdim=True), made, contrast).clamp(0, 255)
    return torch.lerp(_grey(made), made, saturation).clamp(0, 255)


def _grey(pixels: Tensor) -> Tensor:
    return (pixels * pixels.new_tensor(LUMA)).sum(3, keepdim=True)

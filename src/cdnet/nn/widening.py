"""A wider network that computes what a narrower one does, so that training goes on from it.

Every channel becomes several that are alike, and a convolution's weights are divided among the copies that it reads, as
in Net2Net (Chen, Goodfellow and Shlens, ICLR 2016, Section 2.2). The shares are unequal and differ from output to
output: the sum is the same, but the copies' gradients are not, so that training tells them apart. The paper has nothing
of this.
"""

from __future__ import annotations

import torch
from torch import Tensor


def can_be_widened(narrow: torch.Size, wide: torch.Size) -> bool:
    """Say whether the one shape has a whole number of copies of the other's channels, its first two sizes, and is
    otherwise the same."""
    return (
        len(narrow) == len(wide)
        and 0 not in (*narrow, *wide)
        and narrow[2:] == wide[2:]
        and all(more % size == 0 for size, more in zip(narrow, wide, strict=True))
    )


def widened(tensor: Tensor, shape: torch.Size, generator: torch.Generator) -> Tensor:
    """Return a layer's tensor for a network that has a whole number of copies of each channel.

    Args:
        tensor: O x I x K x K or O x I weights, O and I being channels, or what a layer has once a channel (bias, batch
            norm).
        shape: the wider network's shape of it: O' and I' multiples of O and I, everything else as it is.
        generator: draws the shares, from 1/2 to 3/2 before they are made to sum to 1.

    Returns:
        A tensor of that shape. Channel o' is a copy of o' modulo O; over the copies of an input, the weights sum to the
        narrower network's. Where only O grows, as in a depthwise convolution, it is copies alone.

    Raises:
        ValueError: if the shape is not such a one.
    """
    if not can_be_widened(tensor.shape, shape):
        raise ValueError(f"{tuple(tensor.shape)} cannot be widened to {tuple(shape)}")
    if tensor.dim() == 0:
        return tensor.clone()
    copies = [wide // narrow for wide, narrow in zip(shape, tensor.shape, strict=True)]
    wide = tensor.repeat(copies)
    if tensor.dim() == 1 or copies[1] == 1:
        return wide
    shares = torch.rand(shape[0], copies[1], tensor.shape[1], generator=generator) + 0.5
    shares = (shares / shares.sum(1, keepdim=True)).reshape(shape[0], shape[1], *[1] * (tensor.dim() - 2))
    return wide * shares.to(tensor.dtype)

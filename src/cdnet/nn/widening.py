"""A wider network that computes what a narrower one does, so that training goes on from it.

Every channel becomes several that are alike, and a convolution's weights are divided among the copies that it reads,
as in Net2Net (Chen, Goodfellow and Shlens, ICLR 2016, Section 2.2). The shares are unequal and differ from output to
output: the sum is the same, but the copies' gradients are not, so that training tells them apart. The paper has nothing
of this.
"""

from __future__ import annotations

from collections.abc import Mapping
from statistics import mode

import torch
from torch import Tensor, nn


def times_wider(narrow: Mapping[str, Tensor], wide: Mapping[str, Tensor]) -> int:
    """Return how many copies of most channels of one network make the other's, or 0 where one is of no whole number.

    A layer may have another number than most: rounding gives OSNet's gates 1 channel at a quarter of the width and 3 at
    half.

    Args:
        narrow: the layers' tensors, by name.
        wide: those of the other network.
    """
    if narrow.keys() != wide.keys():
        return 0
    pairs = [(tensor, wide[name]) for name, tensor in narrow.items()]
    if not all(fits(few.shape, many.shape) for few, many in pairs):
        return 0
    return mode(count for few, many in pairs for count in copies(few.shape, many.shape)[:1])


def fits(narrow: torch.Size, wide: torch.Size) -> bool:
    """Tell whether a layer's tensor can be widened to another shape."""
    counts = copies(narrow, wide)
    return len(narrow) == len(wide) and 0 not in counts and set(counts[2:]) <= {1}


def copies(narrow: torch.Size, wide: torch.Size) -> tuple[int, ...]:
    """Return how often each dimension stands in the other shape's; 0 where that is no whole number of times."""
    return tuple(
        large // small if small and large % small == 0 else 0 for small, large in zip(narrow, wide, strict=False)
    )


def widened(tensor: Tensor, shape: torch.Size, generator: torch.Generator) -> Tensor:
    """Return a layer's tensor for a network that has a whole number of copies of each channel.

    Args:
        tensor: O x I x K x K or O x I weights, or what a layer has once a channel (bias, batch norm); O and I are
            channels.
        shape: the wider network's shape of it: O' and I' multiples of O and I, everything else as it is.
        generator: draws the shares, from 1/2 to 3/2 before they are made to sum to 1.

    Returns:
        A tensor of that shape. Channel o' is a copy of o' modulo O; over the copies of an input, the weights sum to the
        narrower network's. Where only O grows, as in a depthwise convolution, it is copies alone.

    Raises:
        ValueError: if the shape is not such a one.
    """
    counts = copies(tensor.shape, shape)
    if not fits(tensor.shape, shape):
        raise ValueError(f"{tuple(tensor.shape)} cannot be widened to {tuple(shape)}")
    if tensor.dim() == 0:
        return tensor.clone()
    wide = tensor.repeat(counts)
    if tensor.dim() == 1 or counts[1] == 1:
        return wide
    shares = torch.rand(shape[0], counts[1], tensor.shape[1], generator=generator) + 0.5
    shares = (shares / shares.sum(1, keepdim=True)).reshape(shape[0], shape[1], *[1] * (tensor.dim() - 2))
    return wide * shares.to(tensor.dtype)


def computes_alike(narrow: nn.Module, wide: nn.Module, size: tuple[int, int]) -> bool:
    """Tell whether each feature map of the wider backbone is copies of the narrower one's, on noise.

    It is not where a network puts channels side by side, as GDAS's cells do: the copies of both then lie elsewhere than
    the layer behind them reads them.

    Args:
        narrow: a backbone that returns :class:`~cdnet.nn.backbone.FeatureMaps`, in evaluation mode.
        wide: the wider one, likewise.
        size: height and width of the noise.
    """
    noise = torch.randn(2, 3, *size, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        pairs = list(zip(narrow(noise), wide(noise), strict=True))
    for few, many in pairs:
        wanted = few.repeat(1, many.shape[1] // few.shape[1], 1, 1)
        if not torch.allclose(many, wanted, rtol=1e-3, atol=1e-3 * float(wanted.abs().max())):
            return False
    return True

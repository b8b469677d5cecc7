"""Gathering a batch from all processes, so that gradients flow back to each."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor
from torch import distributed as dist


class _GatherRows(torch.autograd.Function):
    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, tensor: Tensor) -> Tensor:
        ctx.rows = len(tensor)  # type: ignore[attr-defined]
        parts = [torch.empty_like(tensor) for _ in range(dist.get_world_size())]
        dist.all_gather(parts, tensor.contiguous())
        return torch.cat(parts)

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, gradient: Tensor) -> Tensor:
        # Every process computes the same loss on the gathered rows; the sum over processes is cancelled by the mean
        # that DistributedDataParallel takes over their weights' gradients.
        gradient = gradient.contiguous()
        dist.all_reduce(gradient)
        rows: int = ctx.rows  # type: ignore[attr-defined]
        return gradient[dist.get_rank() * rows :][:rows]


def gather_rows(tensor: Tensor) -> Tensor:
    """Join N rows of every process to (processes x N) rows, in order of rank; alone, return the tensor itself.

    All processes must hand in the same shape. In the backward pass the gradients of all processes are summed.
    """
    if not (dist.is_available() and dist.is_initialized()) or dist.get_world_size() == 1:
        return tensor
    return _GatherRows.apply(tensor)  # type: ignore[no-any-return, no-untyped-call]


def any_process(flag: bool, device: torch.device) -> bool:
    """Tell whether ``flag`` is true in any process; all must ask."""
    if not (dist.is_available() and dist.is_initialized()):
        return flag
    value = torch.tensor(int(flag), device=device)
    dist.all_reduce(value, op=dist.ReduceOp.MAX)
    return bool(value)


def average_over_processes(tensors: Iterable[Tensor]) -> None:
    """Replace each tensor by its mean over all processes, in place; all must hand in the same shapes in one order."""
    if not (dist.is_available() and dist.is_initialized()) or dist.get_world_size() == 1:
        return
    held = list(tensors)
    joined = torch.cat([tensor.flatten() for tensor in held])
    dist.all_reduce(joined)
    joined /= dist.get_world_size()
    parts = torch.split(joined, [tensor.numel() for tensor in held])
    for tensor, part in zip(held, parts, strict=True):
        tensor.copy_(part.view_as(tensor))

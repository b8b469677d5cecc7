"""What a step of the search needs in memory, the part that grows with the pictures."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor


class StepMemory:
    """The peak of the steps taken inside :meth:`watched`, in bytes.

    On a GPU that is the allocator's peak, weights included. On a CPU, where no allocator keeps count, it is what
    autograd keeps between the forward and the backward pass beside the weights, each storage once: the part of the
    peak that grows with the pictures and with the branches computed.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.bytes = 0

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Watch the block; afterwards ``bytes`` is its peak if that was higher than before."""
        if self.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self.device)
            yield
            self.bytes = max(self.bytes, torch.cuda.max_memory_allocated(self.device))
            return
        kept: dict[int, int] = {}

        def pack(tensor: Tensor) -> Tensor:
            if not (tensor.is_leaf and tensor.requires_grad):  # weights are there anyway
                storage = tensor.untyped_storage()
                kept[storage.data_ptr()] = storage.nbytes()
            # Detached, for a result that its own backward node held would be a circle that nothing frees.
            return tensor.detach()

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            yield
        self.bytes = max(self.bytes, sum(kept.values()))

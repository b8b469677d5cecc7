"""What a step of the search costs: top-k against all branches (Table 1)."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from cdnet.bench.rows import Row, plain_row
from cdnet.bench.turns import compare
from cdnet.losses.objective import objective
from cdnet.search.gate import Gate, mixture, top_k
from cdnet.search.memory import StepMemory
from cdnet.search.space import SPACES, SearchSpace
from cdnet.search.supernet import Supernet

SEARCH_BATCH = 8
"""Pictures a step: all branches of a step of 64, the paper's, do not fit most machines."""


def bench_search(
    sizes: list[tuple[int, int]], batch: int = 8, width: float = 1.0, rounds: int = 9, device: str = "cpu"
) -> list[Row]:
    """Compare a forward and backward pass by top-1 and top-2 with one of all branches, in CS and CDS.

    alpha is equal everywhere, so that top-k draws its branches at random, anew in every round.

    Args:
        sizes: heights and widths.
        batch: pictures a step.
        width: width multiplier.
        rounds: timed, in turns.
        device: cpu or cuda.

    Returns:
        Rows with ``what``, ``config``, ``ours``, ``peer``, ``ratio`` and ``unit``: time an image, bytes kept for the
        backward pass an image, and MACs an image, which say what ratio the time should have. Times have the quartiles
        of their ratio as ``low`` and ``high``.
    """
    rows: list[Row] = []
    for space in SPACES.values():
        torch.manual_seed(0)
        net = Supernet(space, width, identities=751).to(device)
        net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        net.train()
        for height, across in sizes:
            images = torch.randn(batch, 3, height, across, device=device).contiguous(memory_format=torch.channels_last)
            for k in (1, 2):
                config = f"{space.name}, top-{k}, {height}x{across}, batch {batch}, width {width:g}, {device}"
                rows += _compare(Step(net, images, partial(top_k, k=k)), Step(net, images, mixture), config, rounds)
    return rows


def time_search(
    space: SearchSpace, ks: Sequence[int], width: float, size: tuple[int, int], rounds: int, device: str
) -> dict[int, tuple[float, ...]]:
    """Time a forward and backward pass of a space's supernet by top-k for several k, in turns (Table 1).

    Args:
        space: the search space; all of its candidates are one of the ks, ``len(space.candidates)``, and have no gate.
        ks: how many branches are computed.
        width: width multiplier.
        size: height x width of the pictures, which are noise.
        rounds: at least 1, after one that does not count; branches are drawn at random anew in each.
        device: cpu or cuda.

    Returns:
        Milliseconds an image of each round, by k.
    """
    torch.manual_seed(0)
    net = Supernet(space, width, identities=751).to(device)
    net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    net.train()
    images = torch.randn(SEARCH_BATCH, 3, *size, device=device).contiguous(memory_format=torch.channels_last)
    gates: dict[int, Gate] = {k: mixture if k == len(space.candidates) else partial(top_k, k=k) for k in ks}
    steps = {k: Step(net, images, gate) for k, gate in gates.items()}
    found: dict[int, list[float]] = {k: [] for k in ks}
    for number in range(rounds + 1):
        for k, step in steps.items():
            started = time.perf_counter()
            step(number)
            found[k].append((time.perf_counter() - started) / SEARCH_BATCH * 1e3)
    return {k: tuple(times[1:]) for k, times in found.items()}


class Step:
    """A forward and backward pass of a supernet on fixed pictures, by a gate that draws anew in every round.

    It frees its own gradients before it ends: left to the next step, they would be freed in the other one's time.
    """

    def __init__(self, net: Supernet, images: Tensor, gate: Gate) -> None:
        self.net, self.images, self.gate = net, images, gate
        self.identities = torch.arange(len(images), device=images.device) // 2
        # Kept, as an optimiser keeps them: to find them among thousands of modules takes 4 % of a top-2 step.
        self.parameters = list(net.parameters())

    def __call__(self, number: int) -> None:
        """Take the step of round ``number``."""
        selections = self.net.select(self.gate, torch.Generator().manual_seed(number))
        objective(self.net(self.images, selections), self.identities).total.backward()  # type: ignore[no-untyped-call]
        for parameter in self.parameters:
            parameter.grad = None
        if self.images.is_cuda:
            torch.cuda.synchronize()

    def kept_bytes(self, number: int) -> int:
        """Return what autograd keeps between the passes, each storage once: the part of the peak that varies."""
        memory = StepMemory(torch.device("cpu"))
        with memory.watched():
            self(number)
        return memory.bytes

    def macs(self, number: int) -> int:
        """Return the MACs of the forward pass."""
        selections = self.net.select(self.gate, torch.Generator().manual_seed(number), searching=False)
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            self.net(self.images, selections)
        return int(counter.get_total_flops()) // 2


def _compare(ours: Step, peer: Step, config: str, rounds: int) -> list[Row]:
    batch = len(ours.images)
    timed = compare(ours, peer, rounds)
    row = plain_row("time of a step", config, timed.ours / batch * 1e3, timed.peer / batch * 1e3, "ms an image")
    drawn = range(1, rounds + 1)
    kept = statistics.mean(ours.kept_bytes(number) for number in drawn)
    macs = statistics.mean(ours.macs(number) for number in drawn)
    return [
        row | {"ratio": timed.ratio, "low": timed.low, "high": timed.high},
        plain_row(
            "kept for backward", config, kept / batch / 2**20, peer.kept_bytes(0) / batch / 2**20, "MiB an image"
        ),
        plain_row("forward pass", config, macs / batch / 1e6, peer.macs(0) / batch / 1e6, "M MACs an image"),
    ]

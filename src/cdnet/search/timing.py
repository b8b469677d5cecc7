"""Timing every candidate of a space where it would stand, and the rest of the network, on the machine at hand."""

from __future__ import annotations

import dataclasses
import os
import platform
import random
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from cdnet.data.cache import Progress, silently
from cdnet.errors import CdnetError
from cdnet.nn.backbone import Backbone, FeatureMaps
from cdnet.nn.blocks import CDBlock
from cdnet.nn.model import create_model
from cdnet.nn.necks import create_neck
from cdnet.search.latency import REST, Latency, Timing, Whole
from cdnet.search.position import Position, find_positions
from cdnet.search.space import SearchSpace

ROUNDS = 31
NETWORKS = 8
"""Networks drawn from the space and timed as a whole, to check the sums."""


Part = str | tuple[Position, int]
"""What is timed: a name of ``REST``, or a candidate in a position."""


class Stopwatch:
    """Tells the seconds between moments.

    With one thread the clock is that thread's processor time, which other programs do not lengthen: what a quiet
    machine's clock on the wall would say.
    """

    def __init__(self, threads: int) -> None:
        self.clock: Callable[[], float] = time.thread_time if threads == 1 else time.perf_counter

    def moment(self) -> Any:
        """Mark this moment."""
        return self.clock()

    def between(self, moments: Sequence[Any]) -> list[float]:
        """Return the seconds from each moment to the next."""
        return [after - before for before, after in pairwise(moments)]


class CudaStopwatch(Stopwatch):
    """Marks moments in the GPU's queue, so that it need not run empty between two parts."""

    def moment(self) -> Any:
        """Mark the moment at which the GPU has done all that it was given so far."""
        event = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
        event.record()
        return event

    def between(self, moments: Sequence[Any]) -> list[float]:
        """Wait for the GPU, and return the seconds from each moment to the next."""
        torch.cuda.synchronize()
        return [before.elapsed_time(after) / 1e3 for before, after in pairwise(moments)]


class AllNetworks:
    """The networks of a space, in evaluation mode: one stem, DownSamples and neck, and each position's candidates.

    Args:
        space: the search space.
        width: width multiplier.
        images: what the networks are given, N x 3 x H x W.
    """

    def __init__(self, space: SearchSpace, width: float, images: Tensor) -> None:
        self.images, device = images, images.device
        self.backbone = Backbone(space.genotype([0] * space.mblocks, "timed"), width).to(device).eval()
        self.neck = create_neck("fblneck", self.backbone.channels).to(device).eval()
        self.positions = find_positions(space, width, (images.shape[2], images.shape[3]))
        self.blocks = {
            (at, number): CDBlock(at.in_channels, at.out_channels, (choice.k1, choice.k2), choice.repeats)
            .to(device)
            .eval()
            for at in set(self.positions)
            for number, choice in enumerate(space.candidates)
        }
        self.stages = space.blocks

    def timed(self, chosen: Sequence[int], watch: Stopwatch) -> list[tuple[Part, float]]:
        """Run the network of a choice, and return the seconds of its parts in their order."""
        left = iter(zip(self.positions, chosen, strict=True))
        parts: list[Part] = ["stem"]
        maps = []
        moments = [watch.moment()]
        x = self.backbone.stem(self.images)
        moments.append(watch.moment())
        for number, count in enumerate(self.stages, start=1):
            for part in (next(left) for _ in range(count)):
                x = self.blocks[part](x)
                parts.append(part)
                moments.append(watch.moment())
            if number < len(self.stages):
                x = self.backbone.get_submodule(f"down{number}")(x)
                parts.append(f"down{number}")
                moments.append(watch.moment())
            maps.append(x)
        self.neck.features(FeatureMaps(*maps))
        parts.append("neck")
        moments.append(watch.moment())
        return list(zip(parts, watch.between(moments), strict=True))


def measure_latency(
    space: SearchSpace,
    width: float,
    size: tuple[int, int],
    batch: int,
    threads: int,
    device: torch.device,
    rounds: int = ROUNDS,
    progress: Progress = silently,
    watch: Stopwatch | None = None,
) -> Latency:
    """Time every candidate in every MBlock's position, the rest, and some whole networks, in inference mode.

    Each round draws networks so that every candidate stands once in every MBlock, runs each twice, and times the second
    pass part by part: a part finds the caches as it would in its network, and the machine's moods meet all of them
    alike. MBlocks of one position (channels and resolution) share their candidates and times.

    Args:
        space: the search space.
        width: width multiplier of the network that is to be used.
        size: height and width of its pictures.
        batch: pictures a pass.
        threads: of the processor.
        device: where.
        rounds: at least 2; one more that does not count comes first.
        progress: shows the rounds.
        watch: tells the time.

    Raises:
        CdnetError: if there are fewer cores than threads.
    """
    watch = watch or (CudaStopwatch if device.type == "cuda" else Stopwatch)(threads)
    seconds: dict[Part | int, list[float]] = defaultdict(list)
    draw = random.Random(0)
    numbers = range(len(space.candidates))
    with torch.inference_mode(), _threads(threads):
        networks = AllNetworks(space, width, torch.randn(batch, 3, *size, device=device))
        drawn = [[draw.choice(numbers) for _ in range(space.mblocks)] for _ in range(NETWORKS)]
        models = [create_model(space.genotype(chosen, "whole"), width).to(device).eval() for chosen in drawn]
        for counted in progress(range(rounds + 1), "timing", rounds + 1):
            columns = [draw.sample(numbers, len(numbers)) for _ in range(space.mblocks)]
            for chosen in zip(*columns, strict=True):
                networks.timed(chosen, watch)
                for part, took in networks.timed(chosen, watch):
                    seconds[part] += [took] * bool(counted)
            for number, model in enumerate(models):
                model(networks.images)
                moments = [watch.moment(), model(networks.images), watch.moment()]
                seconds[number] += watch.between(moments[::2]) * bool(counted)
    times = {part: _timing(measured) for part, measured in seconds.items()}
    candidates = [[times[position, number] for number in numbers] for position in networks.positions]
    rest = {name: times[name] for name in REST}
    latency = Latency(
        space,
        width,
        size,
        batch,
        device.type,
        machine_name(device),
        threads,
        torch.__version__,
        date.today().isoformat(),
        rounds,
        rest,
        candidates,
        [],
    )
    table = latency.table()
    wholes = [Whole(chosen, round(table.of(chosen), 6), times[number].ms) for number, chosen in enumerate(drawn)]
    return dataclasses.replace(latency, networks=wholes)


def _timing(seconds: list[float]) -> Timing:
    low, median, high = (round(1e3 * value, 6) for value in statistics.quantiles(seconds, n=4, method="inclusive"))
    return Timing(median, low, high)


@contextmanager
def _threads(threads: int) -> Iterator[None]:
    cores = os.cpu_count() or 1
    if threads > cores:
        raise CdnetError(f"--cost.threads must be at most {cores}, the cores of this machine")
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def machine_name(device: torch.device) -> str:
    """Return the GPU's or the processor's name."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    described = Path("/proc/cpuinfo")
    lines = described.read_text("utf-8", "replace").splitlines() if described.is_file() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, "") or platform.processor() or platform.machine()

"""What a step of training costs, and how much of it is waiting for data: ours, and torchreid's engine's."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from cdnet.bench.entrants import NECKS, WIDTHS
from cdnet.bench.peers import Torchreid, torchreid_of
from cdnet.bench.rows import Row, memory_rows, plain_row, timed_row
from cdnet.bench.torchreid_parts import Entry, TorchreidParts, silent, usable_cores
from cdnet.bench.turns import Run, Timing, in_turns
from cdnet.data.cache import CachedPictures
from cdnet.engine.accelerator import make_accelerator
from cdnet.engine.large_blocks import LARGE_BLOCKS
from cdnet.engine.network import make_optimizer, read_spec
from cdnet.engine.worker import Worker
from cdnet.errors import CdnetError
from cdnet.nn.counts import count_params
from cdnet.train.batches import Batches
from cdnet.train.loop import train_step
from cdnet.train.recipe import TrainRecipe

WHAT, WAITING = "a step of training", "of it, waiting for data"
AUGMENTED = ("random_flip", "random_crop", "random_erase")
"""torchreid's names for what our recipes do to training pictures."""
LAYOUTS = {"channels first": torch.contiguous_format, "channels last": torch.channels_last}


def recipe_of(network: str, recipe: TrainRecipe) -> TrainRecipe:
    """Return a recipe for a network, with the neck that goes with it."""
    return replace(recipe, genotype=network, neck=NECKS.get(network, "fblneck"))


def bench_training(pictures: CachedPictures, recipe: TrainRecipe, rounds: int, peers: Mapping[str, Path]) -> list[Row]:
    """Time steps of training by a recipe, from the next batch to the updated weights.

    torchreid's engine trains its OSNet of the same width by the softmax and the triplet loss on batches of the same
    size, by the same optimiser, with its transforms and a loader's process for each core; the better of both memory
    layouts counts. It takes part where the recipe's network is OSNet.

    Args:
        pictures: training pictures, decoded at the recipe's size.
        recipe: what is trained, and how.
        rounds: steps that are timed, in turns.
        peers: ``torchreid`` and its checkout, or nothing.

    Raises:
        CdnetError: if the recipe or a peer does not allow it.
    """
    ours = _Ours(pictures, recipe)
    runs: dict[str, Run] = {"ours": ours}
    torchreid = torchreid_of(peers)
    theirs: dict[str, _Torchreid] = {}
    if torchreid is not None:
        if recipe.genotype != "osnet" or recipe.width not in WIDTHS:
            raise CdnetError(
                f"torchreid has no {recipe.genotype} of width {recipe.width:g} to train beside ours; take osnet of "
                f"width {', '.join(f'{width:g}' for width in WIDTHS)}, or leave out --peer torchreid"
            )
        parts = TorchreidParts(torchreid.folder)
        theirs = {layout: _Torchreid(torchreid, parts, pictures, recipe, layout) for layout in LAYOUTS}
        _check_alike(ours.model, theirs["channels first"].model)
        runs |= theirs
    # Ours keeps large blocks from step to step; before another's turn they are the system's again, and before ours a
    # step takes them up.
    aside: dict[str, Run] = {name: lambda _: LARGE_BLOCKS.give_back() for name in theirs}
    aside["ours"] = ours.take_up
    timings = in_turns(runs, rounds, aside)
    batch = recipe.batch.identities * recipe.batch.pictures
    config = (
        f"{recipe.genotype} x{recipe.width:g}, {recipe.size}, batch {batch}, {recipe.precision}, {_where(ours.device)}"
    )
    best = min(theirs, key=lambda name: statistics.median(timings[name].seconds), default=None)
    peer, against = (None, "") if best is None else (timings[best], theirs[best].as_text)
    rows = [timed_row(WHAT, config, timings["ours"], peer, "s a step", against)]
    waited = None if best is None else theirs[best].share(timings[best])
    rows.append(plain_row(WAITING, config, 100 * ours.share(timings["ours"]), waited and 100 * waited, "%", against))
    return rows + memory_rows(config, timings["ours"], peer, f"{against}, its loader's processes left out")


def _where(device: torch.device) -> str:
    return device.type if device.type != "cpu" else f"{torch.get_num_threads()} threads"


class _Waiting:
    """Seconds of each round, the first among them, that were waited for data."""

    def __init__(self) -> None:
        self.waited: list[float] = []

    def share(self, timing: Timing) -> float:
        """Return the median share of a step's time."""
        pairs = zip(self.waited[1:], timing.seconds, strict=True)
        return statistics.median(waited / seconds for waited, seconds in pairs)


class _Ours(_Waiting):
    """Our steps."""

    def __init__(self, pictures: CachedPictures, recipe: TrainRecipe) -> None:
        super().__init__()
        self.recipe = recipe
        self.accelerator = make_accelerator(recipe.device, recipe.precision)
        self.device = self.accelerator.device
        self.batches = Batches(pictures, recipe.batch, recipe.augment, recipe.seed, Worker(self.device, 0, 1))
        torch.manual_seed(recipe.seed)
        model = read_spec(recipe).build(self.batches.identities).to(self.device)
        model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.model, self.optimizer = self.accelerator.prepare(model, make_optimizer(model, recipe.optim))
        self.model.train()
        self.order = self.batches.epoch(0)  # once an epoch

    def __call__(self, number: int) -> None:
        started = time.perf_counter()
        batch = self.batches.batch(self.order[number % len(self.order)], 0, number)
        self.waited.append(time.perf_counter() - started)
        train_step(self.model, self.optimizer, self.accelerator, batch, self.recipe).loss.item()

    def take_up(self, number: int) -> None:
        """Come to where a run is after a few steps: the memory of a step is the process's."""
        LARGE_BLOCKS.keep()
        self(number)
        self.waited.pop()


class _Torchreid(_Waiting):
    """Steps of torchreid's engine."""

    def __init__(
        self, torchreid: Torchreid, parts: TorchreidParts, pictures: CachedPictures, recipe: TrainRecipe, layout: str
    ) -> None:
        super().__init__()
        self.workers = usable_cores()
        self.as_text = f"torchreid's engine, fp32, {layout}, {self.workers} processes to load{parts.as_text}"
        entries = training_entries(pictures)
        size = (pictures.pixels.shape[1], pictures.pixels.shape[2])
        batch, transform = recipe.batch, parts.transforms(size, AUGMENTED)[0]
        self.loader = parts.train_loader(entries, transform, batch.identities, batch.pictures, self.workers)
        identities = len({entry.identity for entry in entries})
        code: Any = torchreid.load("models/osnet.py")
        torch.manual_seed(recipe.seed)
        self.model: nn.Module = getattr(code, WIDTHS[recipe.width])(identities, pretrained=False, loss="triplet")
        self.model.to(memory_format=LAYOUTS[layout])
        self.model.train()
        self.engine = parts.make_engine(self.model, make_optimizer(self.model, recipe.optim), identities, False)
        self._batches: Iterator[Any] = iter(())

    def __call__(self, _: int) -> None:
        started = time.perf_counter()
        batch = next(self._batches, None)
        if batch is None:  # the first step, and after the last of an epoch
            self._batches = iter(self.loader)
            batch = next(self._batches)
        self.waited.append(time.perf_counter() - started)
        with silent():
            self.engine.forward_backward(batch)


def training_entries(pictures: CachedPictures) -> list[Entry]:
    """Return training pictures as torchreid has them."""
    number = {name: index for index, name in enumerate(sorted({each.identity for each in pictures.pictures}))}
    return [Entry(str(each.path), number[each.identity], 0) for each in pictures.pictures]


def _check_alike(ours: nn.Module, theirs: nn.Module) -> None:
    if count_params(ours) != count_params(theirs):
        raise CdnetError(
            f"torchreid's network has {count_params(theirs):,} parameters and ours {count_params(ours):,}; the times "
            "of their steps cannot be compared"
        )

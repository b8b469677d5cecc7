"""The training loop: batches, heads, losses, one SGD step; an epoch of steps, stopped and resumed at any of them."""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from cdnet.errors import CdnetError
from cdnet.losses.distil import feature_loss, relation_loss
from cdnet.losses.objective import objective
from cdnet.progress import training_bar
from cdnet.train.batches import Batch, Batches
from cdnet.train.distributed import any_process, average, gather_rows
from cdnet.train.recipe import TrainRecipe
from cdnet.train.schedule import learning_rate

NOTE_EVERY = 10
"""Steps between two looks at the losses; each look waits for a GPU to catch up."""


class StoppedError(Exception):
    """Training was asked to stop, and has saved where it is."""


@dataclass
class Place:
    """Where training is: ``step`` steps of epoch ``epoch`` done (both from 0), and what that epoch summed up."""

    epoch: int = 0
    step: int = 0
    images: int = 0
    seconds: float = 0.0
    sums: Tensor | None = None

    def to_state(self) -> dict[str, Any]:
        """Return what a checkpoint keeps of it."""
        sums = None if self.sums is None else self.sums.cpu()
        return {
            "epoch": self.epoch,
            "step": self.step,
            "images": self.images,
            "seconds": self.seconds,
            "sums": sums,
        }

    @classmethod
    def from_state(cls, state: dict[str, Any], device: torch.device) -> Place:
        """Return the place that a checkpoint kept."""
        place = cls(**state)
        if place.sums is not None:
            place.sums = place.sums.to(device)
        return place


def run_epoch(
    take_step: Callable[[int], Tensor],
    steps: int,
    batch_size: int,
    place: Place,
    epochs: int,
    stop: Callable[[int], bool],
    describe: Callable[[list[float]], str],
    rate: str = "--optim.lr",
) -> list[float]:
    """Take the steps of ``place``'s epoch that are left, and return the means of what all its steps gave.

    Args:
        take_step: takes step number s and returns a vector whose first value is the loss to watch.
        steps: in the epoch, at least 1.
        batch_size: pictures that a step uses up.
        place: moves along, step by step.
        epochs: in all, for the display.
        stop: takes the number of steps done and says whether to stop; asked after each step but the last.
        describe: says the means so far in a few words, for the display.
        rate: option of the learning rate, for the advice to lower it.

    Raises:
        StoppedError: after the running step, if asked to stop.
        CdnetError: if one of the means is no longer a finite number.
    """
    with training_bar() as bar:
        # The bar is the whole run's, as long as if every epoch had as many steps, so that the time left is too.
        done = place.epoch * steps
        task = bar.add_task(
            f"epoch {place.epoch + 1}/{epochs}", total=epochs * steps, completed=done + place.step, note=""
        )
        first, started, before = place.step, time.perf_counter(), place.seconds
        for step in range(first, steps):
            given = take_step(step).double()
            place.sums = given if place.sums is None else place.sums + given
            place.step, place.images = step + 1, place.images + batch_size
            elapsed = time.perf_counter() - started
            place.seconds = before + elapsed
            if place.step % NOTE_EVERY == 0 or place.step == steps:
                speed = batch_size * (place.step - first) / elapsed
                note = f"{describe(_means(place, rate))}, {speed:.0f} images/s"
                bar.update(task, completed=done + place.step, note=note)
            if place.step < steps and stop(place.step):
                average([place.sums])  # the checkpoint holds one process's sums, and all take them up
                raise StoppedError
    assert place.sums is not None
    average([place.sums])
    return (place.sums / steps).tolist()


def train_epoch(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    accelerator: Accelerator,
    batches: Batches,
    recipe: TrainRecipe,
    place: Place,
    stop: StopRequest,
) -> dict[str, Any]:
    """Train from ``place`` to the end of its epoch and return the epoch's log line; ``place`` moves along.

    Raises:
        StoppedError: after the running step, if a stop was requested.
        CdnetError: if the loss is no longer a finite number.
    """
    order = batches.epoch(place.epoch)
    model.train()

    def take_step(step: int) -> Tensor:
        set_rate(optimizer, learning_rate(recipe.optim.lr, recipe.schedule, place.epoch + step / len(order)))
        batch = batches.batch(order[step], place.epoch, step)
        if recipe.dropout:
            torch.manual_seed(batches.seed_of(place.epoch, step, 1 + accelerator.process_index))
        return train_step(model, optimizer, accelerator, batch, recipe).pack()

    def describe(means: list[float]) -> str:
        return StepLosses.unpack(means, taught).as_text()

    taught = recipe.distil.teacher is not None
    epochs = recipe.schedule.epochs
    asked = partial(stop.by_any_process, accelerator)
    means = run_epoch(take_step, len(order), batches.batch_size, place, epochs, asked, describe)
    return epoch_line(place, optimizer, StepLosses.unpack(means, taught).to_line())


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Give all that an optimiser updates one learning rate."""
    for group in optimizer.param_groups:
        group["lr"] = rate


def epoch_line(place: Place, optimizer: torch.optim.Optimizer, losses: dict[str, Any]) -> dict[str, Any]:
    """Return the log line of an epoch that ``place`` has come to the end of."""
    return {
        "epoch": place.epoch + 1,
        "lr": optimizer.param_groups[0]["lr"],
        **losses,
        "images_per_second": round(place.images / place.seconds, 1),
        "seconds": round(place.seconds, 2),
    }


class StepLosses(NamedTuple):
    """What a step minimised, and its parts: a triplet and a softmax loss a head, and what the teacher added.

    ``taught`` is (features, relations), before their weights, or nothing without a teacher.
    """

    total: Any
    triplet: Sequence[Any]
    softmax: Sequence[Any]
    taught: Sequence[Any] = ()

    def pack(self) -> Tensor:
        """Return all of them, detached, in one vector, total first."""
        return torch.stack([self.total, *self.triplet, *self.softmax, *self.taught]).detach()

    @classmethod
    def unpack(cls, values: Sequence[float], taught: bool) -> StepLosses:
        """Return what :meth:`pack` made a vector of, with or without a teacher."""
        end = len(values) - 2 if taught else len(values)
        heads = (end - 1) // 2
        return cls(values[0], values[1 : 1 + heads], values[1 + heads : end], values[end:])

    def to_line(self) -> dict[str, Any]:
        """Return the log line's keys."""
        rounded = [round(value, 6) for value in self.taught]
        return {
            "loss": round(self.total, 6),
            "triplet": [round(value, 6) for value in self.triplet],
            "softmax": [round(value, 6) for value in self.softmax],
            **dict(zip(("teacher_features", "teacher_relations"), rounded, strict=False)),
        }

    @classmethod
    def from_line(cls, line: Mapping[str, Any]) -> StepLosses:
        """Return what :meth:`to_line` made keys of."""
        taught = [line[key] for key in ("teacher_features", "teacher_relations") if key in line]
        return cls(line["loss"], line["triplet"], line["softmax"], taught)

    def as_text(self) -> str:
        """Say the loss and its parts, head by head."""
        triplet, softmax = ("+".join(f"{value:.2f}" for value in part) for part in (self.triplet, self.softmax))
        taught = f", teacher {self.taught[0]:.3f} and {self.taught[1]:.4f}" if self.taught else ""
        return f"loss {self.total:.2f} (triplet {triplet}, softmax {softmax}{taught})"


def train_step(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    accelerator: Accelerator,
    batch: Batch,
    recipe: TrainRecipe,
) -> StepLosses:
    """Take one step and return what it minimised."""
    loss, distil = recipe.loss, recipe.distil
    with accelerator.autocast():
        found = model(batch.images)
    heads = found if batch.teacher is None else found.heads
    losses = objective(
        heads, batch.identities, loss.margin, loss.smoothing, loss.normalise, gather_rows, loss.triplet_weight
    )
    step = StepLosses(losses.total, losses.triplet, losses.softmax)
    if batch.teacher is not None:
        everyone = gather_rows(found.feature.float()), gather_rows(batch.teacher)
        taught = feature_loss(found.mapped.float(), batch.teacher), relation_loss(*everyone)
        total = distil.labels * losses.total + distil.features * taught[0] + distil.relations * taught[1]
        step = step._replace(total=total, taught=taught)
    optimizer.zero_grad()
    accelerator.backward(step.total)
    optimizer.step()
    return step


def _means(place: Place, rate: str) -> list[float]:
    assert place.sums is not None
    means: list[float] = (place.sums / place.step).tolist()
    if not all(map(math.isfinite, means)):
        raise CdnetError(f"the loss is no longer finite in epoch {place.epoch + 1}, step {place.step}; lower {rate}")
    return means


class StopRequest:
    """Whether Ctrl-C or a termination signal has come while :meth:`listening`; a second Ctrl-C stops at once."""

    def __init__(self) -> None:
        self.requested = False

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Take over SIGINT and SIGTERM for the time of the block."""
        before = {number: signal.signal(number, self._request) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _request(self, number: int, _frame: object) -> None:
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True

    def by_any_process(self, accelerator: Accelerator, steps: int = 0) -> bool:
        """Agree with the other processes on whether to stop; they ask each other every few steps only."""
        if accelerator.num_processes == 1:
            return self.requested
        return steps % NOTE_EVERY == 0 and any_process(self.requested, accelerator.device)

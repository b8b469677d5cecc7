"""An epoch of steps, whatever a step does: counted, summed up, shown, stopped and resumed at any of them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar, cast

import torch
from torch import Tensor

from cdnet.crowding import WATCH
from cdnet.engine.checkpoint import WAY_OUT, PlaceState
from cdnet.engine.distributed import average_over_processes
from cdnet.engine.large_blocks import LARGE_BLOCKS
from cdnet.engine.log_line import LogLine
from cdnet.engine.step import Logged, StepValues
from cdnet.engine.stopping import NOTE_EVERY
from cdnet.errors import CdnetError, StoppedError
from cdnet.progress import shown_steps

V = TypeVar("V", bound=StepValues)


@dataclass
class Place:
    """Where training is: ``step`` steps of epoch ``epoch`` done (both from 0), and what that epoch summed up."""

    epoch: int = 0
    step: int = 0
    images: int = 0
    seconds: float = 0.0
    sums: Tensor | None = None

    def to_state(self) -> PlaceState:
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
    def from_state(cls, state: PlaceState, device: torch.device) -> Place:
        """Return the place that a checkpoint kept."""
        place = cls(**state)
        if place.sums is not None:
            place.sums = place.sums.to(device)
        return place


def run_epoch(
    take_step: Callable[[int], V],
    steps: int,
    batch_size: int,
    place: Place,
    epochs: int,
    stop: Callable[[int], bool],
    describe: Callable[[V], str],
    rate: str = "--optim.lr",
) -> V:
    """Take the steps of ``place``'s epoch that are left, and return the means of what all its steps gave.

    Args:
        take_step: takes step number s and returns what it gives.
        steps: in the epoch, at least 1.
        batch_size: pictures that a step uses up.
        place: moves along, step by step.
        epochs: in all, for the display.
        stop: takes the number of steps done and says whether to stop; asked after each step but the last.
        describe: says the means so far in a few words, for the display.
        rate: option of the learning rate, for the advice to lower it.

    Raises:
        StoppedError: after the running step, if asked to stop.
        CdnetError: if one of the means is no longer a finite number, or ``place`` is beyond the epoch.
    """
    if place.step >= steps:
        raise CdnetError(f"a checkpoint at step {place.step} of an epoch that has {steps} is damaged; {WAY_OUT}")
    # What is shown is the whole run, as long as if every epoch had as many steps, so that the time left is too.
    done = place.epoch * steps
    with shown_steps(f"epoch {place.epoch + 1}/{epochs}", epochs * steps, done + place.step) as note:
        first, started, before = place.step, time.perf_counter(), place.seconds
        for step in range(first, steps):
            given = take_step(step)
            packed = given.pack()
            if packed.device.type == "cpu":
                WATCH.look()
                LARGE_BLOCKS.look()
            place.sums = packed if place.sums is None else place.sums + packed
            place.step, place.images = step + 1, place.images + batch_size
            elapsed = time.perf_counter() - started
            place.seconds = before + elapsed
            if place.step % NOTE_EVERY == 0 or place.step == steps:
                speed = batch_size * (place.step - first) / elapsed
                note(done + place.step, f"{describe(given.unpack(_means(place, rate)))}, {speed:.0f} images/s")
            if place.step < steps and stop(place.step):
                average_over_processes([place.sums])  # the checkpoint holds one process's sums, and all take them up
                raise StoppedError
    assert place.sums is not None
    average_over_processes([place.sums])
    return given.unpack(place.sums / steps)


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Give all that an optimiser updates one learning rate."""
    for group in optimizer.param_groups:
        group["lr"] = rate


def epoch_line(place: Place, optimizer: torch.optim.Optimizer, losses: Logged) -> LogLine:
    """Return the log line of an epoch that ``place`` has come to the end of; ``losses`` have their names in the log."""
    line = {
        "epoch": place.epoch + 1,
        "lr": optimizer.param_groups[0]["lr"],
        **losses,
        "images_per_second": round(place.images / place.seconds, 1),
        "seconds": round(place.seconds, 2),
    }
    return cast("LogLine", line)


def _means(place: Place, rate: str) -> Tensor:
    assert place.sums is not None
    means = place.sums / place.step
    if not means.isfinite().all():
        raise CdnetError(f"the loss is no longer finite in epoch {place.epoch + 1}, step {place.step}; lower {rate}")
    return means

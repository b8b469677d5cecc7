"""The training loop: batches, heads, losses, one SGD step."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from cdnet.engine.distributed import gather_rows
from cdnet.engine.epoch import Place, epoch_line, run_epoch, set_rate
from cdnet.engine.schedule import learning_rate
from cdnet.engine.seeds import seed_of
from cdnet.engine.stopping import StopRequest
from cdnet.losses.distil import feature_loss, relation_loss
from cdnet.losses.objective import objective
from cdnet.train.batches import Batch, Batches
from cdnet.train.recipe import TrainRecipe


def train_epoch(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    accelerator: Accelerator,
    batches: Batches,
    recipe: TrainRecipe,
    place: Place,
    stop: StopRequest,
    after_step: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """Train from ``place`` to the end of its epoch and return the epoch's log line; ``place`` moves along.

    ``after_step`` is called whenever the weights have changed.

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
            torch.manual_seed(seed_of(recipe.seed, place.epoch, step, 1 + accelerator.process_index))
        losses = train_step(model, optimizer, accelerator, batch, recipe).pack()
        after_step()
        return losses

    def describe(means: list[float]) -> str:
        return StepLosses.unpack(means, taught).as_text()

    taught = recipe.distil.teacher is not None
    epochs = recipe.schedule.epochs
    asked = partial(stop.by_any_process, accelerator)
    means = run_epoch(take_step, len(order), batches.batch_size, place, epochs, asked, describe)
    return epoch_line(place, optimizer, StepLosses.unpack(means, taught).to_line())


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
        everyone = gather_rows(batch.teacher)
        taught = (
            _mean([feature_loss(mapped.float(), batch.teacher) for mapped in found.mapped]),
            _mean([relation_loss(gather_rows(feature.float()), everyone) for feature in found.features]),
        )
        total = distil.labels * losses.total + distil.features * taught[0] + distil.relations * taught[1]
        step = step._replace(total=total, taught=taught)
    optimizer.zero_grad()
    accelerator.backward(step.total)
    optimizer.step()
    return step


def _mean(parts: Sequence[Tensor]) -> Tensor:
    return parts[0] if len(parts) == 1 else torch.stack(tuple(parts)).mean()

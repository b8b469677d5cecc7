"""One epoch of training a classifier: the softmax loss of every head (Equation 10 without its triplet losses)."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from functools import partial

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from cdnet.classify.batches import ClassBatches
from cdnet.classify.recipe import ClassifyRecipe
from cdnet.engine.epoch import Place, epoch_line, run_epoch, set_rate
from cdnet.engine.log_line import LogLine
from cdnet.engine.schedule import learning_rate
from cdnet.engine.step import StepValues, rounded
from cdnet.engine.stopping import StopRequest
from cdnet.losses.softmax import softmax_loss


def train_epoch(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    accelerator: Accelerator,
    batches: ClassBatches,
    recipe: ClassifyRecipe,
    place: Place,
    stop: StopRequest,
) -> LogLine:
    """Train from ``place`` to the end of its epoch and return the epoch's log line; ``place`` moves along.

    Raises:
        StoppedError: after the running step, if a stop was requested.
        CdnetError: if the loss is no longer a finite number, or a picture cannot be read.
    """
    order = batches.epoch(place.epoch)
    model.train()
    with closing(batches.training(order, place.epoch, place.step)) as coming:

        def take_step(step: int) -> ClassLosses:
            set_rate(optimizer, learning_rate(recipe.optim.lr, recipe.schedule, place.epoch + step / len(order)))
            images, labels = next(coming)
            return train_step(model, optimizer, accelerator, images, labels, recipe.smoothing)

        epochs = recipe.schedule.epochs
        asked = partial(stop.by_any_process, accelerator)
        means = run_epoch(take_step, len(order), recipe.batch, place, epochs, asked, ClassLosses.as_text)
    return epoch_line(place, optimizer, {"loss": rounded(means.loss), "softmax": rounded(means.softmax)})


@dataclass(frozen=True)
class ClassLosses(StepValues):
    """What a step minimised, and its parts: a softmax loss a head."""

    loss: Tensor
    softmax: Tensor

    @classmethod
    def from_line(cls, line: LogLine) -> ClassLosses:
        """Return the losses of a log line."""
        return cls(*(torch.tensor(value, dtype=torch.double) for value in (line["loss"], line["softmax"])))

    def as_text(self) -> str:
        """Say the loss, and its parts head by head."""
        return f"loss {self.loss.item():.2f} (softmax {'+'.join(f'{loss:.2f}' for loss in self.softmax.tolist())})"


def train_step(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    accelerator: Accelerator,
    images: Tensor,
    labels: Tensor,
    smoothing: float,
) -> ClassLosses:
    """Take one step and return what it minimised."""
    with accelerator.autocast():
        heads = model(images)
    losses = torch.stack([softmax_loss(head.scores.float(), labels, smoothing) for head in heads])
    total = losses.sum()
    optimizer.zero_grad()
    accelerator.backward(total)
    optimizer.step()
    return ClassLosses(total, losses)

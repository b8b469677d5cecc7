"""The training loop: batches, heads, losses, one SGD step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from functools import partial

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from cdnet.engine.distributed import gather_rows
from cdnet.engine.epoch import Place, epoch_line, run_epoch, set_rate
from cdnet.engine.log_line import LogLine
from cdnet.engine.schedule import learning_rate
from cdnet.engine.seeds import seed_of
from cdnet.engine.step import Logged, StepValues, rounded
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
) -> LogLine:
    """Train from ``place`` to the end of its epoch and return the epoch's log line; ``place`` moves along.

    ``after_step`` is called whenever the weights have changed.

    Raises:
        StoppedError: after the running step, if a stop was requested.
        CdnetError: if the loss is no longer a finite number.
    """
    order = batches.epoch(place.epoch)
    model.train()

    def take_step(step: int) -> StepLosses:
        set_rate(optimizer, learning_rate(recipe.optim.lr, recipe.schedule, place.epoch + step / len(order)))
        batch = batches.batch(order[step], place.epoch, step)
        if recipe.dropout:
            torch.manual_seed(seed_of(recipe.seed, place.epoch, step, 1 + accelerator.process_index))
        losses = train_step(model, optimizer, accelerator, batch, recipe)
        after_step()
        return losses

    epochs = recipe.schedule.epochs
    asked = partial(stop.by_any_process, accelerator)
    means = run_epoch(take_step, len(order), batches.batch_size, place, epochs, asked, StepLosses.as_text)
    return epoch_line(place, optimizer, means.to_line())


@dataclass(frozen=True)
class StepLosses(StepValues):
    """What a step minimised, and its parts: a triplet and a softmax loss a head, and what the teacher added.

    ``teacher_features`` and ``teacher_relations`` are before their weights, and None without a teacher. Each has the
    name that it has in the log.
    """

    loss: Tensor
    triplet: Tensor
    softmax: Tensor
    teacher_features: Tensor | None = None
    teacher_relations: Tensor | None = None

    def to_line(self) -> Logged:
        """Return the log line's keys."""
        return {name: rounded(value) for name, value in self.given().items()}

    @classmethod
    def from_line(cls, line: LogLine) -> StepLosses:
        """Return what :meth:`to_line` made keys of."""
        names = [field.name for field in fields(cls) if field.name in line]
        return cls(**{name: torch.tensor(line.get(name), dtype=torch.double) for name in names})

    def as_text(self) -> str:
        """Say the loss and its parts, head by head."""
        triplet, softmax = ("+".join(f"{loss:.2f}" for loss in part.tolist()) for part in (self.triplet, self.softmax))
        taught = ""
        if self.teacher_features is not None and self.teacher_relations is not None:
            taught = f", teacher {self.teacher_features.item():.3f} and {self.teacher_relations.item():.4f}"
        return f"loss {self.loss.item():.2f} (triplet {triplet}, softmax {softmax}{taught})"


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
    step = StepLosses(losses.total, torch.stack(losses.triplet), torch.stack(losses.softmax))
    if batch.teacher is not None:
        everyone = gather_rows(batch.teacher)
        features = _mean([feature_loss(mapped.float(), batch.teacher) for mapped in found.mapped])
        relations = _mean([relation_loss(gather_rows(feature.float()), everyone) for feature in found.features])
        # Of two persons laid one upon the other no label says anything.
        labels = 0.0 if batch.mixed else distil.labels
        total = labels * losses.total + distil.features * features + distil.relations * relations
        step = replace(step, loss=total, teacher_features=features, teacher_relations=relations)
    optimizer.zero_grad()
    accelerator.backward(step.loss)
    optimizer.step()
    return step


def _mean(parts: Sequence[Tensor]) -> Tensor:
    return parts[0] if len(parts) == 1 else torch.stack(tuple(parts)).mean()

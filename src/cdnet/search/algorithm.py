"""Algorithm 1: alternating updates of w on the training side and of alpha on the validation side."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import cast

import numpy as np
import numpy.typing as npt
import torch
from accelerate import Accelerator
from torch import Tensor

from cdnet.engine.distributed import average_over_processes, gather_rows
from cdnet.engine.epoch import Place, run_epoch, set_rate
from cdnet.engine.log_line import LogLine
from cdnet.engine.seeds import generator_of
from cdnet.engine.stopping import StopRequest
from cdnet.losses.objective import Losses, objective
from cdnet.search.cost import CostTable, choose_within, expected_cost
from cdnet.search.gate import Gate, Selection, mixture, sampled, top_k
from cdnet.search.memory import StepMemory
from cdnet.search.recipe import SearchRecipe
from cdnet.search.step import SearchStep
from cdnet.search.supernet import Supernet
from cdnet.train.batches import Batch, Batches

TIES = 1
"""Of the random numbers of a step: those that select branches, beside its pictures'."""

RATES = "--weights.lr or --alpha.lr"


def make_gate(recipe: SearchRecipe, epoch: int) -> Gate:
    """Return the gate that a recipe names, as it is in an epoch (from 0)."""
    gates: dict[str, Gate] = {
        "top-k": partial(top_k, k=recipe.k),
        "mixture": mixture,
        "sampled": partial(sampled, temperature=gate_temperature(recipe, epoch)),
    }
    return gates[recipe.gate]


class Search:
    """The supernet with both optimisers; :meth:`epoch` is one pass of Algorithm 1's outer loop.

    Every step is a pure function of the weights, the seed, the epoch and the step's number. With several processes each
    computes its share of both batches, gradients are averaged, and all select the same branches.

    Args:
        supernet: on the device.
        recipe: the search's recipe.
        train: batches that update w.
        validation: batches that update alpha.
        accelerator: device, precision and processes.
        costs: of the space's networks, if the recipe weighs or bounds them.
    """

    def __init__(
        self,
        supernet: Supernet,
        recipe: SearchRecipe,
        train: Batches,
        validation: Batches,
        accelerator: Accelerator,
        costs: CostTable | None = None,
    ) -> None:
        self.supernet, self.recipe, self.accelerator = supernet, recipe, accelerator
        self.train, self.validation = train, validation
        self.gate = make_gate(recipe, epoch=0)
        self.costs = costs
        self.w = supernet.weights()
        w, alpha = recipe.weights, recipe.alpha
        self.w_optimizer = torch.optim.SGD(self.w, lr=w.lr, momentum=w.momentum, weight_decay=w.weight_decay)
        betas = (alpha.betas[0], alpha.betas[1])
        self.alpha_optimizer = torch.optim.Adam(
            [supernet.alpha], lr=alpha.lr, betas=betas, weight_decay=alpha.weight_decay
        )

    def epoch(self, place: Place, stop: StopRequest) -> LogLine:
        """Search from ``place`` to the end of its epoch and return the epoch's log line.

        Raises:
            StoppedError: after the running step, if a stop was requested.
            CdnetError: if the loss is no longer a finite number.
        """
        number = place.epoch
        order = self.train.epoch(number)
        validation = self._validation_order(number, len(order))
        self.supernet.train()
        self.gate = make_gate(self.recipe, number)
        set_rate(self.alpha_optimizer, alpha_rate(self.recipe, number))

        def take_step(step: int) -> SearchStep:
            set_rate(self.w_optimizer, weights_rate(self.recipe, number + step / len(order)))
            generator = generator_of(self.recipe.seed, number, step, TIES)
            memory = StepMemory(self.accelerator.device)
            with memory.watched():
                losses, selections = self._update_w(order[step], number, step, generator)
            with memory.watched():
                on_validation = self._update_alpha(validation[step], number, step, generator)
            return SearchStep.of(losses, on_validation, memory.bytes, selections, self.supernet.alpha.shape[1])

        batch = self.train.batch_size + self.validation.batch_size
        asked = partial(stop.by_any_process, self.accelerator)
        means = run_epoch(take_step, len(order), batch, place, self.recipe.epochs, asked, _say_losses, RATES)
        return self._line(place, means, len(order))

    def _update_w(
        self, indices: npt.NDArray[np.int64], epoch: int, step: int, generator: torch.Generator
    ) -> tuple[Losses, list[Selection]]:
        batch = self.train.batch(indices, epoch, step)
        selections = self.supernet.select(self.gate, generator, searching=False)
        losses = self._losses(batch, selections)
        self.w_optimizer.zero_grad()
        losses.total.backward()  # type: ignore[no-untyped-call]
        average_over_processes(parameter.grad for parameter in self.w if parameter.grad is not None)
        self.w_optimizer.step()
        return losses, selections

    def _update_alpha(
        self, indices: npt.NDArray[np.int64], epoch: int, step: int, generator: torch.Generator
    ) -> Losses:
        batch = self.validation.batch(indices, epoch, step)
        selections = self.supernet.select(self.gate, generator)
        losses = self._losses(batch, selections)
        # Asked for alpha alone, autograd leaves out every gradient of w.
        (gradient,) = torch.autograd.grad(losses.total + self._cost_term(), [self.supernet.alpha])
        average_over_processes([gradient])
        self.supernet.alpha.grad = gradient
        self.alpha_optimizer.step()
        self.supernet.alpha.grad = None
        return losses

    def _cost_term(self) -> Tensor | float:
        weight = self.recipe.cost.weight
        if self.costs is None or weight == 0:
            return 0.0
        return weight * expected_cost(self.supernet.alpha, self.costs) / (self.recipe.cost.budget or self.costs.mean)

    def chosen(self) -> list[int]:
        """Return each MBlock's candidate: that of the greatest alpha, or the most probable ones within the budget."""
        if self.costs is None:
            return self.supernet.chosen()
        return choose_within(self.supernet.alpha, self.costs, self.recipe.cost.budget)

    def _losses(self, batch: Batch, selections: Sequence[Selection]) -> Losses:
        with self.accelerator.autocast():
            heads = self.supernet(batch.images, selections)
        loss = self.recipe.loss
        return objective(
            heads, batch.identities, loss.margin, loss.smoothing, loss.normalise, gather_rows, loss.triplet_weight
        )

    def _validation_order(self, epoch: int, steps: int) -> npt.NDArray[np.int64]:
        # The validation side is smaller: it goes round as often as the training side's epoch is long.
        rounds: list[npt.NDArray[np.int64]] = []
        while sum(map(len, rounds)) < steps:
            rounds.append(self.validation.epoch(epoch * 1000 + len(rounds)))
        return np.concatenate(rounds)[:steps]

    def _line(self, place: Place, means: SearchStep, steps: int) -> LogLine:
        alpha = self.supernet.alpha.detach()
        probabilities = alpha.softmax(1)
        entropy = -(probabilities * alpha.log_softmax(1)).sum(1)
        line: dict[str, object] = {}
        if self.costs is not None:
            line["expected_cost"] = float(expected_cost(alpha, self.costs))
        if self.recipe.gate == "sampled":
            line["temperature"] = round(gate_temperature(self.recipe, place.epoch), 6)
        line |= {
            "epoch": place.epoch + 1,
            "lr": self.w_optimizer.param_groups[0]["lr"],
            "alpha_lr": self.alpha_optimizer.param_groups[0]["lr"],
            **means.losses(),
            "alpha": alpha.tolist(),
            "entropy": [round(value, 6) for value in entropy.tolist()],
            "chosen": self.chosen(),
            "computed": [[round(steps * share) for share in row] for row in means.computed.tolist()],
            "milliseconds_per_image": round(1000 * place.seconds / place.images, 4),
            # The mean of the steps' peaks, this process's share of the batch alone.
            "mebibytes_per_image": round(means.bytes.item() / self.train.share / 2**20, 4),
            "seconds": round(place.seconds, 2),
        }
        return cast("LogLine", line)


def _say_losses(means: SearchStep) -> str:
    return f"loss {means.loss.item():.2f}, validation {means.validation_loss.item():.2f}"


def weights_rate(recipe: SearchRecipe, epoch: float) -> float:
    """Return the learning rate of w: a cosine from ``lr`` to ``lr_end`` over all epochs."""
    high, low = recipe.weights.lr, recipe.weights.lr_end
    return low + (high - low) * 0.5 * (1 + math.cos(math.pi * epoch / recipe.epochs))


def alpha_rate(recipe: SearchRecipe, epoch: int) -> float:
    """Return the learning rate of alpha: ``lr``, times ``factor`` at each milestone."""
    return recipe.alpha.lr * recipe.alpha.factor ** sum(epoch >= milestone for milestone in recipe.alpha.milestones)


def gate_temperature(recipe: SearchRecipe, epoch: int) -> float:
    """Return the sampled gate's temperature: ``start`` in the first epoch, ``end`` in the last, equal steps between."""
    start, end = recipe.temperature.start, recipe.temperature.end
    return start + (end - start) * epoch / max(recipe.epochs - 1, 1)

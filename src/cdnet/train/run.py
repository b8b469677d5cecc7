"""A training run from recipe to weights: its folder, its resumption, its end."""

from __future__ import annotations

import os
import time
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
from torch import nn

from cdnet.data.layout import read_data
from cdnet.data.recipe import parse_size
from cdnet.data.splits import decode_split
from cdnet.errors import CdnetError
from cdnet.evaluate.evaluation import TestPictures, evaluate_model, read_test_pictures
from cdnet.genotype import read_genotype, shipped_genotypes
from cdnet.nn.baselines.osnet import OSNET
from cdnet.progress import console, shown
from cdnet.train.accelerator import make_accelerator
from cdnet.train.batches import Batches, describe_source
from cdnet.train.checkpoint import FILE, save_checkpoint
from cdnet.train.folder import begin, open_claimed, open_folder
from cdnet.train.loop import Place, StoppedError, StopRequest, train_epoch
from cdnet.train.recipe import TrainRecipe, check_recipe
from cdnet.train.record import Record
from cdnet.weights import ModelSpec, save_weights, try_on_shapes

WEIGHTS = "weights.safetensors"


def train(recipe: TrainRecipe, out: Path, resume: bool = False) -> Path:
    """Train by a recipe and return the weights' path.

    Args:
        recipe: what to train, on what, and how.
        out: the run's folder.
        resume: go on from the checkpoint there.

    The folder gets ``recipe.yaml``, ``checkpoint.pt``, ``log.jsonl``, ``tensorboard/`` and ``weights.safetensors``.

    Raises:
        CdnetError: if the recipe, the pictures or the folder do not allow it.
        StoppedError: if Ctrl-C or a termination signal came; the checkpoint holds the place.
    """
    check_recipe(recipe)
    if recipe.data.root is None:
        raise CdnetError("no pictures to train on; give their folder with --data.root")
    with ExitStack() as held:
        return Run(recipe, out, recipe.data.root, resume, held).train()


class Run:
    """One training run in its folder; :meth:`train` does it all."""

    def __init__(self, recipe: TrainRecipe, out: Path, root: Path, resume: bool, held: ExitStack) -> None:
        self.recipe, self.out = recipe, out
        # What is wrong with the network or the folder is said before a picture is decoded.
        self.size = parse_size(recipe.size)
        self.spec = _spec(recipe, self.size)
        try_on_shapes(self.spec)
        self.accelerator = make_accelerator(recipe.device, recipe.precision)
        state = open_claimed(out, recipe, resume, held) if self.main else open_folder(out, recipe, resume)
        self.accelerator.wait_for_everyone()  # all have looked before one writes
        data = read_data(root, recipe.data.layout, recipe.data.holdout)
        # The processes of one machine share the cache: its lock makes all but one wait.
        pictures = decode_split(data, "train", self.size, recipe.data.cache, shown)
        if pictures.broken and self.main:
            console.print(f"{len(pictures.broken)} unreadable picture(s) left out; first {pictures.broken[0]}")
        self.test: TestPictures | None = None
        if recipe.evaluate_every:
            self.test = read_test_pictures(data, self.size, recipe.data.cache, shown)
        device = self.accelerator.device
        index, count = self.accelerator.process_index, self.accelerator.num_processes
        p, k = recipe.batch.identities, recipe.batch.pictures
        self.batches = Batches(pictures, p, k, recipe.augment, recipe.seed, device, index, count)
        identities = self.batches.identities
        self.spec.trained_on.update(data=data.name, identities=identities, seed=recipe.seed, epochs=0)
        torch.manual_seed(recipe.seed)
        self.model = self.spec.build(identities).to(device)
        self.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        optimizer = _optimizer(self.model, recipe)
        self.wrapped, self.optimizer = self.accelerator.prepare(self.model, optimizer)
        self.place = Place()
        self.source = describe_source(pictures)
        if state is not None:
            self._restore(state)
        elif self.main and not resume:
            begin(out, recipe, held)

    @property
    def main(self) -> bool:
        """Whether this process is the one that writes."""
        return bool(self.accelerator.is_main_process)

    def train(self) -> Path:
        """Train to the last epoch."""
        record = Record(self.out, self.place.epoch) if self.main else None
        stop = StopRequest()
        try:
            with stop.listening():
                while self.place.epoch < self.recipe.schedule.epochs:
                    line = train_epoch(
                        self.wrapped,
                        self.optimizer,
                        self.accelerator,
                        self.batches,
                        self.recipe,
                        self.place,
                        stop,
                    )
                    self._end_epoch(line, record)
                    if self.place.epoch < self.recipe.schedule.epochs and stop.by_any_process(self.accelerator):
                        raise StoppedError
        except StoppedError:
            self._save_checkpoint()
            where = f"epoch {self.place.epoch + 1}, step {self.place.step}"
            raise StoppedError(f"stopped in {where}; add --resume to go on") from None
        finally:
            if record is not None:
                record.close()
        if self.main and not (self.out / WEIGHTS).exists():
            save_weights(self.out / WEIGHTS, self.model, self.spec)
        return self.out / WEIGHTS

    def _end_epoch(self, line: dict[str, Any], record: Record | None) -> None:
        epoch = self.place.epoch + 1
        self.place = Place(epoch=epoch)
        self.spec.trained_on["epochs"] = epoch
        every = self.recipe.evaluate_every
        if self.test is not None and self.main and (epoch % every == 0 or epoch == self.recipe.schedule.epochs):
            started = time.perf_counter()
            metrics = evaluate_model(self.model, self.test)
            line = {
                **line,
                **metrics.to_json(),
                "evaluation_seconds": round(time.perf_counter() - started, 2),
            }
        if record is not None:
            record.add(line)
            save_weights(self.out / WEIGHTS, self.model, self.spec)
            self._save_checkpoint()
            _say(line, self.recipe.schedule.epochs)
        self.accelerator.wait_for_everyone()

    def _save_checkpoint(self) -> None:
        if not self.main:
            return
        scaler = self.accelerator.scaler
        state = {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scaler": scaler.state_dict() if scaler is not None else None,
            "place": self.place.to_state(),
            "source": self.source,
        }
        save_checkpoint(self.out, state)

    def _restore(self, state: dict[str, Any]) -> None:
        if state["source"] != self.source:
            raise CdnetError(
                f"{self.out} was trained on {state['source']['pictures']} pictures of "
                f"{state['source']['identities']} identities, and these are others; resume with the same pictures"
            )
        try:
            self.model.load_state_dict(state["model"])
            self.optimizer.load_state_dict(state["optimizer"])
        except (RuntimeError, ValueError, KeyError):
            raise CdnetError(f"{self.out / FILE}: the checkpoint is of another network than its recipe") from None
        if self.accelerator.scaler is not None and state["scaler"] is not None:
            self.accelerator.scaler.load_state_dict(state["scaler"])
        self.place = Place.from_state(state["place"], self.accelerator.device)
        self.spec.trained_on["epochs"] = self.place.epoch


def _spec(recipe: TrainRecipe, size: tuple[int, int]) -> ModelSpec:
    genotype = OSNET if recipe.genotype == OSNET else read_genotype(recipe.genotype)
    if recipe.genotype not in (OSNET, *shipped_genotypes()):
        recipe.genotype = os.path.abspath(recipe.genotype)  # a resumption may be started elsewhere
    return ModelSpec(genotype, recipe.width, recipe.neck, recipe.stripes, size)


def _optimizer(model: nn.Module, recipe: TrainRecipe) -> torch.optim.SGD:
    optim = recipe.optim
    weights = [parameter for parameter in model.parameters() if parameter.requires_grad]
    return torch.optim.SGD(
        weights,
        lr=optim.lr,
        momentum=optim.momentum,
        nesterov=optim.nesterov,
        weight_decay=optim.weight_decay,
    )


def _say(line: dict[str, Any], epochs: int) -> None:
    parts = [
        f"epoch {line['epoch']}/{epochs}",
        f"loss {line['loss']:.3f}",
        f"triplet {'+'.join(f'{value:.3f}' for value in line['triplet'])}",
        f"softmax {'+'.join(f'{value:.3f}' for value in line['softmax'])}",
        f"{line['images_per_second']:.0f} images/s",
        f"{timedelta(seconds=round((epochs - line['epoch']) * line['seconds']))} left",
    ]
    if "rank1" in line:
        parts.append(f"rank-1 {100 * line['rank1']:.1f}, mAP {100 * line['mAP']:.1f}")
    console.print(", ".join(parts))

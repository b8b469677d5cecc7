"""A training run from recipe to weights: its folder, its resumption, its end."""

from __future__ import annotations

import os
import time
from contextlib import ExitStack
from pathlib import Path
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from cdnet.data.cache import CachedPictures
from cdnet.data.copies import refuse_copies
from cdnet.data.obstacles import refuse_obstacles
from cdnet.data.recipe import given_root
from cdnet.data.remarks import remarks
from cdnet.data.several import read_several, with_test_pictures
from cdnet.data.splits import decode_split
from cdnet.engine.checkpoint import Checkpoint, Source, WorkState
from cdnet.engine.log_line import LogLine
from cdnet.engine.network import read_spec
from cdnet.engine.restoring import restore_network
from cdnet.engine.session import NetworkSession, tell
from cdnet.engine.stopping import StopRequest
from cdnet.errors import UndefinedError
from cdnet.evaluate.evaluation import TestPictures, evaluate_model, read_test_pictures
from cdnet.nn.model import ReidModel
from cdnet.progress import notes, shown
from cdnet.runtime.given import Given
from cdnet.runtime.network import open_network
from cdnet.train.batches import Batches, describe_source
from cdnet.train.init import read_start
from cdnet.train.loop import StepLosses, train_epoch
from cdnet.train.recipe import TrainRecipe, check_recipe
from cdnet.train.taught import Taught
from cdnet.train.teacher import teacher_features
from cdnet.train.views import Views
from cdnet.weights import TrainedOn, save_weights, shipped_weights, try_on_shapes

log = notes(__name__)

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
    root = given_root(recipe.data.root, "train on")
    with ExitStack() as held:
        return TrainRun(recipe, out, root, resume, held).train()


class TrainRun(NetworkSession[ReidModel | Taught]):
    """One training run in its folder; :meth:`train` does it all."""

    keys = ("lr", "loss", "triplet", "softmax", "seconds", "images_per_second")

    def __init__(self, recipe: TrainRecipe, out: Path, root: Path, resume: bool, held: ExitStack) -> None:
        self.recipe = recipe
        # What is wrong with the network or the folder is said before a picture is decoded.
        self.spec = read_spec(recipe)
        try_on_shapes(self.spec)
        recipe.init, recipe.distil.teacher = _found_anywhere(recipe.init), _found_anywhere(recipe.distil.teacher)
        super().__init__(recipe, out, recipe.schedule.epochs, resume, held)
        # A checkpoint has all that training started from.
        start = read_start(recipe.init, self.spec, recipe.seed) if recipe.init and self._checkpoint is None else None
        data = read_several([root, *recipe.data.also], recipe.data.layout, recipe.data.holdout)
        if recipe.data.train_on == "all":
            data = with_test_pictures(data)
        refuse_obstacles(data, "training", recipe.batch.identities)
        # The processes of one machine share the cache: its lock makes all but one wait.
        refuse_copies(data, recipe.data.cache, shown)
        pictures = decode_split(data, "train", self.spec.size, recipe.data.cache, shown)
        self.test: TestPictures | None = None
        if recipe.evaluate_every:
            try:
                self.test = read_test_pictures(data, self.spec.size, recipe.data.cache, shown)
            except UndefinedError as error:
                raise UndefinedError(f"{error}; or train without evaluating, by --evaluate-every 0") from None
        if self.main:
            tell(remarks(data, [pictures, *(self.test.splits() if self.test else ())]))
        views = None
        if recipe.distil.views:
            views = Views(pictures.pixels, recipe.distil.views, recipe.augment, recipe.seed, recipe.distil.mixed)
        teacher = self._teacher(pictures, views)
        self.batches = Batches(
            pictures, recipe.batch, recipe.augment, recipe.seed, self.worker, teacher=teacher, views=views
        )
        self._say_share()
        identities = self.batches.identities
        said: TrainedOn = {"data": data.name, "identities": identities, "seed": recipe.seed, "epochs": 0}
        self.spec.trained_on.update(said)
        if recipe.data.train_on == "all":
            self.spec.trained_on["test_pictures_too"] = True
        if recipe.init is not None:
            self.spec.trained_on["init"] = Path(recipe.init).name
        if recipe.distil.teacher is not None:
            self.spec.trained_on["teacher"] = Path(recipe.distil.teacher).name
            self.spec.trained_on["teacher_sha256"] = self._taught_by["teacher"]
        torch.manual_seed(recipe.seed)
        self.network = self.spec.build(identities, recipe.dropout)
        if start is not None:
            start.give(self.network)
            if self.main:
                log.info(start.as_text())
        head_dims = self._head_dims() if recipe.distil.each else None
        self.prepare(self.network if teacher is None else Taught(self.network, teacher.shape[2], head_dims))
        # Made once the network is where it is trained; batch norm's statistics are averaged too.
        averaging = get_ema_multi_avg_fn(recipe.ema)  # type: ignore[no-untyped-call]
        self.average = AveragedModel(self.network, multi_avg_fn=averaging, use_buffers=True) if recipe.ema else None
        self.source, self.trained_on = describe_source(pictures) | self._taught_by, self.spec.trained_on
        self.start()

    def _teacher(self, pictures: CachedPictures, views: Views | None) -> Tensor | None:
        distil = self.recipe.distil
        self._taught_by: Source = {}
        if distil.teacher is None:
            return None
        given = Given(distil.size, distil.channels, distil.range, _three(distil.mean), _three(distil.std))
        network = open_network(distil.teacher, given, "distil.")
        self._taught_by = {"teacher": network.digest}
        return teacher_features(network, pictures.pictures, views, self.recipe.data.cache, shown)

    def _say_share(self) -> None:
        if self.main:
            order, count = self.batches.epoch(0), len(self.batches.taking_part)
            share, size = len(np.unique(order)) / count, self.batches.batch_size
            log.info(
                f"an epoch is {len(order)} batches of {size} with {share:.0%} of the {count:,} pictures; "
                "which ones wait for the next epoch is drawn anew each time"
            )

    def train(self) -> Path:
        """Train to the last epoch and return the weights' path."""
        self.run()
        weights = self.out / WEIGHTS
        if self.main and not weights.exists():
            save_weights(weights, self.learnt, self.spec)
        return weights

    @property
    def learnt(self) -> ReidModel:
        """The network that is evaluated and saved: the one that is trained, or its moving average."""
        return self.network if self.average is None else cast("ReidModel", self.average.module)

    def state(self) -> WorkState:
        """Return what :class:`NetworkSession` keeps, and the moving average where there is one."""
        state = super().state()
        if self.average is not None:
            state["average"] = self.average.state_dict()
        return state

    def take(self, state: Checkpoint) -> None:
        """Take up what :meth:`state` returned of weights."""
        super().take(state)
        if self.average is not None:
            restore_network(self.average, state["average"])

    def _averaged(self) -> None:
        if self.average is not None:
            self.average.update_parameters(self.network)

    def epoch(self, stop: StopRequest) -> LogLine:
        """Train from ``place`` to the end of its epoch and return the epoch's log line."""
        session = self.accelerator, self.batches, self.recipe, self.place, stop
        return train_epoch(self.wrapped, self.optimizer, *session, self._averaged)

    def end_epoch(self, line: LogLine) -> LogLine:
        """Evaluate if it is time to, and save the inference weights."""
        done, every = line["epoch"], self.recipe.evaluate_every
        if self.test is not None and (done % every == 0 or done == self.epochs):
            started = time.perf_counter()
            line = _evaluated(line, self.learnt, self.test)
            line["evaluation_seconds"] = round(time.perf_counter() - started, 2)
        self.trained_on["epochs"] = done
        save_weights(self.out / WEIGHTS, self.learnt, self.spec)
        return line

    def values_of_step(self) -> int:
        """Return how many values a step gives: the loss, two a head, and what the teacher adds."""
        return 1 + 2 * len(self._head_dims()) + (2 if self.recipe.distil.teacher is not None else 0)

    def _head_dims(self) -> list[int]:
        with torch.device("meta"):
            network = self.spec.build(self.batches.identities).eval()
            heads = network.neck.heads(network.backbone(torch.empty(1, 3, *self.spec.size)))
        return [head.triplet.shape[1] for head in heads]

    def describe(self, line: LogLine) -> str:
        """Say the losses, the speed and the time left, and the evaluation if there was one."""
        losses = StepLosses.from_line(line).as_text()
        speed = f"{line['images_per_second']:.0f} images/s"
        text = f"epoch {line['epoch']}/{self.epochs}, {losses}, {speed}, {self.left(line)} left"
        if "undefined" in line:
            text += f", no figures: {line['undefined']}"
        elif (rank1 := line.get("rank1")) is not None and (precision := line.get("mAP")) is not None:
            text += f", rank-1 {100 * rank1:.1f}, mAP {100 * precision:.1f}"
        return text

    def say_other_pictures(self, kept: Source) -> str:
        """Say how the pictures of a checkpoint differ from these."""
        if {**kept, "teacher": None} == {**self.source, "teacher": None}:
            return "what another teacher says of these pictures; its file has changed"
        return f"{kept['pictures']} pictures of {kept['identities']} identities, and these are others"


def _evaluated(line: LogLine, model: nn.Module, test: TestPictures) -> LogLine:
    """Return a line with its figures; where features have none, nulls and why: they may yet, and training goes on."""
    try:
        return cast("LogLine", {**line, **evaluate_model(model, test).to_json()})
    except UndefinedError as error:
        return {**line, "rank1": None, "mAP": None, "mINP": None, "undefined": str(error)}


def _found_anywhere(weights: str | None) -> str | None:
    # A shipped name stays one; a resumption may be started elsewhere.
    return weights if weights is None or weights in shipped_weights() else os.path.abspath(weights)


def _three(numbers: list[float] | None) -> tuple[float, ...] | None:
    return None if numbers is None else tuple(numbers)

"""A classification run from recipe to weights: its folder, its resumption, its end."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import torch

from cdnet.classify.accuracy import measure_accuracy
from cdnet.classify.batches import ClassBatches, KeptBatches, ReadBatches
from cdnet.classify.loop import ClassLosses, train_epoch
from cdnet.classify.network import Classifier
from cdnet.classify.recipe import NORMALS, ClassifyRecipe, check_classify
from cdnet.classify.weights import ClassifierSpec, save_classifier
from cdnet.data.class_layout import read_class_data
from cdnet.data.classes import ClassData, ClassPictures, DecodedPictures
from cdnet.data.recipe import given_root
from cdnet.data.remarks import of_folders, of_pictures
from cdnet.engine.checkpoint import Source
from cdnet.engine.log_line import LogLine
from cdnet.engine.network import read_spec
from cdnet.engine.session import NetworkSession, tell
from cdnet.engine.stopping import StopRequest
from cdnet.model_input import parse_size
from cdnet.progress import shown
from cdnet.weights import TrainedOn

WEIGHTS = "weights.safetensors"


def classify(recipe: ClassifyRecipe, out: Path, resume: bool = False) -> Path:
    """Train a classifier by a recipe and return the weights' path.

    The folder gets ``recipe.yaml``, ``checkpoint.pt``, ``log.jsonl``, ``tensorboard/`` and ``weights.safetensors``.

    Args:
        recipe: what to train, on what, and how.
        out: the run's folder.
        resume: go on from the checkpoint there.

    Raises:
        CdnetError: if the recipe, the pictures or the folder do not allow it.
        StoppedError: if Ctrl-C or a termination signal came; the checkpoint holds the place.
    """
    check_classify(recipe)
    root = given_root(recipe.data.root, "train on", "folder or archive")
    with ExitStack() as held:
        return ClassifyRun(recipe, out, root, resume, held).train()


class ClassifyRun(NetworkSession[Classifier]):
    """One classification run in its folder; :meth:`train` does it all."""

    keys = ("lr", "loss", "softmax", "seconds", "images_per_second")

    def __init__(self, recipe: ClassifyRecipe, out: Path, root: Path, resume: bool, held: ExitStack) -> None:
        self.recipe = recipe
        # What is wrong with the network or the folder is said before a picture is decoded.
        network = read_spec(recipe, *NORMALS[recipe.data.normal])
        ClassifierSpec(network, ("one", "other"), recipe.stem).try_on_shapes()
        super().__init__(recipe, out, recipe.schedule.epochs, resume, held)
        data = self._decoded(read_class_data(root))
        self.train_batches, self.test_batches = (self._batches(pictures) for pictures in (data.train, data.test))
        self.train_batches.epoch(0)  # too few pictures are told before the folder begins
        self.spec = ClassifierSpec(network, data.classes, recipe.stem)
        said: TrainedOn = {"data": data.name, "classes": len(data.classes), "seed": recipe.seed, "epochs": 0}
        network.trained_on.update(said)
        torch.manual_seed(recipe.seed)
        self.prepare(self.spec.build())
        self.source, self.trained_on = describe_source(data), network.trained_on
        self.start()

    def train(self) -> Path:
        """Train to the last epoch and return the weights' path."""
        self.run()
        weights = self.out / WEIGHTS
        if self.main and not weights.exists():
            save_classifier(weights, self.model, self.spec)
        return weights

    def epoch(self, stop: StopRequest) -> LogLine:
        """Train from ``place`` to the end of its epoch and return the epoch's log line."""
        batches = self.train_batches
        return train_epoch(self.wrapped, self.optimizer, self.accelerator, batches, self.recipe, self.place, stop)

    def end_epoch(self, line: LogLine) -> LogLine:
        """Test if it is time to, and save the weights."""
        done = line["epoch"]
        if done % self.recipe.evaluate_every == 0 or done == self.epochs:
            started = time.perf_counter()
            found = measure_accuracy(self.model, self.test_batches.testing())
            line = {
                **line,
                "top1": found.top1,
                "top5": found.top5,
                "pictures": found.pictures,
                "evaluation_seconds": round(time.perf_counter() - started, 2),
            }
        self.trained_on["epochs"] = done
        save_classifier(self.out / WEIGHTS, self.model, self.spec)
        return line

    def values_of_step(self) -> int:
        """Return how many values a step gives: the loss, and one a head."""
        with torch.device("meta"):
            network = self.spec.build().eval()
            size = parse_size(self.recipe.size)
            return 1 + len(network.neck.heads(network.backbone(torch.empty(1, 3, *size))))

    def describe(self, line: LogLine) -> str:
        """Say the losses, the speed and the time left, and the accuracy if it was measured."""
        losses = ClassLosses.from_line(line).as_text()
        speed = f"{line['images_per_second']:.0f} images/s"
        text = f"epoch {line['epoch']}/{self.epochs}, {losses}, {speed}, {self.left(line)} left"
        return text + (f", {describe_accuracy(line['top1'], line['top5'])}" if "top1" in line else "")

    def say_other_pictures(self, kept: Source) -> str:
        """Say how the pictures of a checkpoint differ from these."""
        return f"{kept['pictures']:,} pictures, and these are {self.source['pictures']:,}, not all the same"

    def _decoded(self, data: ClassData) -> ClassData:
        """Return the data set with what is kept decoded in the place of files."""
        if self.main:
            tell([*data.unpublished(), *of_folders(data.passed_over)])
        if self.recipe.augment.crop == "resized":
            return data
        # The processes of one machine share the cache: its lock makes all but one wait.
        size, cache = parse_size(self.recipe.size), self.recipe.data.cache
        train, test = (data.decoded(split, size, cache, shown) for split in ("train", "test"))
        if self.main:
            tell(of_pictures([*train.broken, *test.broken], [*train.turned, *test.turned]))
        return replace(data, train=train, test=test)

    def _batches(self, pictures: ClassPictures) -> ClassBatches:
        if self.recipe.augment.crop == "resized":
            return ReadBatches(pictures, self.recipe, self.worker)
        assert isinstance(pictures, DecodedPictures)
        return KeptBatches(pictures, self.recipe, self.worker)


def describe_source(data: ClassData) -> Source:
    """Return what tells one training set from another, wherever it lies."""
    return {"pictures": len(data.train), "classes": list(data.classes), "digest": data.train.digest()}


def describe_accuracy(top1: float, top5: float) -> str:
    """Say shares from 0 to 1, and the error, in per cent."""
    return f"top-1 {100 * top1:.2f}, top-5 {100 * top5:.2f}, error {100 * (1 - top1):.2f}"

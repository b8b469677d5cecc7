"""Testing a classifier that is there, trained here or converted, on the test pictures of a data set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import torch

from cdnet.classify.accuracy import Accuracy, measure_accuracy
from cdnet.classify.batches import ClassBatches, KeptBatches, ReadBatches
from cdnet.classify.recipe import ClassifyRecipe
from cdnet.classify.weights import load_classifier
from cdnet.data.class_layout import read_class_data
from cdnet.data.classes import ClassData
from cdnet.data.remarks import of_folders, of_pictures
from cdnet.engine.session import tell
from cdnet.engine.worker import Worker
from cdnet.errors import CdnetError
from cdnet.progress import shown

Part = Literal["whole", "middle"]
"""Of each picture what a classifier sees: all of it, resized, or the middle, as is usual on ImageNet."""


def accuracy_of(
    weights: Path | str, root: Path, part: Part, cache: Path | None = None, device: str | torch.device = "cpu"
) -> tuple[Accuracy, ClassData]:
    """Return how often a classifier is right, and on which data set.

    Args:
        weights: a ``.safetensors`` file of a classifier, or a run's folder.
        root: of the data set.
        part: what of each picture it sees.
        cache: folder for decoded pictures; None means the default.
        device: that computes it.

    Raises:
        CdnetError: if there is no such classifier, it is of other classes, or no picture can be read.
    """
    model, spec = load_classifier(weights, device)
    network = spec.network
    data = read_class_data(root)
    number = number_classes(spec.classes, data.classes, str(weights))
    size = network.size
    recipe = ClassifyRecipe(size=f"{size[0]}x{size[1]}")
    by_number = spec.classes != data.classes and number == list(range(len(number)))
    tell(
        [
            "its classes have no names, and are taken to be the data set's in their order" if by_number else "",
            *data.unpublished(),
            *of_folders(data.passed_over),
        ]
    )
    worker = Worker(torch.device(device))
    batches: ClassBatches
    if part == "middle":
        batches = ReadBatches(data.test, recipe, worker)
    else:
        test = data.decoded("test", size, cache, shown)
        tell(of_pictures(test.broken, test.turned))
        data = replace(data, test=test)
        batches = KeptBatches(test, recipe, worker)
    batches.mean, batches.std = network.mean, network.std
    batches.labels = torch.tensor(number)[batches.labels]
    return measure_accuracy(model, batches.testing()), data


def number_classes(known: Sequence[str], found: Sequence[str], weights: str) -> list[int]:
    """Return the number that a classifier has for each class of a data set.

    Args:
        known: the classifier's classes, by number. Where they are the numbers themselves, as in converted weights, the
            data set's are counted in their own order.
        found: the data set's classes.
        weights: what the classifier is called.

    Raises:
        CdnetError: if it has other classes.
    """
    if len(known) == len(found) and list(known) == [str(number) for number in range(len(known))]:
        return list(range(len(found)))
    place = {name: number for number, name in enumerate(known)}
    unknown = [name for name in found if name not in place]
    if unknown or len(known) != len(found):
        example = f", such as {unknown[0]}" if unknown else ""
        raise CdnetError(
            f"{weights} tells {len(known):,} classes, and the data set has {len(found):,}, of which it does not know "
            f"{len(unknown):,}{example}; test it on pictures of its own classes"
        )
    return [place[name] for name in found]

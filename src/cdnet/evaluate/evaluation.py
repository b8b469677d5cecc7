"""Evaluating a network on a data set's queries and gallery."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from torch import Tensor, nn

from cdnet.data.augment import IMAGENET_MEAN, IMAGENET_STD
from cdnet.data.cache import CachedPictures, Progress, silently
from cdnet.data.pictures import ReidData
from cdnet.data.splits import decode_split
from cdnet.errors import CdnetError
from cdnet.evaluate.extract import extract, number_labels
from cdnet.evaluate.ranking import Labels, Metrics, evaluate_ranking


@dataclass(frozen=True)
class TestPictures:
    """The decoded queries and gallery of a data set, with their labels."""

    __test__ = False  # not a test case, whatever pytest thinks of the name

    query: CachedPictures
    gallery: CachedPictures

    def labels(self) -> tuple[Labels, Labels]:
        """Return the labels of the queries and of the gallery, numbered alike."""
        query, gallery = number_labels(self.query.pictures, self.gallery.pictures)
        return query, gallery


def read_test_pictures(
    data: ReidData, size: tuple[int, int], folder: Path | None = None, progress: Progress = silently
) -> TestPictures:
    """Return a data set's queries and gallery, decoded at height x width.

    Raises:
        CdnetError: if either split is empty or unreadable.
    """
    query, gallery = (decode_split(data, split, size, folder, progress) for split in ("query", "gallery"))
    return TestPictures(query, gallery)


def evaluate_features(query: Tensor, gallery: Tensor, pictures: TestPictures) -> Metrics:
    """Rank given features: query Q x D against gallery G x D."""
    return evaluate_ranking(query, gallery, *pictures.labels())


def evaluate_model(
    model: nn.Module,
    pictures: TestPictures,
    mean: tuple[float, ...] = IMAGENET_MEAN,
    std: tuple[float, ...] = IMAGENET_STD,
    progress: Progress = silently,
) -> Metrics:
    """Extract the features of all queries and gallery pictures, and rank.

    Raises:
        CdnetError: if a feature is not finite.
    """
    query = extract(model, pictures.query.pixels, mean, std, progress=progress)
    gallery = extract(model, pictures.gallery.pixels, mean, std, progress=progress)
    if not (query.isfinite().all() and gallery.isfinite().all()):
        raise CdnetError("the network gives features that are not finite numbers; its weights are broken")
    return evaluate_features(query, gallery, pictures)

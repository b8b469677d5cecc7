"""Evaluating a network on a data set's queries and gallery."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from torch import Tensor, nn

from cdnet.data.cache import CachedPictures, Progress, Watch, silently
from cdnet.data.copies import refuse_copies
from cdnet.data.obstacles import refuse_obstacles
from cdnet.data.pictures import ReidData
from cdnet.data.splits import decode_split
from cdnet.errors import UndefinedError
from cdnet.evaluate.bootstrap import Intervals, bootstrap
from cdnet.evaluate.breakdown import Known, Part, break_down
from cdnet.evaluate.comparable import check_features
from cdnet.evaluate.extract import extract, extract_by, number_labels
from cdnet.evaluate.labels import Labels
from cdnet.evaluate.matches import check_matches
from cdnet.evaluate.options import Options
from cdnet.evaluate.ranking import Metrics, QueryScores, average, evaluate_ranking, score_distances, score_features
from cdnet.evaluate.rerank import rerank
from cdnet.evaluate.threshold import Threshold, find_thresholds
from cdnet.model_input import IMAGENET_MEAN, IMAGENET_STD
from cdnet.runtime.network import Network


@dataclass(frozen=True)
class TestPictures:
    """The decoded queries and gallery of a data set, with their labels.

    ``copied`` counts the queries that have a copy of themselves in the gallery (:mod:`cdnet.data.copies`).
    """

    __test__ = False  # not a test case, whatever pytest thinks of the name

    query: CachedPictures
    gallery: CachedPictures
    copied: int = 0

    def splits(self) -> tuple[CachedPictures, CachedPictures]:
        """Return queries and gallery."""
        return self.query, self.gallery

    def labels(self) -> tuple[Labels, Labels]:
        """Return the labels of the queries and of the gallery, numbered alike."""
        return self._labels

    def known(self) -> Known:
        """Return what is known of queries and gallery, for their parts."""
        numbered = zip(self.splits(), self._labels, strict=True)
        pairs = [
            pair for split, labels in numbered for pair in zip(labels.cameras.tolist(), split.pictures, strict=True)
        ]
        cameras = {number: picture.camera for number, picture in pairs if picture.camera is not None}
        return Known(*self._labels, cameras, self.query.pixels)

    @cached_property
    def _labels(self) -> tuple[Labels, Labels]:
        # Once: every picture's real path is asked of the system.
        query, gallery = number_labels(self.query.pictures, self.gallery.pictures)
        return query, gallery


@dataclass(frozen=True)
class Evaluation:
    """Figures of merit and what was asked for besides.

    ``intervals`` is None, ``thresholds`` and ``parts`` are empty if they were not.
    """

    metrics: Metrics
    options: Options
    intervals: Intervals | None
    thresholds: tuple[Threshold, ...]
    parts: tuple[Part, ...] = ()

    def as_text(self) -> str:
        """Return all of it, saying on each line of figures whether flip or re-ranking was used."""
        found, options = self.metrics, self.options
        lines = [found.as_text(options.how)]
        if self.intervals is not None:
            lines.append(self.intervals.as_text(found.rank1, found.mAP, found.mINP, options.how))
        lines += [threshold.as_text(options.how_similar) for threshold in self.thresholds]
        lines += [part.as_text(options.how) for part in self.parts]
        return "\n".join(lines)

    def to_json(self) -> dict[str, object]:
        """Return the metrics' keys and, besides, ``flip``, ``rerank``, ``intervals``, ``thresholds`` and ``parts``."""
        intervals = None if self.intervals is None else self.intervals.to_json()
        thresholds = [threshold.to_json() for threshold in self.thresholds]
        parts = [part.to_json() for part in self.parts]
        besides = {"intervals": intervals, "thresholds": thresholds, "parts": parts}
        return {**self.metrics.to_json(), **self.options.to_json(), **besides}


def read_test_pictures(
    data: ReidData,
    size: tuple[int, int],
    folder: Path | None = None,
    progress: Progress = silently,
    watch: Callable[[str], Watch] | None = None,
) -> TestPictures:
    """Return a data set's queries and gallery, decoded at height x width.

    Args:
        data: with queries and gallery.
        size: height and width.
        folder: of the cache; None means the default.
        progress: shows how far the decoding is.
        watch: returns for a split what is given each of its pictures as it is decoded.

    Raises:
        UndefinedError: if no query can have a match in the gallery, or every answer would be right.
        CdnetError: if either split is empty or unreadable, or a picture is a copy of another person's, be it one that
            is trained on.
    """
    refuse_obstacles(data, "evaluation")
    copies = refuse_copies(data, folder, progress)
    query, gallery = (
        decode_split(data, split, size, folder, progress, watch and watch(split)) for split in ("query", "gallery")
    )
    pictures = TestPictures(query, gallery, copies.queries)
    broken = [*query.broken, *gallery.broken]
    if broken:
        try:
            check_matches(*pictures.labels())
        except UndefinedError as error:
            raise UndefinedError(
                f"{data.root}: without the {len(broken)} unreadable picture(s), first {broken[0]}, {error}"
            ) from None
    return pictures


def features_of(
    model: nn.Module,
    pictures: TestPictures,
    mean: tuple[float, ...] = IMAGENET_MEAN,
    std: tuple[float, ...] = IMAGENET_STD,
    progress: Progress = silently,
    flip: bool = False,
) -> tuple[Tensor, Tensor]:
    """Return the features of the queries, Q x D, and of the gallery, G x D.

    The arguments are those of :func:`cdnet.evaluate.extract.extract`.

    Raises:
        CdnetError: if features cannot be compared, as :func:`cdnet.evaluate.comparable.check_features` says.
    """
    query, gallery = (
        extract(model, split.pixels, mean, std, progress=progress, flip=flip)
        for split in (pictures.query, pictures.gallery)
    )
    check_features(query, gallery)
    return query, gallery


def evaluate_features(query: Tensor, gallery: Tensor, pictures: TestPictures) -> Metrics:
    """Rank given features: query Q x D against gallery G x D.

    Raises:
        CdnetError: if no query has a match, or features cannot be compared.
    """
    check_features(query, gallery)
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
        UndefinedError: if no query has a match, or if features are all zeros or all alike.
        CdnetError: if a feature is not finite.
    """
    return evaluate_with_options(model, pictures, Options(), mean, std, progress).metrics


def evaluate_with_options(
    model: nn.Module,
    pictures: TestPictures,
    options: Options,
    mean: tuple[float, ...] = IMAGENET_MEAN,
    std: tuple[float, ...] = IMAGENET_STD,
    progress: Progress = silently,
) -> Evaluation:
    """Extract the features of all queries and gallery pictures, rank, and do what the options ask for.

    Raises:
        UndefinedError: if no query has a match, if features are all zeros or all alike, or if what is asked for has no
            value.
        CdnetError: if a feature is not finite, or the pictures are too few for what is asked for.
    """
    options.check(*pictures.labels())
    query, gallery = features_of(model, pictures, mean, std, progress, options.flip)
    return rank_with_options(query, gallery, pictures, options, progress)


def evaluate_network(
    network: Network, pictures: TestPictures, options: Options, progress: Progress = silently
) -> Evaluation:
    """Do as :func:`evaluate_with_options` does, with a network that any runtime runs.

    Args:
        network: whoever made it; it does its own pre-processing.
        pictures: decoded at the network's size.
        options: what is wanted beyond the plain protocol.
        progress: shows how far the extraction is.

    Raises:
        UndefinedError: as :func:`evaluate_with_options`.
        CdnetError: as :func:`evaluate_with_options`, or if the network does not give one row of features a picture.
    """
    options.check(*pictures.labels())
    query, gallery = (
        extract_by(network, split.pixels, options.flip, progress) for split in (pictures.query, pictures.gallery)
    )
    check_features(query, gallery)
    return rank_with_options(query, gallery, pictures, options, progress)


def rank_with_options(
    query: Tensor, gallery: Tensor, pictures: TestPictures, options: Options, progress: Progress = silently
) -> Evaluation:
    """Rank given features, query Q x D against gallery G x D, and do what the options ask for besides.

    Raises:
        UndefinedError: if no query has a match, or if what is asked for has no value.
        CdnetError: if the pictures are too few for what is asked for.
    """
    labels = pictures.labels()
    if options.rerank is None:
        scores = score_features(query, gallery, *labels)

        def rescore(rows: Tensor, columns: Tensor) -> QueryScores:
            return score_features(query[rows], gallery[columns], labels[0][rows], labels[1][columns])

    else:
        settings, same = options.rerank, (labels[0].pictures, labels[1].pictures)
        distances = rerank(query, gallery, settings.k1, settings.k2, settings.weight, same)
        scores = score_distances(distances, *labels)

        def rescore(rows: Tensor, columns: Tensor) -> QueryScores:
            return score_distances(distances[rows][:, columns], labels[0][rows], labels[1][columns])

    intervals = bootstrap(scores, options.bootstrap, options.seed, progress=progress) if options.bootstrap else None
    rates = options.false_match_rates
    thresholds = find_thresholds(query, gallery, *labels, rates) if rates else []
    parts = (
        break_down(options.by, scores, pictures.known(), rescore, options.bootstrap, options.seed) if options.by else ()
    )
    return Evaluation(average(scores, len(gallery)), options, intervals, tuple(thresholds), parts)

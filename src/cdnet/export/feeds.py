"""Which input a file wants: it is fed in every usual way, and what it then makes of people tells.

Photographs with known people are ranked; the best ranks show how the file is to be fed. Drawn pedestrians cannot show
that, for networks have never seen any (they rank them better by wrong inputs); of them only the cosines between
strangers are taken, which are all near 1 where an input is badly off.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch

from cdnet.data.cache import Progress, silently
from cdnet.data.decode import Pixels, resize
from cdnet.errors import CdnetError
from cdnet.evaluate.comparable import check_features, unit_length
from cdnet.evaluate.evaluation import TestPictures
from cdnet.evaluate.labels import UNKNOWN, Labels
from cdnet.evaluate.ranking import QueryScores, average, score_features
from cdnet.export.files import File
from cdnet.export.people import draw_people
from cdnet.export.trial import run_in_batches
from cdnet.model_input import IMAGENET_MEAN, IMAGENET_STD
from cdnet.runtime.preprocessing import Preprocessing

BATCH = 32
MOST_QUERIES, MOST_GALLERY = 120, 600
ALIKE, APART = 0.9, 0.2
"""Cosines of strangers that are too near to 1, and by how much less they are by another way for it to be said."""


@dataclass(frozen=True)
class Sample:
    """Pictures N x H x W x 3, RGB, of queries and gallery, and who is seen on them; ``what`` they are, in words."""

    query: Pixels
    gallery: Pixels
    labels: tuple[Labels, Labels]
    what: str
    drawn: bool = False


@dataclass(frozen=True)
class Ranked:
    """How well people are told apart by a way of feeding.

    Args:
        feed: the way.
        mAP: in [0, 1]; None for drawn pictures, and where ranks are not defined: then ``why`` says why.
        strangers: the mean cosine between two different persons.
        why: empty, or what is wrong.
        scores: of each query, where there is an mAP.
    """

    feed: Preprocessing
    mAP: float | None  # noqa: N815
    strangers: float
    why: str = ""
    scores: QueryScores | None = None


def usual_feeds(size: tuple[int, int]) -> list[Preprocessing]:
    """Return the usual ways to feed a network: RGB or BGR, by ImageNet's mean and deviation, in 0..1, -1..1, 0..255."""
    rgb: Literal["rgb"] = "rgb"
    bgr: Literal["bgr"] = "bgr"
    half = (0.5, 0.5, 0.5)
    feeds = []
    for channels, mean, std in ((rgb, IMAGENET_MEAN, IMAGENET_STD), (bgr, IMAGENET_MEAN[::-1], IMAGENET_STD[::-1])):
        feeds += [
            Preprocessing(size, channels, 1.0, mean, std),
            Preprocessing(size, channels, 1.0),
            Preprocessing(size, channels, 1.0, half, half),
            Preprocessing(size, channels, 255.0),
        ]
    return feeds


def name_of(feed: Preprocessing) -> str:
    """Return a way of feeding in words."""
    words = f"{feed.channels.upper()}, 0 to {feed.range:g}"
    if not _normalises(feed):
        return words
    turn = slice(None, None, 1 if feed.channels == "rgb" else -1)
    if (feed.range, feed.mean[turn], feed.std[turn]) == (1.0, IMAGENET_MEAN, IMAGENET_STD):
        return f"{words}, then ImageNet's mean and deviation"
    mean, std = (", ".join(f"{value:.4g}" for value in three) for three in (feed.mean, feed.std))
    return f"{words}, then less {mean} by {std}"


def drawn_sample(size: tuple[int, int]) -> Sample:
    """Return drawn pedestrians."""
    people = draw_people(size)
    pixels = np.stack([resize(picture, *size) for picture in people.pictures])
    identities = torch.tensor(people.identities)
    labels = Labels(identities, torch.full_like(identities, UNKNOWN), torch.arange(len(identities)))
    return Sample(pixels, pixels, (labels, labels), f"{len(pixels)} drawn pedestrians", True)


def sample_of(pictures: TestPictures) -> Sample:
    """Return some of a data set's queries, evenly picked, and of its gallery their matches first."""
    query, gallery = pictures.labels()
    there = torch.isin(query.identities, gallery.identities).nonzero()[:, 0]
    picked = there[_evenly(len(there), MOST_QUERIES)]
    matches = torch.isin(gallery.identities, query.identities[picked])
    first, others = matches.nonzero()[:, 0], (~matches).nonzero()[:, 0]
    first = first[_evenly(len(first), MOST_GALLERY)]
    others = others[_evenly(len(others), max(0, MOST_GALLERY - len(first)))]
    kept = torch.cat([first, others]).sort().values
    return Sample(
        np.array(pictures.query.pixels[picked.numpy()]),
        np.array(pictures.gallery.pixels[kept.numpy()]),
        (_rows(query, picked), _rows(gallery, kept)),
        f"{len(picked)} queries against {len(kept)} gallery pictures",
    )


def rank_feeds(
    file: File, feeds: Sequence[Preprocessing], sample: Sample, progress: Progress = silently
) -> list[Ranked]:
    """Feed a file in each of the ways; the best way first: by mAP, of drawn pictures by how unlike strangers are.

    Raises:
        CdnetError: if the file cannot be run at all.
    """
    found = [_rank(file, feed, sample) for feed in progress(feeds, "trying inputs", len(feeds))]
    if all(ranked.why for ranked in found):
        raise CdnetError(f"no usual input gives features that tell people apart; first: {found[0].why}")
    return sorted(found, key=lambda one: (bool(one.why), one.strangers if sample.drawn else -(one.mAP or 0)))


def mistake(said: Preprocessing, best: Preprocessing) -> str:
    """Return what is wrong with feeding a file as ``said`` if it wants to be fed as ``best``."""
    wrong = []
    if said.channels != best.channels:
        wrong.append(f"the channels are swapped: it wants {best.channels.upper()}")
    if _normalises(said) and not _normalises(best):
        wrong.append("the pictures are normalised twice: the file does it itself")
    elif _normalises(best) and not _normalises(said):
        wrong.append("the pictures are not normalised at all: the file does not do it itself")
    elif _normalises(said) and not _alike(said, best):
        wrong.append("mean and deviation are others")
    if not _normalises(best) and said.range != best.range:
        wrong.append(f"a byte of 255 is to become {best.range:g}, not {said.range:g}")
    return "; ".join(wrong)


def _normalises(feed: Preprocessing) -> bool:
    return feed.mean != (0.0, 0.0, 0.0) or feed.std != (1.0, 1.0, 1.0)


def _alike(one: Preprocessing, other: Preprocessing) -> bool:
    pixels = np.array([[[[0, 128, 255]]]], np.uint8)
    return bool(np.allclose(one(pixels), other(pixels), atol=0.05))


def _rank(file: File, feed: Preprocessing, sample: Sample) -> Ranked:
    batch = file.count or BATCH
    try:
        query = torch.from_numpy(run_in_batches(file, feed(sample.query), batch))
        same = sample.gallery is sample.query
        gallery = query if same else torch.from_numpy(run_in_batches(file, feed(sample.gallery), batch))
        check_features(query, gallery)
        scores = None if sample.drawn else score_features(query, gallery, *sample.labels)
        found = None if scores is None else average(scores, len(gallery)).mAP
    except CdnetError as error:
        return Ranked(feed, None, 1.0, str(error))
    strange = sample.labels[0].identities[:, None] != sample.labels[1].identities
    cosines = unit_length(query) @ unit_length(gallery).T
    return Ranked(feed, found, float(cosines[strange].mean()), "", scores)


def _evenly(count: int, most: int) -> torch.Tensor:
    return torch.arange(count) if count <= most else torch.arange(most) * count // most


def _rows(labels: Labels, rows: torch.Tensor) -> Labels:
    return Labels(labels.identities[rows], labels.cameras[rows], labels.pictures[rows])

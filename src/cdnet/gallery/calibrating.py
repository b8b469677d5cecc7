"""From which similarity on two pictures count as one person's, measured on pictures whose persons are known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from cdnet.data.cache import Progress, silently
from cdnet.data.pictures import ReidData
from cdnet.errors import CdnetError
from cdnet.evaluate.evaluation import read_test_pictures
from cdnet.evaluate.extract import extract_by
from cdnet.evaluate.labels import UNKNOWN, Labels
from cdnet.evaluate.threshold import Threshold, find_thresholds
from cdnet.gallery.gallery import Gallery
from cdnet.runtime.network import Network

MOST_OWN = 20_000
"""The most of a gallery's own entries that are compared with each other."""


@dataclass(frozen=True)
class Calibration:
    """A threshold, and the pictures that it was measured on."""

    threshold: Threshold
    on: dict[str, object]

    def to_json(self) -> dict[str, object]:
        """Return the threshold's fields and ``on``, as a gallery keeps them."""
        return {**self.threshold.to_json(), "on": self.on}


def on_data(
    data: ReidData, network: Network, rate: float, cache: Any = None, progress: Progress = silently
) -> Calibration:
    """Measure on a data set's queries and gallery, by its protocol.

    Args:
        data: the data set.
        network: the gallery's.
        rate: wanted share of the pairs of different persons that are as similar.
        cache: folder for decoded pictures; None for the usual one.
        progress: shows how far it is.

    Raises:
        CdnetError: if the pictures are too few, or cannot be compared.
    """
    pictures = read_test_pictures(data, network.preprocessing.size, cache, progress)
    query, gallery = (extract_by(network, split.pixels, progress=progress) for split in pictures.splits())
    found = find_thresholds(query, gallery, *pictures.labels(), [rate])[0]
    on = {"data": data.name, "folder": data.root.resolve().name, "queries": len(query), "gallery": len(gallery)}
    return Calibration(found, on)


def on_own(gallery: Gallery, rate: float) -> Calibration:
    """Measure on the gallery's own entries of known persons, each compared with all the others of other cameras.

    Of more than ``MOST_OWN``, those with the least digests are taken, which is a choice by chance.

    Raises:
        CdnetError: if they are too few.
    """
    known = sorted((e for e in gallery.iterate() if e.person is not None), key=lambda entry: entry.digest)
    chosen = known[:MOST_OWN]
    if not chosen:
        raise CdnetError("no entry of this gallery has a known person; name labelled pictures with --data.root")
    persons, cameras = _numbers([entry.person for entry in chosen]), _numbers([entry.camera for entry in chosen])
    labels = Labels(persons, cameras, torch.arange(len(chosen)))
    parts = []
    for start in range(0, len(chosen), 1000):
        ids = [entry.id for entry in chosen[start : start + 1000]]
        found = gallery.features(ids)
        if len(found) < len(ids):
            raise CdnetError("entries were removed while their similarities were measured; calibrate again")
        parts.append(np.stack([found[number] for number in ids]))
    features = torch.from_numpy(np.concatenate(parts))
    threshold = find_thresholds(features, features, labels, labels, [rate])[0]
    return Calibration(threshold, {"data": "its own entries", "entries": len(chosen), "labelled": len(known)})


def _numbers(names: Sequence[str | None]) -> torch.Tensor:
    numbers: dict[str, int] = {}
    return torch.tensor([UNKNOWN if name is None else numbers.setdefault(name, len(numbers)) for name in names])

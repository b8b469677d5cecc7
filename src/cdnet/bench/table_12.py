"""What inference on a data set costs: features and ranking apart, several networks in turns (Table 12)."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

from torch import nn

from cdnet.data.cache import Progress, silently
from cdnet.evaluate.evaluation import TestPictures, evaluate_features
from cdnet.evaluate.extract import extract

BATCH = 128
"""Pictures a batch, as the paper's."""


@dataclass(frozen=True)
class InferenceTimes:
    """Seconds of each round: features of all queries and gallery pictures, and the ranking of all queries."""

    features: tuple[float, ...]
    ranking: tuple[float, ...]


def time_inference(
    models: Mapping[str, nn.Module], pictures: TestPictures, rounds: int = 5, progress: Progress = silently
) -> dict[str, InferenceTimes]:
    """Time networks on the same pictures in turns, so that a machine's moods meet all of them alike.

    Features begin with decoded bytes; ranking gives CMC, mAP and mINP on the CPU.

    Args:
        models: by name; each on its device.
        pictures: decoded.
        rounds: at least 1. A batch of each network goes before the first, and does not count.
        progress: shows how far the rounds are.
    """
    splits = (pictures.query.pixels, pictures.gallery.pixels)
    for pixels in splits:
        pixels.sum()  # read from the disk, which is no network's time
    for model in models.values():
        extract(model, splits[0][:BATCH], batch=BATCH)
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in models}
    turns = [(number, name) for number in range(rounds) for name in models]
    for _, name in progress(turns, "timing inference", len(turns)):
        moments = [time.perf_counter()]
        query, gallery = (extract(models[name], pixels, batch=BATCH) for pixels in splits)
        moments.append(time.perf_counter())
        evaluate_features(query, gallery, pictures)
        moments.append(time.perf_counter())
        found[name].append((moments[1] - moments[0], moments[2] - moments[1]))
    return {
        name: InferenceTimes(tuple(first for first, _ in pairs), tuple(second for _, second in pairs))
        for name, pairs in found.items()
    }

"""What share of the nearest entries the index of a gallery finds, measured against exact search."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from cdnet.errors import CdnetError
from cdnet.gallery.connections import Connection
from cdnet.gallery.searching import Filters, IndexUse, search
from cdnet.gallery.writing import Features

NEAREST = 10
"""Entries of which the recall is measured."""
SAMPLES = 100
SAMPLE_SECONDS = 60.0
"""How long exact searches for the sample may take; fewer than ``SAMPLES`` are taken then, and counted."""

Sample = list[tuple[Features, set[int]]]
"""Queries, and the entries that are nearest to each by exact search."""


def take_sample(
    connection: Connection, dimensions: int, entries: int, progress: Callable[[float], None] = lambda _: None
) -> Sample:
    """Return queries beside entries, and what is nearest to them by exact search.

    An entry itself is found more easily than pictures that are not in the gallery are: the index leads from it straight
    to its neighbours. So a query is as far from an entry as the entry's nearest other, in a direction drawn by chance.

    Args:
        connection: of the gallery, with its index.
        dimensions: of its features.
        entries: how many it has.
        progress: told which share of the sample is taken.

    Raises:
        CdnetError: if there are no two entries.
    """
    if entries < 2:
        raise CdnetError("the recall is measured on the gallery's own entries, and there are none")
    share = min(100.0, 100.0 * 20 * SAMPLES / entries)
    rows = connection.execute(
        "SELECT id, feature FROM entry TABLESAMPLE BERNOULLI (%s) REPEATABLE (0) ORDER BY random() LIMIT %s",
        (share, SAMPLES),
    ).fetchall()
    ends = time.monotonic() + SAMPLE_SECONDS
    generator = np.random.default_rng(0)
    sample: Sample = []
    for number, vector in rows:
        feature = np.asarray(vector.to_numpy(), np.float32)
        others, _ = search(connection, feature, Filters(), 2, index=IndexUse(4 * NEAREST, dimensions))
        similarity = max((match.similarity for match in others if match.entry.id != number), default=1.0)
        query = _beside(feature, similarity, generator)
        sample.append((query, _nearest(connection, query, None)))
        progress(len(sample) / len(rows))
        if time.monotonic() > ends:
            break
    return sample


def _beside(feature: Features, similarity: float, generator: np.random.Generator) -> Features:
    """Return a feature of unit length that has this cosine similarity to another, in a direction drawn by chance."""
    direction = generator.standard_normal(len(feature))
    direction -= (direction @ feature) * feature
    found = similarity * feature + (1 - similarity**2) ** 0.5 * direction / np.linalg.norm(direction)
    return np.asarray(found, np.float32)


def _nearest(connection: Connection, query: Features, index: IndexUse | None) -> set[int]:
    found, _ = search(connection, query, Filters(), NEAREST, index=index)
    return {match.entry.id for match in found}


def recall_of(connection: Connection, sample: Sample, index: IndexUse) -> float:
    """Return the share of a sample's nearest entries that the index finds."""
    hits = [len(_nearest(connection, query, index) & exact) for query, exact in sample]
    return sum(hits) / sum(len(exact) for _, exact in sample)

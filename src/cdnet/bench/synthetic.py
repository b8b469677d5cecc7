"""Features like those of people, drawn in blocks: clustered, as many as are asked for, the same for the same seed.

Features that are spread uniformly have no near neighbours that differ from far ones, and make every index look broken;
those of people come in clusters.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

PICTURES = 20
"""Of a person, on average."""
STYLES, OWN, SPREAD = 100, 0.7, 0.5
"""How many ways of dressing there are, and by how much a person differs from one, and a picture from its person, where
ways of dressing differ by 1: so that strangers are near, too."""
BATCH = 5_000
"""Features of a block."""

Vectors = npt.NDArray[np.float32]


def synthetic(start: int, count: int, dimensions: int, seed: int) -> Vectors:
    """Return features start to start + count, N x D of unit length, the same for the same seed.

    Each block of ``BATCH`` is drawn by itself; ``start`` and ``count`` are multiples of it, or end within one.
    """
    parts = []
    for block in range(start // BATCH, -(-(start + count) // BATCH)):
        centres, generator = _people(block, dimensions, seed)
        noise = generator.standard_normal((BATCH, dimensions), np.float32)
        parts.append(centres[generator.integers(len(centres), size=BATCH)] + np.float32(SPREAD) * noise)
    return _unit(np.concatenate(parts)[start % BATCH :][:count])


def _people(block: int, dimensions: int, seed: int) -> tuple[Vectors, np.random.Generator]:
    """Return what is in the middle of each person's features in a block, and what draws these."""
    styles = np.random.default_rng([seed, 1 << 21]).standard_normal((STYLES, dimensions), np.float32)
    generator = np.random.default_rng([seed, block])
    people = BATCH // PICTURES
    own = generator.standard_normal((people, dimensions), np.float32)
    return styles[generator.integers(STYLES, size=people)] + np.float32(OWN) * own, generator


def _unit(features: Vectors) -> Vectors:
    unit: Vectors = features / np.linalg.norm(features, axis=1, keepdims=True)
    return unit


def blocks(size: int, dimensions: int, seed: int) -> Iterator[tuple[int, Vectors]]:
    """Yield all features and where each block begins; a million of them at once would take a gigabyte and a half."""
    for start in range(0, size, BATCH):
        yield start, synthetic(start, min(BATCH, size - start), dimensions, seed)


def queries_of(size: int, dimensions: int, count: int, seed: int) -> Vectors:
    """Return features of other pictures of people who are in the gallery."""
    generator = np.random.default_rng([seed, 1 << 20])
    found = []
    for number in generator.integers(size, size=count):
        people, _ = _people(int(number) // BATCH, dimensions, seed)
        noise = generator.standard_normal(dimensions, np.float32)
        found.append(people[generator.integers(len(people))] + np.float32(SPREAD) * noise)
    return _unit(np.stack(found))

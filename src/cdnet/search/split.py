"""Splitting a training set for the search: some pictures of each identity update alpha, the rest w (Section 7.1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt


class Split(NamedTuple):
    """Picture indices of both sides, in rising order, and the identities that gave fewer than was asked for."""

    train: npt.NDArray[np.int64]
    validation: npt.NDArray[np.int64]
    short: tuple[str, ...]


def split_validation(identities: Sequence[str], count: int = 4, seed: int = 0) -> Split:
    """Take ``count`` pictures of each identity for validation, by seed.

    An identity with fewer than 2 ``count`` pictures gives half of them, rounded down; one with a single picture gives
    none. These are named, so that nobody is surprised.

    Args:
        identities: of each picture.
        count: pictures of an identity that validate, at least 1.
        seed: decides which.
    """
    members: dict[str, list[int]] = {}
    for index, identity in enumerate(identities):
        members.setdefault(identity, []).append(index)
    rng = np.random.default_rng([seed, count])
    train: list[int] = []
    validation: list[int] = []
    short = []
    for identity, indices in members.items():
        taken = min(count, len(indices) // 2)
        if taken < count:
            short.append(identity)
        shuffled = rng.permutation(indices).tolist()
        validation += shuffled[:taken]
        train += shuffled[taken:]
    return Split(np.array(sorted(train)), np.array(sorted(validation), dtype=np.int64), tuple(short))

"""Splitting a training set for the search: some pictures of each identity update alpha, the rest w (Section 7.1).

The paper says two things that its own data set does not allow at once: the two sides are disjoint (Algorithm 1), and
the validation side has 4 pictures of each identity. Of Market-1501's 751 training identities 122 have fewer than 8
pictures, 15 of them fewer than 4. Here the sides are disjoint, and those 122 give half of theirs: 629 x 4 + 293 = 2,809
pictures update alpha and the other 10,127 update w. The authors' release has 4 of each, 3,004 in all, and 11,160 for w,
since what fills up an identity's four stays on the training side too.
"""

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

    def describe(self, count: int) -> str:
        """Say how many pictures each side has, and why the validation side has not ``count`` of each identity."""
        sides = f"{len(self.train):,} for w, {len(self.validation):,} for alpha"
        if not self.short:
            return sides
        return (
            f"{sides}: {count} of each identity, and half of those of the {len(self.short)} with fewer than {2 * count}"
        )


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

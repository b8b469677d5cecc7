"""P x K batches: P identities with K pictures each, a pure function of seed and epoch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from cdnet.errors import CdnetError

LEFT_OVER = 0.1
"""The largest share of an epoch's groups that it may leave to the next ones."""


class PKSampler:
    """Deals the pictures of an epoch into batches of P different identities with K pictures each.

    Each identity's pictures are shuffled and cut into groups of K; an identity with fewer than K pictures fills its one
    group by drawing again. Identities with more groups left are the likelier to come next, so that an epoch uses nearly
    every group; it ends when fewer than P identities have one. Where more than a tenth of the groups would be left
    over, because few identities have most of the pictures, it goes on instead: identities that have none left join
    again, with pictures drawn anew, until no more than that tenth is left. What an epoch leaves over is drawn at
    random, so that the next ones take it up.

    The paper says P and K of its search alone (Section 7.1); its authors' release has the same in training, and draws a
    batch's identities uniformly from those that have pictures left. To draw them by how many they have left is ours.

    Args:
        identities: of each picture, any hashable values.
        p: identities per batch.
        k: pictures per identity, at least 1.
        seed: at least 0; with the epoch, decides everything.
        side: what the pictures are, for what is said of them.

    Raises:
        CdnetError: if there are fewer than P identities, or P, K or the seed is less than allowed.
    """

    def __init__(
        self, identities: Sequence[object], p: int, k: int, seed: int = 0, side: str = "the training set"
    ) -> None:
        if p < 2 or k < 1:
            raise CdnetError(f"a batch needs at least 2 identities with 1 picture each, not {p} with {k}")
        if seed < 0:
            raise CdnetError(f"the seed must be at least 0, not {seed}")
        members: dict[object, list[int]] = {}
        for index, identity in enumerate(identities):
            members.setdefault(identity, []).append(index)
        if len(members) < 2:
            raise CdnetError(f"{side} has {len(members)} identities; at least 2 are needed")
        if len(members) < p:
            raise CdnetError(
                f"{side} has {len(members)} identities, fewer than the {p} of a batch; lower --batch.identities"
            )
        self.members = [np.array(indices) for indices in members.values()]
        self.p, self.k, self.seed = p, k, seed

    def epoch(self, number: int) -> npt.NDArray[np.int64]:
        """Return the batches of an epoch, S x (P K) picture indices, S >= 1, each identity's K side by side."""
        rng = np.random.default_rng([self.seed, number])
        groups = [self._groups(indices, rng) for indices in self.members]
        left = np.array([len(group) for group in groups])
        batches, may_stay = [], LEFT_OVER * left.sum()
        while (left > 0).sum() >= self.p or left.sum() > may_stay:
            # Gumbel top-P: sampling without replacement, by the number of groups left; those without come last.
            keys = np.log(np.maximum(left, 1e-300)) + rng.gumbel(size=len(left))
            chosen = np.argsort(-keys, kind="stable")[: self.p]
            batches.append(np.concatenate([self._next_group(i, groups[i], left[i], rng) for i in chosen]))
            left[chosen] = np.maximum(left[chosen] - 1, 0)
        return np.stack(batches)

    def _next_group(
        self, identity: int, groups: npt.NDArray[np.int64], left: int, rng: np.random.Generator
    ) -> npt.NDArray[np.int64]:
        group: npt.NDArray[np.int64] = groups[left - 1] if left > 0 else self._groups(self.members[identity], rng)[0]
        return group

    def _groups(self, indices: npt.NDArray[np.int64], rng: np.random.Generator) -> npt.NDArray[np.int64]:
        if len(indices) < self.k:
            extra = rng.choice(indices, self.k - len(indices))
            return np.concatenate([indices, extra])[None]
        count = len(indices) // self.k
        return rng.permutation(indices)[: count * self.k].reshape(count, self.k)

"""Search spaces: which CDBlocks an MBlock chooses among, and how many MBlocks a network has (Section 3.1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cdnet.errors import CdnetError
from cdnet.genotype import KERNELS, MAX_BLOCKS, MAX_REPEATS, STAGES, CDChoice, Genotype

CK = ((3, 5), (3, 7), (3, 9), (5, 7), (5, 9), (7, 9))
"""The paper's kernel pairs, in its order."""


@dataclass(frozen=True)
class SearchSpace:
    """The candidates of every MBlock, and the number of MBlocks in each of the three stages.

    Raises:
        CdnetError: if there are fewer than two candidates, one of them twice or not a legal CDBlock, or a stage
            without an MBlock or with more than ``MAX_BLOCKS``.
    """

    name: str
    candidates: tuple[CDChoice, ...]
    blocks: tuple[int, ...] = (2, 2, 2)

    def __post_init__(self) -> None:
        if len(self.candidates) < 2:
            raise CdnetError(f"{self._called} has {len(self.candidates)} candidate(s); a choice needs at least 2")
        if len(set(self.candidates)) < len(self.candidates):
            raise CdnetError(f"{self._called} has a candidate twice")
        for choice in self.candidates:
            legal = {choice.k1, choice.k2} <= set(KERNELS) and choice.k1 < choice.k2
            if not legal or not 1 <= choice.repeats <= MAX_REPEATS:
                raise CdnetError(f"{self._called} has {choice}, which is no CDBlock")
        if len(self.blocks) != STAGES or min(self.blocks) < 1:
            raise CdnetError(f"{self._called} needs at least one MBlock in each of {STAGES} stages")
        if max(self.blocks) > MAX_BLOCKS:
            raise CdnetError(f"{self._called} has {max(self.blocks):,} MBlocks in a stage; {MAX_BLOCKS} are the most")

    @property
    def _called(self) -> str:
        return self.name if self.name.endswith("space") else f"the space {self.name}"

    @property
    def mblocks(self) -> int:
        """Number of MBlocks in all, 6 in the paper."""
        return sum(self.blocks)

    @property
    def size(self) -> int:
        """Number of networks in the space: 6^6 for CS, 12^6 for CDS."""
        return int(len(self.candidates) ** self.mblocks)

    def describe(self) -> str:
        """Say its name and contents, such as ``mine ((3,5,1) (3,9,2) in 2+2+2 MBlocks)``."""
        return f"{self.name} ({' '.join(map(str, self.candidates))} in {'+'.join(map(str, self.blocks))} MBlocks)"

    def genotype(self, chosen: Sequence[int], name: str, source: str = "") -> Genotype:
        """Return the network that takes candidate ``chosen[i]`` in MBlock i, from the first stage to the last."""
        choices = iter(self.candidates[index] for index in chosen)
        stages = tuple(tuple(next(choices) for _ in range(count)) for count in self.blocks)
        return Genotype(name, stages, source=source)


def _space(name: str, repeats: Sequence[int]) -> SearchSpace:
    return SearchSpace(name, tuple(CDChoice(k1, k2, r) for r in repeats for k1, k2 in CK))


CS = _space("CS", [1])
"""Combined Space: six pairs of kernels, one CBlock each."""

CDS = _space("CDS", [1, 2])
"""Combined Depth Space: six pairs of kernels, one or two CBlocks each."""

SPACES = {"CS": CS, "CDS": CDS}

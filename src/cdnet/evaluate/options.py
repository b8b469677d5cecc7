"""What an evaluation does beyond the plain protocol; all of it is off unless asked for."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import torch

from cdnet.errors import CdnetError
from cdnet.evaluate import bootstrap, breakdown, rerank, threshold
from cdnet.evaluate.labels import Labels
from cdnet.evaluate.matches import check_matches
from cdnet.evaluate.rerank import Rerank


@dataclass(frozen=True)
class Options:
    """What an evaluation does beyond the plain protocol.

    Args:
        flip: average the features of each picture and its mirror image.
        rerank: re-rank with these settings; None means not.
        bootstrap: samples for confidence intervals; 0 means none.
        seed: of these samples.
        false_match_rates: the rates for which thresholds are wanted.
        by: what parts are told by whose figures are wanted too, some of :data:`cdnet.evaluate.part_names.PARTS`.

    Raises:
        CdnetError: if a setting is out of range.
    """

    flip: bool = False
    rerank: Rerank | None = None
    bootstrap: int = 0
    seed: int = 0
    false_match_rates: tuple[float, ...] = ()
    by: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.rerank is not None and not all(1 <= k <= rerank.MOST for k in (self.rerank.k1, self.rerank.k2)):
            raise CdnetError(
                f"re-ranking needs k1 and k2 from 1 to {rerank.MOST}, not {self.rerank.k1} and {self.rerank.k2}"
            )
        if self.rerank is not None and not 0 <= self.rerank.weight <= 1:
            raise CdnetError(f"re-ranking's lambda is a share from 0 to 1, not {self.rerank.weight:g}")
        if self.bootstrap and not bootstrap.LEAST <= self.bootstrap <= bootstrap.MOST:
            raise CdnetError(
                f"intervals need {bootstrap.LEAST} to {bootstrap.MOST:,} bootstrap samples, not {self.bootstrap:,}"
            )
        if not 0 <= self.seed < 2**63:
            raise CdnetError(f"the seed must be from 0 to 2^63 - 1, not {self.seed}")
        if len(self.false_match_rates) > threshold.MOST:
            raise CdnetError(
                f"thresholds are told for {threshold.MOST} false-match rates at most, not {len(self.false_match_rates)}"
            )

    def check(self, query: Labels, gallery: Labels) -> None:
        """See that all that is asked for is determined by queries and gallery with these labels.

        Raises:
            UndefinedError: if no query has a match, or if what is asked for besides has no value.
            CdnetError: if the pictures are too few for a wanted false-match rate or for the neighbours of re-ranking,
                or nothing is known of what parts are to be told by.
        """
        found = check_matches(query, gallery)
        breakdown.check_known(self.by, query, gallery)
        if self.bootstrap:
            bootstrap.check_enough(found.matched)
        if self.false_match_rates:
            threshold.check_rates(self.false_match_rates, query, gallery)
        if self.rerank is not None:
            pictures = len(torch.unique(torch.cat([query.pictures, gallery.pictures])))
            if pictures <= max(self.rerank.k1, self.rerank.k2 - 1):
                raise CdnetError(
                    f"re-ranking by k1 {self.rerank.k1} and k2 {self.rerank.k2} needs more pictures than the "
                    f"{pictures} of queries and gallery together; "
                    + (f"k1 can be up to {pictures - 1} and k2 up to {pictures}" if pictures > 1 else "give more")
                )

    @property
    def how(self) -> str:
        """What to print after figures that are not those of the plain protocol, else nothing."""
        used = ["flip"] if self.flip else []
        if self.rerank is not None:
            used.append(f"re-ranked with k1 {self.rerank.k1}, k2 {self.rerank.k2}, lambda {self.rerank.weight:g}")
        return f" [{'; '.join(used)}]" if used else ""

    @property
    def how_similar(self) -> str:
        """What to print after what is told of similarities, which re-ranking does not change."""
        used = ["flip"] if self.flip else []
        if self.rerank is not None:
            used.append("not re-ranked")
        return f" [{'; '.join(used)}]" if used else ""

    def to_json(self) -> dict[str, object]:
        """Return whether flip and re-ranking were used, the latter with its settings or null."""
        return {"flip": self.flip, "rerank": None if self.rerank is None else asdict(self.rerank)}

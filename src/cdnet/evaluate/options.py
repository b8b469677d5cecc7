"""What an evaluation does beyond the plain protocol; all of it is off unless asked for."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from cdnet.errors import CdnetError
from cdnet.evaluate.bootstrap import LEAST
from cdnet.evaluate.rerank import MOST, Rerank


@dataclass(frozen=True)
class Options:
    """What an evaluation does beyond the plain protocol.

    Args:
        flip: average the features of each picture and its mirror image.
        rerank: re-rank with these settings; None means not.
        bootstrap: samples for confidence intervals; 0 means none.
        seed: of these samples.
        false_match_rates: the rates for which thresholds are wanted.

    Raises:
        CdnetError: if a setting is out of range.
    """

    flip: bool = False
    rerank: Rerank | None = None
    bootstrap: int = 0
    seed: int = 0
    false_match_rates: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if self.rerank is not None and not all(1 <= k <= MOST for k in (self.rerank.k1, self.rerank.k2)):
            raise CdnetError(f"re-ranking needs k1 and k2 from 1 to {MOST}, not {self.rerank.k1} and {self.rerank.k2}")
        if self.rerank is not None and not 0 <= self.rerank.weight <= 1:
            raise CdnetError(f"re-ranking's lambda is a share from 0 to 1, not {self.rerank.weight:g}")
        if self.bootstrap and self.bootstrap < LEAST:
            raise CdnetError(f"intervals need at least {LEAST} bootstrap samples, not {self.bootstrap}")
        if not 0 <= self.seed < 2**63:
            raise CdnetError(f"the seed must be from 0 to 2^63 - 1, not {self.seed}")

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

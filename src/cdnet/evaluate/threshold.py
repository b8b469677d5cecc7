"""Thresholds: which cosine similarity two pictures must exceed to be taken for one person, for a wanted error rate.

Pure functions of tensors. A pair is a query and a gallery picture that counts for it by the protocol; it is genuine if
both show the same identity, and an impostor pair otherwise. A pair is taken for a match where its similarity is above
the threshold.

The answer is exact, yet no similarity is kept. A 32-bit float has an upper and a lower half: in a first pass all pairs
are counted by their upper half, which tells in which of 65,536 cells each threshold lies; in a second one the pairs in
these cells are counted by their lower half. That is every float there is, one by one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction

import torch
from torch import Tensor

from cdnet.errors import CdnetError, UndefinedError
from cdnet.evaluate.comparable import unit_length
from cdnet.evaluate.labels import Labels, SortedGallery, excluded

MOST = 20
"""Rates of one evaluation: each is counted by itself."""

_HALF = 1 << 16


@dataclass(frozen=True)
class Threshold:
    """The least threshold that keeps a wanted false-match rate.

    Args:
        wanted: false-match rate asked for.
        threshold: a pair matches if its cosine similarity is above this.
        false_match_rate: share of the impostor pairs above the threshold; below ``wanted`` if that falls between two
            counts, or among equal similarities.
        true_match_rate: share of the genuine pairs above it.
        impostor_pairs: how many there are.
        genuine_pairs: likewise.
    """

    wanted: float
    threshold: float
    false_match_rate: float
    true_match_rate: float
    impostor_pairs: int
    genuine_pairs: int

    def to_json(self) -> dict[str, float | int]:
        """Return all fields."""
        return asdict(self)

    def as_text(self, how: str = "") -> str:
        """Return one line; both rates are shares from 0 to 1, as in :meth:`to_json`."""
        return (
            f"false-match rate {self.wanted:g}: cosine similarity above {self.threshold:.6f}, "
            f"true-match rate {self.true_match_rate:.4f}{how}"
        )


def count_pairs(query: Labels, gallery: Labels, tile: int = 256) -> tuple[int, int]:
    """Return how many genuine and how many impostor pairs count."""
    genuine, impostor, ordered = 0, len(query) * len(gallery), SortedGallery(gallery)
    for start in range(0, len(query), tile):
        matches, own, itself = (len(pairs.rows) for pairs in ordered.related(query[start : start + tile]))
        genuine += matches
        impostor -= matches + own + itself
    return genuine, impostor


def check_rates(rates: Sequence[float], query: Labels, gallery: Labels) -> None:
    """See that thresholds for some false-match rates can be told from so many pairs.

    Raises:
        UndefinedError: if there is no genuine or no impostor pair.
        CdnetError: if a rate is not between 0 and 1 or is less than one impostor pair of all.
    """
    wrong = [rate for rate in rates if not 0 < rate < 1]
    if wrong:
        raise CdnetError(f"a false-match rate is a share between 0 and 1, such as 1e-3, not {wrong[0]:g}")
    genuine, impostor = count_pairs(query, gallery)
    if not genuine:
        raise UndefinedError("no query has a match in the gallery, so that no threshold can be told")
    if not impostor:
        raise UndefinedError(
            "no pair of a query and a gallery picture is of different persons, so that there is no false match; leave "
            "out --false-match-rate, or give pictures of other persons"
        )
    fine = [rate for rate in rates if not _allowed(rate, impostor)]
    if fine:
        least = f"the least they can tell is {_least(impostor):g}" if impostor > 1 else "give more pictures"
        raise CdnetError(
            f"the false-match rate {fine[0]:g} is too small for {impostor:,} pairs of different persons; {least}"
        )


def find_thresholds(
    query_features: Tensor,
    gallery_features: Tensor,
    query: Labels,
    gallery: Labels,
    rates: Sequence[float],
    tile: int = 256,
) -> list[Threshold]:
    """Return the threshold for each wanted false-match rate, over all pairs that count.

    Args:
        query_features: Q x D, scaled to unit length here; similarities are taken in float32.
        gallery_features: G x D, likewise.
        query: labels of the queries.
        gallery: labels of the gallery.
        rates: wanted false-match rates, between 0 and 1.
        tile: queries compared at a time.

    Raises:
        CdnetError: as :func:`check_rates`, or if features cannot be compared.
        ValueError: if features and labels differ in length.
    """
    if len(query_features) != len(query) or len(gallery_features) != len(gallery):
        raise ValueError("features and labels differ in length")
    check_rates(rates, query, gallery)
    pairs = _Pairs(unit_length(query_features.float()), unit_length(gallery_features.float()), query, gallery, tile)
    upper = torch.zeros(2, _HALF, dtype=torch.long)
    for genuine, impostor in pairs.keyed():
        upper += torch.stack([torch.bincount(keys >> 16, minlength=_HALF) for keys in (genuine, impostor)])
    totals = upper.sum(1)
    allowed = [_allowed(rate, int(totals[1])) for rate in rates]
    cells = [_place(upper[1], count) for count in allowed]
    lower = {cell: torch.zeros(2, _HALF, dtype=torch.long) for cell in cells}
    for genuine, impostor in pairs.keyed():
        for cell, counts in lower.items():
            inside = [keys[keys >> 16 == cell] & (_HALF - 1) for keys in (genuine, impostor)]
            counts += torch.stack([torch.bincount(keys, minlength=_HALF) for keys in inside])
    found = []
    for rate, count, cell in zip(rates, allowed, cells, strict=True):
        before = upper[:, cell + 1 :].sum(1)
        place = _place(lower[cell][1], count - int(before[1]))
        true, false = ((before + lower[cell][:, place + 1 :].sum(1)) / totals.double()).tolist()
        value = _from_key((cell << 16) + place)
        found.append(Threshold(rate, value, false, true, int(totals[1]), int(totals[0])))
    return found


def _allowed(rate: float, impostor: int) -> int:
    # As decimal fractions, for 0.29 of 100 pairs is 29 of them, while floats make it 28.
    return math.floor(Fraction(repr(float(rate))) * impostor)


def _least(impostor: int) -> float:
    """Return the least rate, of three digits, that lets one pair through."""
    scale: int = 10 ** (2 - math.floor(math.log10(1 / impostor)))
    return math.ceil(scale / impostor) / scale


def _place(counts: Tensor, above: int) -> int:
    """Return the cell of the ``above + 1``-th largest of what is counted."""
    from_the_top = counts.flip(0).cumsum(0)
    return len(counts) - 1 - int(torch.searchsorted(from_the_top, above, right=True))


def _kinds(query: Labels, gallery: Labels) -> tuple[Tensor, Tensor]:
    """Return which pairs are genuine and which impostor pairs, Q x G each."""
    counts = ~excluded(query, gallery)
    same = query.identities[:, None] == gallery.identities
    return counts & same, counts & ~same


@dataclass(frozen=True)
class _Pairs:
    query_features: Tensor
    gallery_features: Tensor
    query: Labels
    gallery: Labels
    tile: int

    def keyed(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield the similarities of genuine and of impostor pairs as keys, the same ones each time."""
        for start in range(0, len(self.query), self.tile):
            rows = slice(start, start + self.tile)
            keys = _to_keys(self.query_features[rows] @ self.gallery_features.T)
            genuine, impostor = _kinds(self.query[rows], self.gallery)
            yield keys[genuine], keys[impostor]


def _to_keys(values: Tensor) -> Tensor:
    """Return integers from 0 to 2^32 - 1 that sort as the float32 values do."""
    bits = (values + 0.0).view(torch.int32)  # a negative zero becomes a zero
    # The bits of negative numbers sort the wrong way round.
    return torch.where(bits < 0, bits ^ 0x7FFFFFFF, bits).long() + (1 << 31)


def _from_key(key: int) -> float:
    bits = key - (1 << 31)
    bits = bits ^ 0x7FFFFFFF if bits < 0 else bits
    return float(torch.tensor(bits, dtype=torch.int32).view(torch.float32))

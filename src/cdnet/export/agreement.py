"""How well two runs of a network agree: largest difference, cosine, and order of neighbours.

Pure functions of arrays.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from cdnet.runtime.network import Features

NEAR = {"fp32": 1 - 1e-5, "fp16": 0.999, "int8": 0.7}
"""The least cosine of a picture's features by PyTorch and by a file of so many bits; mAP tells what 8 bits cost."""
ORDER = {"fp32": 0.999, "fp16": 0.99, "int8": 0.85}
"""The least share of pairs of pictures that are in the same order for a third."""
TIE = 1e-5
"""Cosines that are nearer than this may change places."""


@dataclass(frozen=True)
class Agreement:
    """How features N x D agree with those that they should be.

    Args:
        largest: the largest difference of any number, as a share of the largest number.
        cosine: the least between a picture's two features.
        order: of all triples of pictures, the share in which the second is nearer to the first than the third, or not,
            by both; 1 for fewer than three pictures.
        nearest: share of the pictures whose nearest neighbour is the same by both.
    """

    largest: float
    cosine: float
    order: float
    nearest: float

    def as_text(self) -> str:
        """Return it in words."""
        return (
            f"largest difference {100 * self.largest:.3g} % of the largest number, least cosine {self.cosine:.6f}, "
            f"{100 * self.order:.2f} % of pairs in the same order, {100 * self.nearest:.1f} % with the same nearest"
        )

    def to_json(self) -> dict[str, float]:
        """Return the figures by name."""
        return asdict(self)

    def enough(self, precision: str) -> bool:
        """Whether that is what a file of so many bits, fp32, fp16 or int8, has to reach."""
        return self.cosine >= NEAR[precision] and self.order >= ORDER[precision]


def agree(wanted: Features, found: Features) -> Agreement:
    """Compare features ``found`` with those ``wanted``, both N x D.

    Raises:
        ValueError: if their shapes differ.
    """
    if wanted.shape != found.shape:
        raise ValueError(f"features of {found.shape}, not of {wanted.shape}")
    first, second = wanted.astype(np.float64), found.astype(np.float64)
    largest = float(np.abs(first - second).max() / max(np.abs(first).max(), 1e-30))
    first, second = _unit(first), _unit(second)
    cosine = float((first * second).sum(1).min())
    if len(first) < 3:
        return Agreement(largest, cosine, 1.0, 1.0)
    near, other = first @ first.T, second @ second.T
    same, pairs = 0.0, 0
    for number in range(len(first)):
        one, two = (np.delete(cosines[number], number) for cosines in (near, other))
        before, after = one[:, None] - one, two[:, None] - two
        sure = np.triu(np.abs(before) > TIE, 1)
        same += float((sure & (np.sign(before) == np.sign(after))).sum())
        pairs += int(sure.sum())
    np.fill_diagonal(near, -2)
    np.fill_diagonal(other, -2)
    # A neighbour that is nearest by one is as near as the nearest by the other, ties aside.
    rows = np.arange(len(near))
    nearest = float((near.max(1) - near[rows, other.argmax(1)] <= TIE).mean())
    return Agreement(largest, cosine, same / pairs if pairs else 1.0, nearest)


def _unit(features: Any) -> Any:
    return features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-30)

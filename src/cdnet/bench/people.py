"""Drawn features and labels as large as a data set's, to rank: persons are clusters, and some pictures are nobody's."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from cdnet.errors import CdnetError
from cdnet.evaluate.labels import Labels

OF_ONE = 21
"""Gallery pictures for each person, those of nobody among them, as in Market-1501's 15,913 of 750."""
_NOBODY = 0.176
_CAMERAS = 6
_BLUR = 1.6


@dataclass(frozen=True)
class Drawn:
    """Features of queries, Q x D, and of a gallery, G x D, float32, with their labels."""

    query_features: Tensor
    gallery_features: Tensor
    query: Labels
    gallery: Labels

    @property
    def config(self) -> str:
        """Sizes and threads in words, such as ``3,368 x 15,913 x 768, 2 threads``."""
        (queries, dims), gallery = self.query_features.shape, len(self.gallery_features)
        where = "cuda" if self.query_features.is_cuda else f"cpu, {torch.get_num_threads()} threads"
        return f"{queries:,} x {gallery:,} x {dims:,}, {where}"


def parse_sizes(text: str) -> tuple[int, int, int]:
    """Return queries, gallery pictures and numbers a feature of text such as ``3368x15913x768``.

    Raises:
        CdnetError: if it is of another form or out of range.
    """
    parts = text.split("x")
    if len(parts) != 3 or not all(part.isascii() and part.isdigit() and len(part) < 9 for part in parts):
        raise CdnetError(f"sizes are queries, gallery and numbers a feature, such as 3368x15913x768, not {text}")
    queries, gallery, dims = map(int, parts)
    if not (queries >= 1 and OF_ONE <= gallery <= 2**24 and 2 <= dims <= 2**16):
        raise CdnetError(f"sizes are from 1x{OF_ONE}x2 on, with at most {2**24:,} in the gallery, not {text}")
    return queries, gallery, dims


def draw(sizes: tuple[int, int, int], device: str = "cpu", seed: int = 0) -> Drawn:
    """Draw features and labels: the same ones for the same sizes and seed."""
    queries, gallery, dims = sizes
    generator = torch.Generator().manual_seed(seed)
    persons = gallery // OF_ONE
    centres = torch.randn(persons + 1, dims, generator=generator)
    centres[persons] = 0  # nobody
    who_asks = torch.arange(queries) % persons
    who = torch.randint(persons, (gallery,), generator=generator)
    who[torch.rand(gallery, generator=generator) < _NOBODY] = persons

    def features(persons_of: Tensor) -> Tensor:
        noise = torch.randn(len(persons_of), dims, generator=generator)
        return noise.mul_(_BLUR).add_(centres[persons_of]).to(device)

    def labels(persons_of: Tensor, first: int) -> Labels:
        cameras = torch.randint(_CAMERAS, persons_of.shape, generator=generator)
        return Labels(persons_of, cameras, torch.arange(first, first + len(persons_of))).to(torch.device(device))

    return Drawn(features(who_asks), features(who), labels(who_asks, 0), labels(who, queries))

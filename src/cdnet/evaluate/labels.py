"""Whose picture it is, by which camera: which gallery pictures match a query, and which do not count for it.

Pure functions of tensors.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

UNKNOWN = -1
"""Camera of a picture whose camera is not known; such a picture is never excluded by its camera."""


@dataclass(frozen=True)
class Labels:
    """Identity, camera (or UNKNOWN) and picture number of N pictures, integer tensors of length N.

    Two entries with the same picture number are the same picture, which never matches itself.
    """

    identities: Tensor
    cameras: Tensor
    pictures: Tensor

    def __len__(self) -> int:
        return len(self.identities)

    def __getitem__(self, rows: slice | Tensor) -> Labels:
        return Labels(self.identities[rows], self.cameras[rows], self.pictures[rows])

    def to(self, device: torch.device) -> Labels:
        """Return them on a device."""
        return Labels(self.identities.to(device), self.cameras.to(device), self.pictures.to(device))


def excluded(query: Labels, gallery: Labels) -> Tensor:
    """Return Q x G: True where the gallery picture does not count for the query.

    That is a picture of the query's identity by the query's own camera, and the query itself.
    """
    same_identity = query.identities[:, None] == gallery.identities
    same_camera = (query.cameras[:, None] == gallery.cameras) & (query.cameras[:, None] != UNKNOWN)
    return (same_identity & same_camera) | (query.pictures[:, None] == gallery.pictures)


class Pairs(NamedTuple):
    """Pairs of a query and a gallery picture by their numbers, ``rows`` and ``columns``, P each; rows ascend."""

    rows: Tensor
    columns: Tensor

    def where(self, kept: Tensor) -> Pairs:
        """Return those of the pairs for which ``kept``, P booleans, is True."""
        return Pairs(self.rows[kept], self.columns[kept])

    def per_row(self, queries: int) -> Tensor:
        """Count the pairs of each of so many queries."""
        return torch.bincount(self.rows, minlength=queries)


class Related(NamedTuple):
    """The gallery pictures that have to do with some queries; no pair is in two of these.

    ``matches`` count and are of the query's identity. What does not count (:func:`excluded`) is of the query's identity
    in ``own``, and the query itself under another identity in ``itself``.
    """

    matches: Pairs
    own: Pairs
    itself: Pairs


class SortedGallery:
    """A gallery's labels, sorted, so that what has to do with a query is found without comparing all with all."""

    def __init__(self, gallery: Labels) -> None:
        self.labels = gallery
        self._identities = gallery.identities.sort(stable=True)
        self._pictures = gallery.pictures.sort(stable=True)

    def related(self, query: Labels) -> Related:
        """Return the pairs of Q queries with what matches, and with what does not count."""
        gallery = self.labels
        same = _equal(query.identities, *self._identities)
        camera, picture = query.cameras[same.rows], query.pictures[same.rows]
        out = (camera == gallery.cameras[same.columns]) & (camera != UNKNOWN)
        out |= picture == gallery.pictures[same.columns]
        copies = _equal(query.pictures, *self._pictures)
        strange = query.identities[copies.rows] != gallery.identities[copies.columns]
        return Related(same.where(~out), same.where(out), copies.where(strange))

    def count_same(self, query: Labels) -> Tensor:
        """Count the pictures of each query's identity, whether they count or not: Q."""
        first, end = _span(query.identities, self._identities[0])
        return end - first


def _span(wanted: Tensor, ordered: Tensor) -> tuple[Tensor, Tensor]:
    wanted = wanted.contiguous()
    return torch.searchsorted(ordered, wanted), torch.searchsorted(ordered, wanted, right=True)


def _equal(wanted: Tensor, ordered: Tensor, order: Tensor) -> Pairs:
    """Return the pairs of a wanted value and a place where it stands; places as given by ``order``."""
    first, end = _span(wanted, ordered)
    counts = end - first
    rows = torch.arange(len(wanted), device=wanted.device).repeat_interleave(counts)
    before = counts.cumsum(0) - counts
    return Pairs(rows, order[torch.arange(len(rows), device=rows.device) + (first - before)[rows]])

"""Ranked lists: what a network puts first for some queries, and which of it is right."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from cdnet.evaluate.comparable import unit_length
from cdnet.evaluate.labels import Labels, excluded
from cdnet.evaluate.ranking import score_tile


@dataclass(frozen=True)
class RankedPicture:
    """One place of a ranked list: index of the gallery picture, its cosine similarity, whether it is the person."""

    picture: int
    similarity: float
    right: bool


@dataclass(frozen=True)
class RankedList:
    """A query with the gallery pictures ranked first.

    Args:
        query: index of the query.
        places: the first countable gallery pictures, nearest first.
        matches: how many countable pictures of the person the gallery has.
        first_right: rank, from 1, of the nearest of them.
        average_precision: of the whole ranking, in [0, 1].
    """

    query: int
    places: tuple[RankedPicture, ...]
    matches: int
    first_right: int
    average_precision: float

    @property
    def solved(self) -> bool:
        """Whether the first picture is right."""
        return self.first_right == 1


def rank_queries(
    query_features: Tensor, gallery_features: Tensor, query: Labels, gallery: Labels, length: int = 10
) -> list[RankedList]:
    """Return the ranked list of each query that has a match, in the order of the queries.

    Gallery pictures that do not count, by :func:`cdnet.evaluate.ranking.excluded`, are left out.

    Args:
        query_features: Q x D, scaled to unit length here.
        gallery_features: G x D, likewise.
        query: labels of the queries.
        gallery: labels of the gallery.
        length: places of a list at most.

    Raises:
        CdnetError: if features cannot be compared.
    """
    similarity = unit_length(query_features) @ unit_length(gallery_features).T
    order = similarity.argsort(dim=1, descending=True, stable=True)
    countable = ~excluded(query, gallery)
    right = countable & (query.identities[:, None] == gallery.identities)
    matched, _, precision, _ = score_tile(order, query, gallery, 1)
    lists = []
    for row in torch.nonzero(matched).flatten().tolist():
        ranked = order[row][countable[row][order[row]]]
        hits = right[row][ranked]
        places = tuple(
            RankedPicture(picture, float(similarity[row, picture]), bool(right[row, picture]))
            for picture in ranked[:length].tolist()
        )
        first = int(hits.int().argmax()) + 1
        lists.append(RankedList(row, places, int(hits.sum()), first, float(precision[row])))
    return lists


def choose_lists(lists: list[RankedList], query: Labels, solved: int = 5, failed: int = 3) -> list[RankedList]:
    """Choose lists that show the network at its best, its worst and between: the same ones each time.

    Solved and failed lists are each sorted by average precision and taken at even distances from best to worst, each
    person once as long as that goes. Where one kind has too few, the other fills up.

    Args:
        lists: to choose from.
        query: labels of the queries, to tell the persons.
        solved: lists wanted whose first picture is right.
        failed: lists wanted whose first picture is wrong.
    """
    kinds = {kind: [entry for entry in lists if entry.solved is kind] for kind in (True, False)}
    wanted = {True: solved, False: failed}
    spare = {kind: max(0, wanted[kind] - len(kinds[kind])) for kind in kinds}
    chosen: list[RankedList] = []
    for kind, entries in kinds.items():
        ordered = sorted(entries, key=lambda entry: (-entry.average_precision, entry.query))
        chosen += _spread(_one_per_person(ordered, query), wanted[kind] + spare[not kind])
    return chosen


def _one_per_person(lists: list[RankedList], query: Labels) -> list[RankedList]:
    """Keep each person's middle list."""
    by_person: dict[int, list[RankedList]] = {}
    for entry in lists:
        by_person.setdefault(int(query.identities[entry.query]), []).append(entry)
    kept = {entries[len(entries) // 2].query for entries in by_person.values()}
    return [entry for entry in lists if entry.query in kept]


def _spread(lists: list[RankedList], count: int) -> list[RankedList]:
    if len(lists) <= count:
        return lists
    if count < 2:
        return lists[:count]
    return [lists[round(number * (len(lists) - 1) / (count - 1))] for number in range(count)]

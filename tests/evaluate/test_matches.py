"""Which queries have a match, and what is said where none has."""

from __future__ import annotations

import random

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cdnet.errors import UndefinedError
from cdnet.evaluate.labels import UNKNOWN, Labels
from cdnet.evaluate.matches import Matches, check_matches, count_matches

Rows = list[tuple[int, int, int]]


def labels(rows: Rows) -> Labels:
    return Labels(*torch.tensor(rows).reshape(-1, 3).long().T)


def oracle(query: Rows, gallery: Rows) -> Matches:
    """Look at one query after the other."""
    counts = dict.fromkeys(("matched", "absent", "alone", "own_camera", "unopposed"), 0)
    for identity, camera, picture in query:
        same = [(c, p) for i, c, p in gallery if i == identity]
        others = [(c, p) for c, p in same if p != picture]
        if any(camera == UNKNOWN or c != camera for c, _ in others):
            counts["matched"] += 1
            counts["unopposed"] += not [p for i, _, p in gallery if i != identity and p != picture]
        elif not same:
            counts["absent"] += 1
        else:
            counts["own_camera" if others else "alone"] += 1
    return Matches(**counts)


@given(seed=st.integers(0, 10_000), tile=st.sampled_from([1, 3, 256]))
def test_equals_the_oracle(seed: int, tile: int) -> None:
    chance = random.Random(seed)
    query, gallery = (
        [(chance.randrange(5), chance.choice([UNKNOWN, 0, 1]), chance.randrange(12)) for _ in range(count)]
        for count in (chance.randrange(1, 9), chance.randrange(9))
    )
    found = count_matches(labels(query), labels(gallery), tile)
    assert found == oracle(query, gallery)
    assert found.queries == len(query)


ABSENT, ALONE, OWN = (9, 0, 0), (1, 0, 1), (2, 0, 2)
GALLERY = [(1, 0, 1), (2, 0, 5), (3, 1, 6)]


@pytest.mark.parametrize(
    ("query", "said", "unsaid"),
    [
        ([ABSENT], ["1 of 1 queries have an identity of which", "the same identities"], ["two or more"]),
        ([ALONE], ["1 of 1 queries are themselves", "two or more pictures"], ["cameras", "same identities"]),
        ([OWN, OWN], ["2 of 2 queries meet only", "two or more cameras", "name none"], ["same identities"]),
        ([ABSENT, ALONE, OWN, OWN], ["1 of 4 queries have", "1 of 4 queries are", "2 of 4 queries meet"], []),
        ([], ["there are no queries"], []),
    ],
)
def test_the_reason_is_said(query: Rows, said: list[str], unsaid: list[str]) -> None:
    with pytest.raises(UndefinedError) as caught:
        check_matches(labels(query), labels(GALLERY))
    assert all(text in str(caught.value) for text in said)
    assert not any(text in str(caught.value) for text in unsaid)


def test_one_query_with_a_match_is_enough() -> None:
    assert check_matches(labels([ABSENT, ALONE, OWN, (3, 0, 7)]), labels(GALLERY)) == Matches(1, 1, 1, 1)


def test_where_whatever_comes_first_is_right_nothing_is_measured() -> None:
    of_one, others = [(3, 1, 6), (3, 2, 8)], [(4, 1, 9)]
    with pytest.raises(UndefinedError, match="whatever is ranked first is right"):
        check_matches(labels([(3, 0, 7), ABSENT]), labels(of_one))
    # The query itself, though in the gallery, is nobody to be mistaken for.
    with pytest.raises(UndefinedError, match="whatever is ranked first is right"):
        check_matches(labels([(3, 0, 7)]), labels([*of_one, (3, 0, 7)]))
    assert check_matches(labels([(3, 0, 7), (4, 0, 10)]), labels([*of_one, *others])) == Matches(2, 0, 0, 0)

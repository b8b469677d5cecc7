from __future__ import annotations

import hashlib
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdnet.data.holdout import held_out, hold_out, with_test
from cdnet.data.layout import read_data
from cdnet.data.pictures import Picture
from cdnet.errors import CdnetError


def held_by(identities: list[str], holdout: float) -> set[str]:
    pictures = [Picture(Path(f"{name}/{n}.jpg"), name) for name in identities for n in range(2)]
    groups = hold_out(pictures, holdout)
    trained, held = ({picture.identity for picture in groups[split]} for split in ("train", "test"))
    assert not trained & held
    assert sum(map(len, groups.values())) == len(pictures)
    return held


@pytest.mark.parametrize("holdout", [0.1, 0.3, 0.5, 0.75, 0.9])
def test_the_share_is_what_was_asked_for_at_any_number(holdout: float) -> None:
    for count in range(2, 60):
        share = Fraction(holdout).limit_denominator(100) * count
        held = len(held_by([f"person{n}" for n in range(count)], holdout))
        assert abs(held - share) <= Fraction(1, 2) or held in (1, count - 1)
        assert 1 <= held <= count - 1


def test_none_and_all_are_possible_and_a_single_identity_is_not_divided() -> None:
    people = [f"person{n}" for n in range(7)]
    assert held_by(people, 0.0) == set()
    assert held_by(people, 1.0) == set(people)
    assert held_by(["anna"], 0.5) == set()
    assert held_by([], 0.5) == set()


def test_a_larger_share_holds_out_the_same_and_more() -> None:
    people = [f"person{n}" for n in range(40)]
    held = [held_by(people, tenths / 10) for tenths in range(11)]
    assert all(smaller < larger for smaller, larger in pairwise(held))


def test_the_first_by_sha256_are_held_out() -> None:
    # A change here would silently move everybody's test set.
    people = [f"n{n}" for n in range(19)] + ["Anna Müller"]
    ranked = sorted(people, key=lambda name: hashlib.sha256(name.encode()).hexdigest())
    assert held_by(people, 0.3) == set(ranked[:6])


@given(st.integers(2, 80), st.floats(0, 1), st.text(min_size=1, max_size=5))
def test_a_newcomer_moves_at_most_one(count: int, holdout: float, newcomer: str) -> None:
    people = [f"person{n}" for n in range(count)]
    before, after = held_by(people, holdout), held_by([*people, newcomer], holdout)
    assert len(before ^ (after - {newcomer})) <= 1


def test_two_spellings_of_one_identity_stay_together() -> None:
    people = [f"{n:04d}" for n in range(30)] + [str(n) for n in range(30)]
    held = held_by(people, 0.3)
    assert {int(name) for name in held if len(name) == 4} == {int(name) for name in held if len(name) < 4}
    assert len(held) == 2 * 9


def test_what_is_said_and_where_the_test_goes() -> None:
    groups = hold_out([Picture(Path(f"{n}.jpg"), str(n)) for n in range(10)], 0.3)
    assert held_out(groups) == "3 of 10 identities held out"
    data = with_test("folders", Path("root"), groups, ["stray"])
    assert data.query == data.gallery == tuple(groups["test"])
    assert (len(data.train), len(data.query), data.unparsed) == (7, 3, ("stray",))


def test_settings_can_be_chosen_on_the_training_pictures_alone(market: Path) -> None:
    whole, chosen = read_data(market), read_data(market, "market1501-train", 0.25)
    assert chosen.name == "market1501, training pictures alone, 2 of 8 identities held out"
    assert {picture.path for picture in (*chosen.train, *chosen.query)} == {picture.path for picture in whole.train}
    assert chosen.query == chosen.gallery
    trained, held = ({picture.identity for picture in split} for split in (chosen.train, chosen.query))
    assert (len(trained), len(held), trained & held) == (6, 2, set())
    assert not chosen.published, "the published counts are those of the whole"
    with pytest.raises(CdnetError, match="holds no folder"):
        read_data(market / "query", "market1501-train")
    with pytest.raises(CdnetError, match="did you mean market1501-train"):
        read_data(market, "market1501-trian")

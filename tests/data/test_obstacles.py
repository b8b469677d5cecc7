from __future__ import annotations

from pathlib import Path

import pytest

from cdnet.data.matches import match_pictures
from cdnet.data.obstacles import obstacles, refuse_obstacles
from cdnet.data.pictures import Picture, ReidData
from cdnet.errors import CdnetError


def people(*counts: int, cameras: str = "12", prefix: str = "p") -> tuple[Picture, ...]:
    """So many pictures of each, by the cameras in turn; a blank stands for an unknown one."""
    return tuple(
        Picture(Path(f"{prefix}{n}/{k}.jpg"), f"{prefix}{n}", cameras[k % len(cameras)].strip() or None)
        for n, count in enumerate(counts)
        for k in range(count)
    )


def divided(pictures: tuple[Picture, ...], *train: Picture) -> ReidData:
    return ReidData("made up", Path("here"), train, pictures, pictures)


def only(data: ReidData, purpose: str, identities: int = 2) -> str:
    found = obstacles(data, purpose, identities)
    assert len(found) == 1
    with pytest.raises(CdnetError) as error:
        refuse_obstacles(data, purpose, identities)
    assert str(error.value) == found[0]
    return found[0]


def test_nothing_in_the_way() -> None:
    data = divided(people(2, 2, prefix="q"), *people(4, 4, 1))
    for purpose in ("training", "search", "evaluation"):
        assert obstacles(data, purpose) == ()
        refuse_obstacles(data, purpose)


@pytest.mark.parametrize("purpose", ["training", "search"])
def test_fewer_identities_than_a_batch_has_the_way_out(purpose: str) -> None:
    data = ReidData("made up", Path("here"), people(4, 4, 4))
    assert "3 identities, fewer than the 16 of a batch; make it smaller: --batch.identities 3" in only(
        data, purpose, 16
    )
    assert obstacles(data, purpose, 3) == ()
    alone = ReidData("made up", Path("here"), people(4))
    assert "1 identity, and at least 2 are needed" in only(alone, purpose)
    assert "--data.holdout 0" in only(alone, purpose)


def test_a_search_needs_two_pictures_of_enough_identities() -> None:
    data = ReidData("made up", Path("here"), people(4, 2, 1, 1))
    assert obstacles(data, "training", 4) == ()
    assert obstacles(data, "search", 2) == ()
    assert "with two pictures or more the training set has 2 identities" in only(data, "search", 4)


@pytest.mark.parametrize("purpose", ["training", "search", "evaluation"])
def test_what_cannot_be_read_is_in_the_way_of_everything(purpose: str) -> None:
    whole = divided(people(2, 2), *people(2, 2))
    for data in (
        ReidData("made up", Path("here"), whole.train, whole.query, whole.gallery, unparsed=("stray.jpg: lost",)),
        ReidData("made up", Path("here"), whole.train, whole.query, whole.gallery, missing=("gone.jpg",)),
        ReidData("made up", Path("here")),
    ):
        only(data, purpose)


def test_a_split_without_pictures_has_a_way_out() -> None:
    data = ReidData("folders, 0 of 2 identities held out", Path("here"), people(2, 2))
    assert "the split 'query' has no pictures" in only(data, "evaluation")
    assert "hold out more identities with --data.holdout" in only(data, "evaluation")
    others = ReidData("folders, 2 of 2 identities held out", Path("here"), (), data.train, data.train)
    assert "hold out fewer identities with --data.holdout" in only(others, "training")
    assert "rows of a CSV file, to test on" in only(ReidData("folders", Path("here"), data.train), "evaluation")


def test_queries_that_nothing_can_match_are_told_why() -> None:
    assert "9 of 9 queries meet only pictures by their own camera" in only(
        divided(people(3, 3, 3, cameras="7")), "evaluation"
    )
    assert "3 of 3 queries are themselves the gallery's only picture" in only(divided(people(1, 1, 1)), "evaluation")
    strangers = ReidData("made up", Path("here"), (), people(2, 2, prefix="q"), people(2, 2, prefix="g"))
    assert "4 of 4 queries have an identity of which the gallery has no picture" in only(strangers, "evaluation")
    # Each identity has a camera of its own.
    own = tuple(Picture(Path(f"{n}/{k}.jpg"), f"{n}", f"{n}") for n in range(3) for k in range(2))
    assert "meet only pictures by their own camera" in only(divided(own), "evaluation")
    # Cameras that are not known hinder nobody.
    assert obstacles(divided(people(3, 3, cameras=" ")), "evaluation") == ()


def test_a_gallery_of_one_identity_makes_every_answer_right() -> None:
    data = divided(people(4))
    assert match_pictures(data.query, data.gallery).unmatched == 0
    assert "whatever is ranked first is right" in only(data, "evaluation")
    assert "--data.holdout" not in only(data, "evaluation")
    held_out = ReidData("folders, 1 of 4 identities held out", Path("here"), (), data.query, data.gallery)
    assert "or hold out more identities with --data.holdout" in only(held_out, "evaluation")
    stranger = Picture(Path("x.jpg"), "x")
    assert obstacles(ReidData("made up", Path("here"), (), data.query, (*data.gallery, stranger)), "evaluation") == ()


def test_people_who_are_trained_on_and_tested_on_are_no_test() -> None:
    pictures = people(2, 2, 2)
    data = divided(pictures[:4], *pictures[2:])
    assert obstacles(data, "training") == ()
    said = only(data, "evaluation")
    assert "1 identity is trained on and tested on, first p1; leave them out of one of the two, or" in said

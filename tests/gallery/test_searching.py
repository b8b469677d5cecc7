"""Searches, beside the same search by numpy over everything."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from cdnet.errors import CdnetError

START = datetime(2026, 1, 20, tzinfo=UTC)


@pytest.fixture
def filled(gallery, clustered, new_entry):
    features, who = clustered(300, 30)
    entries = [
        new_entry(
            number,
            camera=None if number % 7 == 0 else f"c{number % 4}",
            time=None if number % 5 == 0 else START + timedelta(hours=6 * number),
            person=None if number % 11 == 0 else f"p{who[number]}",
        )
        for number in range(300)
    ]
    added = gallery.add(entries, features)
    assert [found.new for found in added] == [True] * 300
    assert [found.id for found in added] == sorted(found.id for found in added)  # numbered as they came
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    return gallery, entries, unit


def by_hand(entries, unit, query, passes):
    similar = unit @ query
    order = sorted((n for n in range(len(entries)) if passes(entries[n])), key=lambda n: -similar[n])
    return [(entries[n].digest, similar[n]) for n in order]


@pytest.mark.parametrize(
    ("given", "passes"),
    [
        ({}, lambda e: True),
        ({"cameras": ["c1", "c2"]}, lambda e: e.camera in ("c1", "c2")),
        ({"persons": ["p3", "p4"]}, lambda e: e.person in ("p3", "p4")),
        ({"since": START + timedelta(days=10)}, lambda e: e.time is not None and e.time >= START + timedelta(days=10)),
        (
            {"since": START, "until": START + timedelta(days=30), "cameras": ["c3"]},
            lambda e: e.time is not None and START <= e.time < START + timedelta(days=30) and e.camera == "c3",
        ),
        ({"cameras": []}, lambda e: False),
        ({"cameras": ["' OR true --"]}, lambda e: False),
    ],
)
def test_the_best_are_those_that_numpy_finds(filled, given, passes):
    gallery, entries, unit = filled
    for query in unit[:5] * 3:  # of any length
        wanted = by_hand(entries, unit, query / np.linalg.norm(query), passes)[:12]
        found = gallery.search(query, 12, **given)
        assert found.exact
        assert [match.entry.digest for match in found.matches] == [digest for digest, _ in wanted]
        assert [match.similarity for match in found.matches] == pytest.approx([s for _, s in wanted], abs=1e-6)


def test_all_above_a_threshold(filled):
    gallery, entries, unit = filled
    wanted = [digest for digest, similar in by_hand(entries, unit, unit[9], lambda e: True) if similar >= 0.7]
    assert 2 < len(wanted) < 100
    assert [m.entry.digest for m in gallery.search(unit[9], None, 0.7).matches] == wanted
    assert [m.entry.digest for m in gallery.search(unit[9], 2, 0.7).matches] == wanted[:2]
    assert gallery.search(unit[9], None, 0.7).threshold == 0.7


def test_groups_hold_what_was_found(filled):
    gallery, _, unit = filled
    found = gallery.search(unit[1], 50, group_by_person=True)
    assert sorted(m.entry.id for g in found.groups for m in g.matches) == sorted(m.entry.id for m in found.matches)
    assert [g.similarity for g in found.groups] == sorted((g.similarity for g in found.groups), reverse=True)
    known = [group.person for group in found.groups if group.person is not None]
    assert len(known) == len(set(known))
    assert all(len(group.matches) == 1 for group in found.groups if group.person is None)  # not all one person
    assert gallery.search(unit[1], 50).groups == ()


def test_an_entry_comes_back_as_it_was_given(gallery, new_entry):
    from cdnet.gallery import Box

    given = new_entry(
        1,
        camera="Tür '7'",
        time=datetime(2026, 2, 1, 12, 0, 0, 123456, tzinfo=UTC),
        person='Ø"\\;DROP TABLE entry',
        note="line\nline",
        source="rtsp://x/1",
        box=Box(1, 2, 30, 40),
        data=b"\0\xff",
    )
    gallery.add([given], np.ones((1, 24)))
    (found,) = gallery.entries()
    for name in ("digest", "place", "camera", "time", "person", "note", "source", "box"):
        assert getattr(found, name) == getattr(given, name)
    assert found.kept
    assert gallery.picture(found.id) == b"\0\xff"


def test_a_path_that_is_no_utf8_comes_back(gallery, new_entry):
    from dataclasses import replace

    gallery.add([replace(new_entry(1), place="/p/\udcff.jpg")], np.ones((1, 24)))
    (found,) = gallery.entries()
    assert found.place == "/p/\udcff.jpg"
    assert found.to_json()["place"] == "/p/\\xff.jpg"


def test_pages_of_entries_are_whole(filled):
    gallery, entries, _ = filled
    first = gallery.entries(limit=120)
    rest = gallery.entries(after=first[-1].id, limit=10_000)
    assert [e.digest for e in (*first, *rest)] == [e.digest for e in entries]
    assert [e.digest for e in gallery.iterate(cameras=["c1"])] == [e.digest for e in entries if e.camera == "c1"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"k": None}, "how many"),
        ({"k": 0}, "from 1"),
        ({"k": 10**9}, "from 1"),
        ({"threshold": 1.5}, "from -1 to 1"),
        ({"threshold": float("nan")}, "from -1 to 1"),
        ({"since": datetime(2026, 1, 1)}, "zone"),
        ({"since": START, "until": START}, "nothing lies"),
    ],
)
def test_what_makes_no_sense_is_refused(gallery, arguments, says):
    with pytest.raises(CdnetError, match=says):
        gallery.search(np.ones(24), **arguments)


@pytest.mark.parametrize("feature", [np.ones(23), np.zeros(24), np.full(24, np.nan), np.full(24, np.inf)])
def test_a_feature_that_cannot_be_compared_is_refused(gallery, feature):
    with pytest.raises(CdnetError):
        gallery.search(feature)


def test_the_log_has_what_was_asked_and_returned(filled):
    gallery, _, unit = filled
    found = gallery.search(unit[0], 3, cameras=["c1"], digest=b"\1" * 32, who="anna")
    record = gallery.audit(last=1)[0]
    assert (record.who, record.action, record.digest) == ("anna", "query", b"\1" * 32)
    assert [number for number, _ in record.detail["returned"]] == [match.entry.id for match in found.matches]
    assert record.detail["asked"] == {"k": 3, "cameras": ["c1"]}


@pytest.mark.parametrize("statement", ["DELETE FROM audit", "UPDATE audit SET who = 'x'", "TRUNCATE audit"])
def test_the_log_is_only_added_to(filled, statement):
    gallery, _, unit = filled
    gallery.search(unit[0], 1)
    before = gallery.audit()
    with pytest.raises(CdnetError, match="only added to"), gallery.reading() as connection:
        connection.execute(statement)
    assert gallery.audit() == before


def test_entries_of_unknown_time_that_a_filter_leaves_out_are_counted(gallery, new_entry):
    time = datetime(2026, 3, 1, tzinfo=UTC)
    known = [{"time": time, "camera": "a"}, {"camera": "a"}, {"camera": "b"}, {"camera": "b", "person": "p"}]
    gallery.add([new_entry(number, **about) for number, about in enumerate(known)], np.eye(4, 24))
    assert gallery.untimed() == gallery.untimed(cameras=["a"]) == 0
    assert gallery.untimed(since=time) == 3
    assert gallery.untimed(cameras=["b"], until=time) == 2
    assert gallery.untimed(cameras=["b"], persons=["p"], until=time) == 1

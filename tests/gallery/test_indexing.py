"""The index of a large gallery: made by month, measured, and asked only where it pays."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from cdnet.errors import CdnetError
from cdnet.gallery import indexing, searching


@pytest.fixture
def large(gallery, clustered, new_entry, monkeypatch):
    """A gallery that is large by the limits of this test: 1,500 entries in two large months and a small one."""
    monkeypatch.setattr(searching, "EXACT_UP_TO", 300)
    monkeypatch.setattr(indexing, "EXACT_UP_TO", 300)
    monkeypatch.setattr(indexing, "INDEX_FROM", 200)
    features, _ = clustered(1500, 60)
    start = datetime(2026, 3, 1, tzinfo=UTC)
    days = np.where(np.arange(1500) < 50, 70, np.arange(1500) % 60)
    entries = [
        new_entry(
            number, time=start + timedelta(days=int(days[number])), camera="rare" if number % 50 == 0 else "often"
        )
        for number in range(1500)
    ]
    gallery.add(entries, features)
    return gallery, features / np.linalg.norm(features, axis=1, keepdims=True)


def test_the_index_finds_what_was_wanted(large):
    gallery, unit = large
    assert gallery.stats().to_json()["search"] == "exact"
    told = []
    state = gallery.build_index(0.95, lambda what, share: told.append((what, share)))
    assert state.used
    assert state.recall >= 0.95
    assert any("2026-03" in what for what, _ in told)
    with gallery.reading() as connection:
        names = connection.execute(
            "SELECT indexname FROM pg_indexes WHERE indexdef LIKE '%hnsw%' ORDER BY 1"
        ).fetchall()
    assert names == [("entry_2026_03_feature",), ("entry_2026_04_feature",)]  # not of the month with 50
    hits = 0
    for number in range(0, 1500, 30):
        exact = gallery.search(unit[number], 10, exact=True)
        found = gallery.search(unit[number], 10)
        assert exact.exact
        assert not found.exact
        truth = np.argsort(-(unit @ unit[number]))[:10]
        assert [m.similarity for m in exact.matches] == pytest.approx((unit @ unit[number])[truth], abs=1e-6)
        hits += len({m.entry.id for m in found.matches} & {m.entry.id for m in exact.matches})
        assert [m.similarity for m in found.matches] == sorted((m.similarity for m in found.matches), reverse=True)
    assert hits / 500 >= 0.93
    measured = gallery.stats(measure_recall=True).measured
    assert measured is not None
    assert measured[0] >= 0.9
    assert gallery.build_index(0.95) == state  # nothing is due any more


def test_searches_and_additions_go_on_while_it_is_made(large, new_entry):
    gallery, unit = large
    built: list = []
    thread = threading.Thread(target=lambda: built.append(gallery.build_index(0.5)))
    at_work = "SELECT count(*) FROM pg_stat_progress_create_index WHERE datname = current_database()"

    def making() -> bool:
        with gallery.reading() as connection:
            return connection.execute(at_work).fetchone()[0] > 0

    with gallery.reading() as old, old.transaction():
        # The making of an index waits for transactions that began before it: it is at work as long as this one is open.
        old.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        old.execute("SELECT count(*) FROM entry")
        thread.start()
        while not making():
            assert thread.is_alive()
        for number in range(5):
            assert len(gallery.search(unit[number], 5).matches) == 5
            gallery.add([new_entry(10_000 + number, time=datetime(2026, 3, 5, tzinfo=UTC))], unit[number : number + 1])
        assert making()
    thread.join()
    assert built[0].used
    assert gallery.stats().entries == 1505


def test_the_recall_is_measured_anew_when_there_are_twice_as_many(large, new_entry):
    gallery, unit = large
    assert gallery.build_index(0.9).entries == 1500
    more = [new_entry(20_000 + number, time=datetime(2026, 3, 5, tzinfo=UTC)) for number in range(1500)]
    gallery.add(more[:1499], unit[:1499])
    assert gallery.build_index(0.9).entries == 1500
    gallery.add(more[1499:], unit[1499:])
    assert gallery.build_index(0.9).entries == 3000


def test_few_that_pass_are_compared_one_by_one(large):
    gallery, unit = large
    gallery.build_index(0.9)
    found = gallery.search(unit[0], 100, cameras=["rare"])
    assert found.exact
    assert len(found.matches) == 30
    many = gallery.search(unit[0], 100, cameras=["often"])
    assert not many.exact
    assert len(many.matches) == 100  # filtered ones are made up for
    assert all(match.entry.camera == "often" for match in many.matches)


def test_all_above_a_threshold_are_all_even_with_an_index(large):
    gallery, unit = large
    gallery.build_index(0.9)
    found = gallery.search(unit[5], None, 0.6)
    assert found.exact
    assert len(found.matches) == int((unit @ unit[5] >= 0.6).sum())


def test_an_index_that_was_stopped_half_way_is_made_anew(large):
    gallery, _ = large
    with gallery.reading() as connection:
        connection.execute("CREATE INDEX entry_2026_03_feature ON entry_2026_03 (camera)")
        connection.execute(
            "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'entry_2026_03_feature'::regclass"
        )
    assert gallery.build_index(0.9).used
    with gallery.reading() as connection:
        row = connection.execute("SELECT indexdef FROM pg_indexes WHERE indexname = 'entry_2026_03_feature'").fetchone()
    assert "hnsw" in row[0]


def test_an_index_that_misses_too_much_is_not_used(large, monkeypatch):
    gallery, unit = large
    monkeypatch.setattr(indexing, "recall_of", lambda *_: 0.5)
    state = gallery.build_index(0.99)
    assert not state.used
    assert gallery.search(unit[0], 10).exact
    assert "misses 0.99" in gallery.stats().as_text()


def test_two_do_not_make_it_at_once(large):
    gallery, _ = large
    with gallery.reading() as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", (indexing.LOCK,))
        with pytest.raises(CdnetError, match="another process"):
            gallery.build_index()
        connection.execute("SELECT pg_advisory_unlock(%s)", (indexing.LOCK,))

"""Adding and removing: each picture once, all of a batch or nothing, and nothing half there."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from cdnet.errors import CdnetError


def counts(gallery) -> tuple[int, int]:
    """Return how many entries there are, and how many of them have their picture's row and the other way round."""
    with gallery.reading() as connection:
        both = connection.execute("SELECT count(*) FROM entry JOIN picture USING (digest, id, dated)").fetchone()[0]
        alone = connection.execute("SELECT (SELECT count(*) FROM entry), (SELECT count(*) FROM picture)").fetchone()
    assert alone == (both, both), "an entry without its picture's row, or the other way round"
    return both


def some(new_entry, numbers, **known):
    return [new_entry(number, **known) for number in numbers], np.ones((len(numbers), 24)) + np.array(numbers)[:, None]


def test_a_picture_is_there_once_and_stays_as_it_was(gallery, new_entry):
    first = gallery.add(*some(new_entry, [1, 2], camera="a"))
    again = gallery.add(*some(new_entry, [2, 3, 3], camera="b"))
    assert [found.new for found in again] == [False, True, False]
    assert again[0].id == first[1].id
    assert again[1].id == again[2].id
    assert [entry.camera for entry in gallery.entries()] == ["a", "a", "b"]
    assert counts(gallery) == 3


def test_of_a_batch_that_is_refused_nothing_is_there(gallery, new_entry):
    ahead = datetime.now(UTC) + timedelta(days=2)
    entries, features = some(new_entry, [1, 2, 3])
    with pytest.raises(CdnetError, match="clock"):
        gallery.add([*entries[:2], new_entry(9, time=ahead)], features)
    with pytest.raises(CdnetError, match="another network"):
        gallery.add(entries, features[:, 1:])
    features[2] = np.nan
    with pytest.raises(CdnetError, match="not finite"):
        gallery.add(entries, features)
    assert counts(gallery) == 0


@pytest.mark.parametrize("known", [{"person": "a\0b"}, {"note": "x" * 70_000}, {"camera": "\udcff"}])
def test_a_text_that_cannot_be_kept_is_refused(new_entry, known):
    with pytest.raises(CdnetError):
        new_entry(1, **known)


def test_two_who_add_the_same_at_once_both_succeed(gallery, new_entry):
    numbers = list(range(200))
    failed = []

    def add(order):
        try:
            for start in range(0, 200, 20):
                gallery.add(
                    *some(new_entry, order[start : start + 20], time=datetime(2026, 1 + start % 3, 1, tzinfo=UTC))
                )
        except CdnetError as error:
            failed.append(error)

    threads = [
        threading.Thread(target=add, args=(order,)) for order in (numbers, numbers[::-1], numbers[7:] + numbers[:7])
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert counts(gallery) == 200


def test_adding_while_months_are_removed_leaves_nothing_half(gallery, new_entry):
    done = threading.Event()
    failed = []
    old = datetime(2025, 1, 1, tzinfo=UTC)

    def add():
        try:
            for turn in range(25):
                gallery.add(*some(new_entry, [turn % 5, 5 + turn % 3], time=old))
        except CdnetError as error:
            failed.append(error)
        finally:
            done.set()

    thread = threading.Thread(target=add)
    thread.start()
    while not done.is_set():
        gallery.remove(older_than=timedelta(days=30))
    thread.join()
    assert not failed
    counts(gallery)
    gallery.remove(older_than=timedelta(days=30))
    assert counts(gallery) == 0


def test_a_month_that_is_removed_between_two_statements_of_an_addition(gallery, new_entry, monkeypatch):
    from cdnet.gallery import writing

    old = datetime(2025, 1, 1, tzinfo=UTC)
    gallery.add(*some(new_entry, [1], time=old))
    real, calls = writing._numbers, []

    def numbers(connection, count):
        if not calls:
            assert gallery.remove(older_than=timedelta(days=30)).months == 1
        calls.append(count)
        return real(connection, count)

    monkeypatch.setattr(writing, "_numbers", numbers)
    assert [found.new for found in gallery.add(*some(new_entry, [1, 2], time=old))] == [True, True]
    assert calls == [2, 2]
    assert counts(gallery) == 2


def test_old_entries_go_with_their_months(gallery, new_entry):
    now = datetime.now(UTC)
    for days in (400, 200, 100, 29, 0):
        gallery.add(*some(new_entry, [days, days + 1], time=now - timedelta(days=days), data=b"picture"))
    gallery.add(*some(new_entry, [7000]))  # of an unknown time: by when it was added
    assert gallery.remove(older_than=timedelta(days=30), dry_run=True).entries == 6
    assert counts(gallery) == 11
    removed = gallery.remove(older_than=timedelta(days=30))
    assert removed.entries == 6
    assert removed.months >= 2
    assert removed.bytes_after < removed.bytes_before
    assert min(entry.time or now for entry in gallery.entries()) > now - timedelta(days=30)
    assert counts(gallery) == 5
    record = gallery.audit(last=1)[0]
    assert (record.action, record.detail["entries"], len(record.detail["digests"])) == ("remove", 6, 6)
    assert [found.new for found in gallery.add(*some(new_entry, [400]))] == [
        True
    ]  # it is as if it had never been there


def test_what_is_removed_is_what_was_said(gallery, new_entry):
    for number in range(12):
        gallery.add(*some(new_entry, [number], camera=f"c{number % 2}", person=f"p{number % 3}"))
    assert gallery.remove(cameras=["c1"], persons=["p0"]).entries == 2
    ids = [entry.id for entry in gallery.entries()]
    assert gallery.remove([ids[0], ids[1], 10**9]).entries == 2
    assert gallery.remove(digests=[gallery.entry(ids[2]).digest]).entries == 1
    assert counts(gallery) == 7
    with pytest.raises(CdnetError, match="which entries"):
        gallery.remove()
    assert gallery.remove([]).entries == 0
    assert counts(gallery) == 7


def test_compacting_gives_the_space_back(gallery, new_entry):
    entries, features = some(new_entry, range(2000), note="x" * 500)
    gallery.add(entries, features)
    gallery.remove([entry.id for entry in gallery.entries(limit=10_000)][10:])
    assert gallery.compact() > 500_000
    assert counts(gallery) == 10


@pytest.mark.parametrize("jump", [timedelta(days=-1), timedelta(days=400)])
def test_a_clock_that_jumped_removes_nothing(gallery, new_entry, jump):
    gallery.add(*some(new_entry, [1], time=datetime.now(UTC) - timedelta(days=90)))
    with gallery.reading() as connection:
        # The log says that the gallery was used at another time than by the clock, whose last line this is.
        connection.execute("ALTER TABLE audit DISABLE TRIGGER append_only")
        connection.execute("UPDATE audit SET at = at - %s", (jump,))
        connection.execute("ALTER TABLE audit ENABLE TRIGGER append_only")
    with pytest.raises(CdnetError, match="clock"):
        gallery.remove(older_than=timedelta(days=30))
    assert counts(gallery) == 1
    assert gallery.remove(older_than=timedelta(days=30), clock_is_right=True).entries == 1


def test_what_is_done_anew_because_its_answer_was_lost_is_counted_as_done(gallery, new_entry, monkeypatch):
    run = gallery._writing.run
    gallery.add(*some(new_entry, [1]))
    monkeypatch.setattr(gallery._writing, "run", lambda work: (run(work), run(work))[1])
    assert [found.new for found in gallery.add(*some(new_entry, [1, 2, 3, 2]))] == [False, True, True, False]
    assert [found.new for found in gallery.add(*some(new_entry, [2, 3]))] == [False, False]
    assert gallery.remove(digests=[new_entry(2).digest, new_entry(3).digest]).entries == 2
    monkeypatch.undo()
    assert counts(gallery) == 1
    assert [record.action for record in gallery.audit()] == ["create", "add", "add", "remove"]

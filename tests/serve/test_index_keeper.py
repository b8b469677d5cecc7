"""The index is made beside the requests, and is made anew where something came between."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import numpy as np
import pytest

from .conftest import DIMENSIONS, filled

MONTH = "entry_2026_11_feature"
"""The index of the month in which the entries of :func:`filled` were seen."""


@pytest.fixture
def gallery(tmp_path, monkeypatch) -> Iterator[object]:
    """A gallery of 24 entries, which counts as a large one here."""
    with filled(tmp_path) as made:
        from cdnet.gallery import indexing, searching

        monkeypatch.setattr(searching, "EXACT_UP_TO", 10)
        monkeypatch.setattr(indexing, "EXACT_UP_TO", 10)
        monkeypatch.setattr(indexing, "INDEX_FROM", 8)
        yield made


def wait_for(what: Callable[[], object]) -> None:
    for _ in range(6000):  # two minutes, not counting those in which a busy machine lets this process stand still
        if what():
            return
        time.sleep(0.02)
    raise AssertionError("waited in vain")


def indexes(gallery) -> set[str]:
    with gallery.reading() as connection:
        rows = connection.execute(
            "SELECT c.relname FROM pg_index JOIN pg_class c ON c.oid = indexrelid JOIN pg_am a ON a.oid = relam "
            "WHERE amname = 'hnsw' AND indisvalid"
        ).fetchall()
    return {name for (name,) in rows}


def test_at_the_start_and_after_additions(gallery) -> None:
    from cdnet.gallery import NewEntry
    from cdnet.serve.index_keeper import IndexKeeper

    keeper = IndexKeeper(gallery, pause=0.01)
    keeper.start()
    try:
        wait_for(lambda: gallery.index_state().used)
        assert indexes(gallery) == {MONTH}
        assert not gallery.search(np.ones(DIMENSIONS), 3).exact
        time = datetime(2026, 10, 1, tzinfo=UTC)
        entries = [NewEntry(bytes([number]) * 32, time=time) for number in range(12)]
        gallery.add(entries, np.random.default_rng(0).normal(size=(12, DIMENSIONS)))
        keeper.added()
        wait_for(lambda: gallery.index_state().entries == 36)
        assert indexes(gallery) == {MONTH, "entry_2026_10_feature"}
    finally:
        keeper.close()


def test_stopped_half_way_it_leaves_nothing_that_is_asked_or_locked(gallery) -> None:
    from cdnet.gallery import indexing
    from cdnet.serve.index_keeper import IndexKeeper

    at_work = "SELECT count(*) FROM pg_stat_progress_create_index WHERE datname = current_database()"

    def making() -> bool:
        with gallery.reading() as connection:
            return connection.execute(at_work).fetchone()[0] > 0

    keeper = IndexKeeper(gallery, pause=0.01)
    with gallery.reading() as old, old.transaction():
        # The making of an index waits for transactions that began before it, here as long as this one is open.
        old.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        old.execute("SELECT count(*) FROM entry")
        keeper.start()
        wait_for(making)
        closing = threading.Thread(target=keeper.close)
        closing.start()
        closing.join(600)
        assert not closing.is_alive()
        assert not making()
    assert indexes(gallery) == set()
    assert gallery.search(np.ones(DIMENSIONS), 3).exact
    with gallery.reading() as connection:
        locks = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = %s::bigint & 4294967295"
        assert connection.execute(locks, (indexing.LOCK,)).fetchone() == (0,)
    keeper.start()
    wait_for(lambda: gallery.index_state().used)
    keeper.close()
    assert indexes(gallery) == {MONTH}


def test_what_failed_is_tried_again_without_an_addition(gallery, caplog) -> None:
    from cdnet.gallery import UnreachableError
    from cdnet.serve.index_keeper import IndexKeeper

    failures = [UnreachableError("the database cannot be reached"), RuntimeError("what no one foresaw")]

    class Failing:
        index_state = gallery.index_state

        def build_index(self, *given: object) -> object:
            if failures:
                raise failures.pop(0)
            return gallery.build_index(*given)

    keeper = IndexKeeper(Failing(), pause=0.01, again=0.01)
    keeper.start()
    try:
        wait_for(lambda: gallery.index_state().used)
    finally:
        keeper.close()
    said = [record.getMessage() for record in caplog.records]
    assert said[0] == "no index was made, which is tried again in 0.01 s: the database cannot be reached"
    assert said[1].startswith("no index was made")
    assert len(said) == 3
    assert said[2].startswith("the index was made and is asked")


def test_another_process_that_is_at_it_is_waited_for(gallery, caplog) -> None:
    from cdnet.gallery import indexing
    from cdnet.serve.index_keeper import IndexKeeper

    keeper = IndexKeeper(gallery, pause=0.01, again=0.01)
    with gallery.reading() as other:
        other.execute("SELECT pg_advisory_lock(%s)", (indexing.LOCK,))
        keeper.start()
        wait_for(lambda: any("another process" in record.getMessage() for record in caplog.records))
        assert indexes(gallery) == set()
        other.execute("SELECT pg_advisory_unlock(%s)", (indexing.LOCK,))
    wait_for(lambda: gallery.index_state().used)
    keeper.close()


def test_one_that_was_never_started_is_closed(gallery) -> None:
    from cdnet.serve.index_keeper import IndexKeeper

    IndexKeeper(gallery).close()

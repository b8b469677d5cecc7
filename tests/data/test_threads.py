from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

import cdnet.data.threads as threads
from cdnet.data.threads import in_threads


@pytest.mark.parametrize("count", [0, 1, 6, 7, 8, 40])
def test_results_come_in_order(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    monkeypatch.setattr(threads, "CHUNK", 7)

    def later_is_faster(number: int) -> int:
        time.sleep(0.002 * (number % 3 == 0))
        return number**2

    assert list(in_threads(later_is_faster, range(count))) == [number**2 for number in range(count)]


def test_it_works_ahead_but_not_past_a_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "CHUNK", 5)
    started: list[int] = []
    results = in_threads(started.append, range(1000))
    next(results)
    ends = time.monotonic() + 300
    while len(started) < 5:
        assert time.monotonic() < ends, "it does not work ahead"
        time.sleep(0.001)
    results.close()  # type: ignore[attr-defined]
    assert sorted(started) == [0, 1, 2, 3, 4]


def test_it_stays_as_far_ahead_to_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "CHUNK", 3)
    handed: list[int] = []

    class Items(list[int]):
        def __iter__(self) -> Iterator[int]:
            for item in super().__iter__():
                handed.append(item)
                yield item

    results = in_threads(abs, Items(range(6)))
    ahead = [(next(results), len(handed)) for _ in range(6)]
    assert ahead == [(0, 3), (1, 4), (2, 5), (3, 6), (4, 6), (5, 6)]


def test_stopping_cancels_what_has_not_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[int] = []
    stopping = threading.Event()
    real = ThreadPoolExecutor.shutdown

    def wait(number: int) -> None:
        begun.append(number)
        if number:
            assert stopping.wait(300)

    def shutdown(pool: ThreadPoolExecutor, wait: bool = True, *, cancel_futures: bool = False) -> None:
        real(pool, wait=False, cancel_futures=cancel_futures)
        stopping.set()  # what is in work goes on once the rest is cancelled
        real(pool, wait=wait)

    monkeypatch.setattr(ThreadPoolExecutor, "shutdown", shutdown)
    results = in_threads(wait, range(threads.CHUNK))
    next(results)
    results.close()  # type: ignore[attr-defined]
    assert len(begun) < threads.CHUNK / 2


def test_an_error_comes_out_where_it_belongs() -> None:
    results = in_threads(lambda number: 1 / number, [2, 1, 0, 4])
    assert [next(results), next(results)] == [0.5, 1.0]
    with pytest.raises(ZeroDivisionError):
        next(results)

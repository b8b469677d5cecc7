"""When other processes crowd this one's threads, by hand-written counts: what is said, when, and how often."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from cdnet.crowding import Moment, Watch, describe_crowding, read_moment, used_by_others

linux = pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="other systems do not say it")


def test_what_others_use_is_what_is_busy_beyond_ours() -> None:
    before, after = Moment(100.0, 10.0, 1000.0), Moment(120.0, 30.0, 1036.0)
    assert used_by_others(before, after) == pytest.approx(0.8)  # 36 s of work in 20 s, 20 s of them ours
    assert used_by_others(before, Moment(120.0, 30.0, 1019.0)) == 0.0  # clocks tick coarsely


@pytest.mark.parametrize(
    ("others", "threads", "cores", "said"),
    [
        (1.0, 2, 2, True),
        (0.4, 2, 2, True),
        (0.2, 2, 2, False),  # next to nothing
        (1.0, 1, 2, False),  # a core is left
        (2.0, 1, 2, False),  # one thread waits for nobody
        (1.0, 2, 4, False),  # two cores are left
        (1.9, 8, 8, True),
        (0.0, 4, 2, False),  # more threads than cores, and nobody else
    ],
)
def test_threads_are_crowded_where_cores_are_lacking(others: float, threads: int, cores: int, said: bool) -> None:
    found = describe_crowding(others, threads, cores)
    assert bool(found) is said
    if said:
        assert f"use {others:.1f} of the {cores} core(s) that {threads} threads" in found


@linux
def test_it_is_said_once_and_not_before_time_has_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    cores = len(os.sched_getaffinity(0))
    monkeypatch.setattr(torch, "get_num_threads", lambda: max(2, cores))
    now = [0.0]
    told: list[str] = []
    reads: list[float] = []

    def moment() -> Moment:
        reads.append(now[0])
        return Moment(now[0], 0.5 * now[0], 1.5 * now[0])  # a core in use by others all along

    watch = Watch(moment, told.append, lambda: now[0])
    for second in range(100):
        now[0] = float(second)
        watch.look()
    assert reads == [0.0, 20.0]
    assert len(told) == 1
    quiet: list[str] = []
    watch = Watch(lambda: Moment(now[0], now[0], now[0]), quiet.append, lambda: now[0])
    for second in range(100):
        now[0] = float(second)
        watch.look()
    assert not quiet


@linux
def test_only_the_cores_that_may_be_used_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {1, 10})
    tick = os.sysconf("SC_CLK_TCK")
    stat = tmp_path / "stat"
    # user nice system idle iowait irq softirq steal guest guest_nice
    rows = [f"cpu{n} {1 * tick} {2 * tick} {3 * tick} 500 600 {4 * tick} 0 {n * tick} 700 0" for n in (0, 1, 10)]
    stat.write_text("\n".join(["cpu  1 1 1 1 1 1 1 1 1 1", *rows, "intr 5 5"]))
    found = read_moment(stat)
    assert found is not None
    assert found.busy == (10 + 1) + (10 + 10)
    assert read_moment(tmp_path / "nowhere") is None


@linux
def test_the_system_says_what_this_process_does() -> None:
    before = read_moment()
    assert before is not None
    while read_moment().own - before.own < 0.2:  # type: ignore[union-attr]
        pass
    after = read_moment()
    assert after is not None
    assert after.clock > before.clock
    assert after.busy >= before.busy

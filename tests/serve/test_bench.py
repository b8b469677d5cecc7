"""The benchmark of a served gallery counts what its clients were answered."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from cdnet.errors import CdnetError

from .conftest import coloured
from .test_login import SERVER


def test_clients_are_answered_and_a_full_queue_refuses(served, monkeypatch) -> None:
    from cdnet.bench import serving

    monkeypatch.chdir(Path(__file__).parents[2])
    monkeypatch.setattr(serving, "FEW", 1)
    monkeypatch.setattr(serving, "ALONE", 3)
    command = [sys.executable, "-c", SERVER.replace("TinyNetwork", "SlowNetwork")]
    before = len(served.audit())
    found = serving.bench_serving(served.address, [coloured(1), coloured(2)], 6, 2.0, command=command)
    assert list(found["answers"]) == ["200"]
    asked = len(served.audit()) - before
    assert asked == 1 + 3 + found["answers"]["200"] + found["full_queue"]["answers"].get("200", 0) or (
        found["full_queue"]["turns"] > 1
    )
    assert found["ms"]["median"] > 0
    assert found["alone_ms"]["card"]["median"] > 0
    assert found["memory_bytes"]["database_peak"] > 0
    full = found["full_queue"]
    assert sum(full["answers"].values()) == 7
    assert full["answers"]["503"] >= 1
    assert full["told"] == "too many pictures are waiting for their turn; try again"
    assert full["retry_after"] == "2"


def test_a_server_that_does_not_start_is_said(tmp_path) -> None:
    from cdnet.bench.serving import bench_serving

    with pytest.raises(CdnetError, match=r"did not start: .*no gallery"):
        bench_serving(str(tmp_path / "none"), [coloured(1)], 2, 1.0)

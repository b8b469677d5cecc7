"""The benchmark's figures that do not depend on the clock, and the shape of its rows."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch

from cdnet.bench.search import Step
from cdnet.bench.turns import compare
from cdnet.cli import main
from cdnet.nn.counts import count
from cdnet.nn.model import create_backbone
from cdnet.search.gate import mixture, top_k
from cdnet.search.space import CDS, CS
from cdnet.search.supernet import Supernet


def test_compare_takes_the_ratio_round_by_round(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]

    def lasting(*seconds: float) -> Callable[[int], None]:
        def run(number: int) -> None:
            now[0] += seconds[number]

        return run

    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    found = compare(lasting(9.0, 1.0, 2.0, 4.0), lasting(1.0, 3.0, 20.0, 16.0), rounds=3)  # the first does not count
    assert (found.ours, found.peer) == (2.0, 16.0)
    assert (found.low, found.ratio, found.high) == (3.5, 4.0, 7.0)


def test_macs_of_top_1_are_those_of_the_network_it_drew() -> None:
    net = Supernet(CDS, 0.25)
    step = Step(net.train(), torch.zeros(2, 3, 64, 32), partial(top_k, k=1))
    net.eval()
    chosen = [s.branches[0] for s in net.select(step.gate, torch.Generator().manual_seed(5))]
    network = create_backbone(CDS.genotype(chosen, "drawn"), 0.25)
    assert step.macs(5) == 2 * count(network, 64, 32).macs


def test_fewer_branches_keep_less() -> None:
    net = Supernet(CS, 0.1, identities=4).train()
    images = torch.randn(4, 3, 64, 32)
    kept = [Step(net, images, gate).kept_bytes(0) for gate in (partial(top_k, k=1), partial(top_k, k=2), mixture)]
    assert kept[0] < kept[1] < kept[2]


def test_a_step_leaves_no_gradient_for_the_other_to_free() -> None:
    net = Supernet(CS, 0.1, identities=4).train()
    computed: list[torch.Tensor] = []
    for parameter in net.parameters():
        parameter.register_post_accumulate_grad_hook(computed.append)
    Step(net, torch.randn(4, 3, 64, 32), mixture)(0)
    assert len(computed) == sum(1 for _ in net.parameters())
    assert all(parameter.grad is None for parameter in net.parameters())


def test_command_writes_its_rows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["bench", "search", "--sizes", "32x32", "--width", "0.1", "--batch", "4", "--rounds", "3"]
    assert main([*words, "--json", str(tmp_path / "rows.json")]) == 0
    rows = json.loads((tmp_path / "rows.json").read_text())
    assert len(rows) == 12
    assert all({"what", "config", "ours", "peer", "ratio", "unit"} <= row.keys() for row in rows)
    assert len(capsys.readouterr().out.splitlines()) == 13

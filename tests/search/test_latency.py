"""Latency tables: timed by a clock that planted modules move, read back, refused, and kept to by a search."""

from __future__ import annotations

import dataclasses
import json
import math
import random
import time
from collections.abc import Callable
from functools import partial
from itertools import product
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook

from cdnet import CdnetError
from cdnet.cli import main
from cdnet.engine.record import read_log
from cdnet.genotype import CDChoice, read_genotype
from cdnet.search import timing
from cdnet.search.cost import choose_within, expected_cost
from cdnet.search.latency import REST, Latency, Timing, read_latency, write_latency
from cdnet.search.recipe import CostRecipe, SearchRecipe
from cdnet.search.run import search
from cdnet.search.space import SearchSpace

SPACE = SearchSpace("small", tuple(CDChoice(3, k2, r) for r in (1, 2) for k2 in (5, 9)), (1, 2, 1))


class Planted(nn.Module):
    """Stands for a CDBlock: moves the clock by what it is said to cost, and every fifth time by much more."""

    now = 0.0

    def __init__(self, in_channels: int, out_channels: int, kernels: tuple[int, int], repeats: int) -> None:
        super().__init__()
        self.out_channels, self.cost, self.passes = out_channels, planted(in_channels, kernels[1], repeats), 0

    def forward(self, x: Tensor) -> Tensor:
        """Map N x C x H x W to N x C' x H x W."""
        self.passes += 1
        Planted.now += self.cost * (1 if self.passes % 5 else 100)
        return x[:, :1].expand(-1, self.out_channels, -1, -1)


def planted(in_channels: int, k2: int, repeats: int) -> float:
    return (in_channels + 10 * k2 * repeats) / 1e6


def test_every_candidate_gets_the_time_that_its_module_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timing, "CDBlock", Planted)
    watch = timing.Stopwatch(1)
    watch.clock = lambda: Planted.now
    space = dataclasses.replace(SPACE, blocks=(1, 3, 1))
    threads = torch.get_num_threads()
    latency = timing.measure_latency(space, 0.25, (64, 32), 2, 1, torch.device("cpu"), 8, watch=watch)
    assert torch.get_num_threads() == threads
    # Stem 16, stages 64, 96, 128 channels; the second and third MBlock of stage 2 are one place.
    for row, channels in zip(latency.candidates, (16, 64, 96, 96, 96), strict=True):
        for found, choice in zip(row, space.candidates, strict=True):
            assert found.ms == pytest.approx(1e3 * planted(channels, choice.k2, choice.repeats))
            assert found.low <= found.ms <= found.high
    assert {found.ms for found in latency.rest.values()} == {0.0}
    assert set(latency.rest) == {"stem", "down1", "down2", "neck"}
    assert latency.candidates[2] == latency.candidates[3]


def test_places_are_those_of_figure_4() -> None:
    with torch.inference_mode():
        networks = timing.AllNetworks(dataclasses.replace(SPACE, blocks=(2, 2, 2)), 0.5, torch.zeros(1, 3, 128, 64))
    wanted = [(32, 128, 32, 16), (128, 128, 32, 16), (128, 192, 16, 8), (192, 192, 16, 8), (192, 256, 8, 4)]
    assert networks.positions == [*wanted, (256, 256, 8, 4)]


def test_parts_in_their_order_are_the_network() -> None:
    watch = timing.Stopwatch(2)
    moments = iter(range(100))
    watch.clock = lambda: float(next(moments) ** 2)
    with torch.inference_mode():
        networks = timing.AllNetworks(SPACE, 0.1, torch.zeros(1, 3, 64, 32))
        timed = networks.timed([3, 0, 2, 1], watch)
    (a, b, c, d) = networks.positions
    assert [part for part, _ in timed] == ["stem", (a, 3), "down1", (b, 0), (c, 2), "down2", (d, 1), "neck"]
    assert [took for _, took in timed] == [1, 3, 5, 7, 9, 11, 13, 15]


def test_measured_here(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    # One thread is timed by its own clock, which here tells how many convolutions were computed.
    monkeypatch.setattr(timing, "measure_latency", partial(timing.measure_latency, rounds=5))
    computed: list[nn.Module] = []
    noting = register_module_forward_hook(
        lambda module, *_: computed.append(module) if isinstance(module, nn.Conv2d) else None
    )
    monkeypatch.setattr(time, "thread_time", lambda: len(computed) / 1e3)
    words = ["search", "latency", "--space.pairs", "[[3,5],[3,9]]", "--space.repeats", "[1,4]"]
    size = ["--cost.width", "0.1", "--cost.size", "64x32", "--cost.threads", "1"]
    try:
        assert main([*words, *size, "--device", "cpu", "--out", str(tmp_path / "new" / "latency.json")]) == 0
    finally:
        noting.remove()
    latency = read_latency(tmp_path / "new" / "latency.json")
    assert (latency.width, latency.size, latency.threads, latency.device) == (0.1, (64, 32), 1, "cpu")
    # (3,5,1), (3,9,1), (3,5,4), (3,9,4). A CBlock has 3 or 5 Lite 3x3 of two convolutions each, two more before and
    # behind them, and its gate's two for each of its branches: 12 or 16.
    for row in latency.candidates:
        assert [found.ms - row[0].ms for found in row] == pytest.approx([0, 4, 3 * 12, 4 * 16 - 12])
    assert latency.agreement().ratio == pytest.approx(1)
    told = capsys.readouterr().out
    assert "sum over time" in told
    assert "--cost.width 0.1 --cost.size 64x32 --cost.budget" in told


def made(seed: int = 0, space: SearchSpace = SPACE) -> Latency:
    """A table of random times."""
    rng = random.Random(seed)

    def any_time() -> Timing:
        low, ms, high = sorted(round(rng.uniform(0.1, 9), 6) for _ in range(3))
        return Timing(ms, low, high)

    candidates = [[any_time() for _ in space.candidates] for _ in range(space.mblocks)]
    rest = {name: any_time() for name in REST}
    networks = [timing.Whole([0, 1, 2, 3], 4.0, 4.5), timing.Whole([3, 2, 1, 0], 5.0, 5.5)]
    where = ("cpu", "Some processor", 2, "2.13", "2026-01-31", 31)
    return Latency(space, 0.5, (128, 64), 1, *where, rest, candidates, networks)


@pytest.mark.parametrize("seed", range(3))
def test_costs_against_summing_by_hand(seed: int) -> None:
    latency = made(seed)
    table = latency.table()
    alpha = torch.randn(4, 4, generator=torch.Generator().manual_seed(seed)).double()
    shares = alpha.softmax(1)
    sums, mean = {}, 0.0
    for chosen in product(range(4), repeat=4):
        parts = [part.ms for part in latency.rest.values()] + [
            latency.candidates[m][c].ms for m, c in enumerate(chosen)
        ]
        sums[chosen] = math.fsum(parts)
        mean += sums[chosen] * float(torch.stack([shares[m, c] for m, c in enumerate(chosen)]).prod())
        assert table.of(list(chosen)) == pytest.approx(sums[chosen], abs=1e-5)
        assert latency.of(SPACE.genotype(chosen, "any")) == table.of(list(chosen))
    assert float(expected_cost(alpha, table)) == pytest.approx(mean, abs=1e-5)
    assert table.least == pytest.approx(min(sums.values()), abs=1e-5)
    # A budget that some network meets to the last bit is met.
    for chosen in random.Random(seed).sample([*sums], 20):
        assert table.of(choose_within(alpha, table, table.of(list(chosen)))) <= table.of(list(chosen))
    assert choose_within(alpha, table, table.least) == list(min(sums, key=sums.__getitem__))
    assert latency.of(read_genotype("cdnet")) is None


def test_file_reads_back(tmp_path: Path) -> None:
    write_latency(tmp_path / "latency.json", made())
    assert read_latency(tmp_path / "latency.json") == made()
    rows = json.loads((tmp_path / "latency.json").read_text())
    assert rows["mblocks"][1]["ms"][2] == made().candidates[1][2].ms


def test_agreement_of_known_pairs() -> None:
    pairs = [(9.0, 10.0), (22.0, 20.0), (30.0, 30.0)]
    latency = dataclasses.replace(made(), networks=[timing.Whole([0] * 4, *pair) for pair in pairs])
    found = latency.agreement()
    assert (found.low, found.ratio, found.high) == pytest.approx((0.95, 1.0, 1.05))
    assert found.correlation == pytest.approx(float(torch.corrcoef(torch.tensor(pairs).T)[0, 1]))


def broken(change: Callable[[dict[str, object]], object]) -> str:
    content = made().to_json()
    change(content)
    return json.dumps(content)


BROKEN = {
    "negative": broken(lambda t: t["mblocks"][1]["ms"].__setitem__(0, -1.0)),  # type: ignore[index]
    "nan": broken(lambda t: t["rest"]["stem"].update(ms=math.nan)),  # type: ignore[index]
    "infinite": broken(lambda t: t["mblocks"][0]["high"].__setitem__(0, math.inf)),  # type: ignore[index]
    "text": broken(lambda t: t["mblocks"][0]["ms"].__setitem__(0, "1")),  # type: ignore[index]
    "short row": broken(lambda t: [t["mblocks"][2][k].pop() for k in ("ms", "low", "high")]),  # type: ignore[index]
    "few rows": broken(lambda t: t["mblocks"].pop()),  # type: ignore[attr-defined]
    "no rest": broken(lambda t: t.pop("rest")),
    "part missing": broken(lambda t: t["rest"].pop("neck")),  # type: ignore[attr-defined]
    "version": broken(lambda t: t.update(format=2)),
    "odd space": broken(lambda t: t["candidates"].__setitem__(0, [3, 4, 1])),  # type: ignore[attr-defined]
    "cut short": broken(lambda t: None)[:400],
    "list": "[]",
    "deep": "[" * 100_000,
    "empty": "",
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_tables_are_refused(name: str, tmp_path: Path) -> None:
    path = tmp_path / "latency.json"
    path.write_text(BROKEN[name])
    with pytest.raises(CdnetError, match="no latency table"):
        read_latency(path)


def with_table(recipe: SearchRecipe, path: Path, **changes: object) -> SearchRecipe:
    write_latency(path, made())
    cost = CostRecipe("latency", width=0.5, size="128x64", table=path)
    return dataclasses.replace(recipe, epochs=1, cost=dataclasses.replace(cost, **changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"width": 1.0}, "measured with width 0.5, not 1;"),
        ({"size": "64x32"}, "measured with size 128x64, not 64x32;"),
        ({"batch": 8}, "measured with batch 1, not 8;"),
        ({"threads": 1}, "measured with threads 2, not 1;"),
        (
            {"budget": 0.001},
            r"no network in small costs at most 0.001 ms .* on Some processor, 2 threads, batch 1; the ch",
        ),
        ({"table": Path("none.json")}, "none.json: no such latency table"),
        ({"table": None}, "--cost.table must be a file of"),
        ({"kind": "macs"}, "--cost.kind must be latency"),
        ({"width": 0.0}, "the width multiplier must be above 0 and at most 8, not 0"),
        ({"budget": math.inf}, "--cost.budget must be"),
    ],
)
def test_a_search_refuses_what_does_not_fit(
    recipe: SearchRecipe, tmp_path: Path, changes: dict[str, object], said: str
) -> None:
    with pytest.raises(CdnetError, match=said):
        search(with_table(recipe, tmp_path / "latency.json", **changes), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_table_of_another_space_is_refused(recipe: SearchRecipe, tmp_path: Path) -> None:
    searched = with_table(recipe, tmp_path / "latency.json")
    searched.space.pairs = [[3, 5], [3, 7]]
    with pytest.raises(
        CdnetError,
        match=r"another space, small \(\(3,5,1\) \(3,9,1\) .* in 1\+2\+1 MBlocks\), not small \(\(3,5,1\) \(3,7,1\)",
    ):
        search(searched, tmp_path / "run")


def test_a_search_keeps_its_budget_and_says_where(recipe: SearchRecipe, tmp_path: Path) -> None:
    table, latency = made().table(), made()
    budget = table.least * 1.1
    searched = with_table(recipe, tmp_path / "latency.json", weight=1.0, budget=budget)
    genotype = read_genotype(search(searched, tmp_path / "run"))
    took = latency.of(genotype)
    assert took is not None
    assert took <= budget
    assert f"at most {budget:.6g} ms at width 0.5 and 128x64 on Some processor, 2 threads, batch 1" in genotype.source
    kept = json.loads((tmp_path / "run" / "genotype.json").read_text())["costs"]["latency"]
    assert kept["ms"] == pytest.approx(took, abs=1e-6)
    assert (kept["budget"], kept["machine"], kept["threads"]) == (budget, "Some processor", 2)
    assert read_log(tmp_path / "run")[0]["expected_cost"] == pytest.approx(table.mean, rel=0.01)

    moved = tmp_path / "elsewhere.json"
    (tmp_path / "latency.json").rename(moved)
    words = ["search", "--out", str(tmp_path / "run"), "--resume", "--cost.table", str(moved)]
    assert main(words) == 0
    page = (tmp_path / "run" / "report.html").read_text("utf-8")
    assert "Some processor, 2 threads, batch 1" in page
    assert f"<td>{took:.2f}</td>" in page
    write_latency(moved, made(seed=1))
    with pytest.raises(CdnetError, match="not the latency table that"):
        search(
            dataclasses.replace(searched, cost=dataclasses.replace(searched.cost, table=moved)), tmp_path / "run", True
        )

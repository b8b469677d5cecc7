"""What a network costs in every runtime: milliseconds a picture, beside others' and the machine's limit in one run."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from cdnet.bench.entrants import Entrant, Size, our_entrant, peer_entrants
from cdnet.bench.lanes import A_TURN, Lane, lanes_of, passes
from cdnet.bench.limit import MACS, PASSES, limit_runs
from cdnet.bench.ready import in_torch, made_ready
from cdnet.bench.rows import Row, memory_rows, timed_row
from cdnet.bench.turns import Run, Timing, in_turns
from cdnet.data.cache import Progress, silently
from cdnet.errors import CdnetError
from cdnet.progress import notes
from cdnet.runtime.own_network import WAYS

log = notes(__name__)

WHAT, LIMIT, CALLS = "inference", "inference beside the machine's limit", "an eager pass of calls alone"
UNIT = "ms a picture"
SMALLEST = (32, 16)
"""Pictures so small that an eager pass over one is hardly more than its calls."""


def bench_inference(
    networks: Sequence[str],
    widths: Sequence[float],
    sizes: Sequence[Size],
    batches: Sequence[int],
    runtimes: Sequence[str],
    rounds: int,
    peers: Mapping[str, Path],
    device: str = "cpu",
    progress: Progress = silently,
) -> list[Row]:
    """Time networks on noise, all in turns for each size and batch, from normalised pictures to features.

    Every row has besides ``network``, ``runtime``, ``batch``, ``size``, ``macs`` and ``sha256`` of ours, and the same
    of the peer under keys that begin with ``peer_``.

    Args:
        networks: genotypes, baselines, or weights, as :func:`~cdnet.bench.entrants.our_entrant` takes them.
        widths: of those with fresh weights.
        sizes: heights and widths; without any, weights have their own and the others 256x128.
        batches: pictures at once.
        runtimes: names of :data:`~cdnet.runtime.names.RUNTIMES`, all of them installed.
        rounds: timed, in turns.
        peers: torchreid's checkout by its name, and .onnx or .xml files by any other.
        device: where PyTorch computes; on ``cuda`` nothing but PyTorch takes part.
        progress: shows how far the settings are.

    Raises:
        CdnetError: if there is no such network, a peer cannot be loaded, or what a runtime computes is something else.
    """
    groups = _groups(networks, widths, sizes)
    by_name = {entrant.name: entrant for group in groups for entrant in group}
    for name in by_name.keys() & peers.keys():
        raise CdnetError(f"a network of ours and a peer are both called {name}; give the peer another name")
    settings = [(group, batch) for group in groups for batch in batches]
    rows: list[Row] = []
    for ours, batch in progress(settings, "timing inference", len(settings)):
        others, left_out = peer_entrants(peers, ours[0].width, ours[0].size)
        for sentence in left_out if batch == batches[0] else ():
            log.info(sentence)
        rows += _rows(ours, others, batch, runtimes, rounds, device)
    torchreid = {name: path for name, path in peers.items() if name == "torchreid"}
    for entrant in by_name.values():
        rows.append(_calls_row(entrant, peer_entrants(torchreid, entrant.width, SMALLEST)[0], rounds, device))
    return rows


def _groups(networks: Sequence[str], widths: Sequence[float], sizes: Sequence[Size]) -> list[list[Entrant]]:
    """Return our networks, those of one width and size together; each network once."""
    groups: dict[tuple[float, Size], dict[str, Entrant]] = {}
    for network in networks:
        for width in widths:
            for size in sizes or (None,):
                entrant = our_entrant(network, width, size)
                groups.setdefault((entrant.width, entrant.size), {})[entrant.name] = entrant
    return [list(group.values()) for group in groups.values()]


def _rows(
    ours: Sequence[Entrant], others: Sequence[Entrant], batch: int, runtimes: Sequence[str], rounds: int, device: str
) -> list[Row]:
    runs: dict[Lane, Run] = {}
    for entrant in (*ours, *others):
        runs |= lanes_of(entrant, batch, runtimes, device)
    limits = limit_runs(runtimes, device)
    # The large convolution first: it is what loads each runtime, which is in nobody's memory then.
    timings = in_turns(limits | {lane.as_text(): run for lane, run in runs.items()}, rounds)
    peers = {lane: timings[lane.as_text()] for lane in runs if not lane.entrant.ours}
    rows: list[Row] = []
    for lane in (lane for lane in runs if lane.entrant.ours):
        timing = timings[lane.as_text()]
        rows += _rows_of(lane, batch, timing, peers)
        best = _best_rate(lane, {name: timings[name] for name in limits})
        if best is not None and lane.entrant.macs is not None:
            rows.append(_limit_row(lane, batch, timing, *best))
    return rows


def _rows_of(lane: Lane, batch: int, timing: Timing, peers: Mapping[Lane, Timing]) -> list[Row]:
    """Return ours beside each peer in the same runtime, and beside torchreid's in PyTorch in its faster layout."""
    beside = [other for other in peers if other.runtime == lane.runtime and not other.layout]
    eager = [other for other in peers if other.layout]
    if eager:
        beside.append(min(eager, key=lambda other: statistics.median(peers[other].seconds)))
    config, ours, rows = _config(lane, batch), _facts(lane, batch), []
    for other in beside:
        against, theirs = other.as_text(), {f"peer_{key}": value for key, value in _facts(other, batch).items()}
        row = timed_row(WHAT, config, timing, peers[other], UNIT, against, _scale(batch)) | ours | theirs
        rows.append(row)
    if not beside:
        rows.append(timed_row(WHAT, config, timing, None, UNIT, scale=_scale(batch)) | ours)
    first = beside[0] if beside else None
    memory = memory_rows(config, timing, peers[first], first.as_text()) if first else memory_rows(config, timing)
    return rows + [row | ours for row in memory]


def _scale(batch: int) -> float:
    """Return what a second of a turn is in milliseconds a picture."""
    return 1e3 / (batch * passes(batch))


def _best_rate(lane: Lane, limits: Mapping[str, Timing]) -> tuple[str, Timing] | None:
    """Return which runtime of the lane's precision is the fastest at the large convolution, and its timing."""
    exact = WAYS[lane.runtime].exact
    alike = {name: timing for name, timing in limits.items() if WAYS[name].exact == exact}
    name = min(alike, key=lambda name: statistics.median(alike[name].seconds), default=None)
    return None if name is None else (name, alike[name])


def _limit_row(lane: Lane, batch: int, timing: Timing, name: str, limit: Timing) -> Row:
    macs = lane.entrant.macs or 0
    rate = PASSES * MACS / statistics.median(limit.seconds) / 1e9
    against = f"its {macs / 1e6:,.1f} M MACs at {rate:,.1f} G a second, as a large 1x1 convolution in {name}"
    share = macs * batch * passes(batch) / (PASSES * MACS)
    floor = Timing(tuple(second * share for second in limit.seconds), None)
    row = timed_row(LIMIT, _config(lane, batch), timing, floor, UNIT, against, _scale(batch))
    return row | _facts(lane, batch) | {"gmacs_a_second": rate}


def _calls_row(entrant: Entrant, others: Sequence[Entrant], rounds: int, device: str) -> Row:
    """Return the time of an eager pass over so small a picture that its calls are nearly all."""
    given = torch.zeros(1, 3, *SMALLEST, device=device)
    runs, operations = {}, {}
    for each in (entrant, *others):
        assert each.module is not None
        operations[each.name] = count_operations(each.module, given.cpu())
        module = each.module
        runs[each.name] = made_ready(lambda module=module: in_torch(module, given, True), A_TURN)  # type: ignore[misc]
    timings = in_turns(runs, rounds)

    def said(name: str) -> str:
        each = 1e6 * statistics.median(timings[name].seconds) / A_TURN / operations[name]
        return f"{name}, {operations[name]} operations of {each:.1f} µs"

    config = f"{said(entrant.name)}, {SMALLEST[0]}x{SMALLEST[1]}, batch 1, torch, {_where(device)}"
    peer, against = (timings[others[0].name], said(others[0].name)) if others else (None, "")
    row = timed_row(CALLS, config, timings[entrant.name], peer, UNIT, against, 1e3 / A_TURN)
    return row | {"network": entrant.name, "operations": operations[entrant.name]}


class _Counter(TorchDispatchMode):
    """Counts the operations that PyTorch is asked for, views among them, each of which costs a call too."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        self.count += 1
        return func(*args, **(kwargs or {}))


def count_operations(module: nn.Module, given: torch.Tensor) -> int:
    """Return how many operations a pass of a module asks PyTorch for, views among them."""
    with torch.no_grad(), _Counter() as counter:
        module(given)
    return counter.count


def _config(lane: Lane, batch: int) -> str:
    height, width = lane.entrant.size
    return f"{lane.entrant.name}, {height}x{width}, batch {batch}, {lane.runtime}, {_where(lane.device)}"


def _where(device: str) -> str:
    return "cuda" if device == "cuda" else f"{torch.get_num_threads()} threads"


def _facts(lane: Lane, batch: int) -> dict[str, object]:
    entrant = lane.entrant
    return {
        "network": entrant.name,
        "runtime": lane.runtime,
        "batch": batch,
        "size": list(entrant.size),
        "macs": entrant.macs,
        "sha256": entrant.digest,
    }

"""What networks reach and what they cost, from files: times of a benchmark, evaluations, published figures."""

from __future__ import annotations

import csv
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from cdnet.errors import CdnetError
from cdnet.figures.cmc import name_of
from cdnet.files import refuse_no_file
from cdnet.json_file import read_json
from cdnet.runtime.own_network import WAYS
from cdnet.shown_text import harmless

MAX_BYTES = 16 * 2**20
"""Of a file; rows of a hundred networks have some 200,000."""
COLUMNS = ("network", "timed_as", "size", "million_macs", "rank1", "mAP", "source")
"""Of published figures; rank-1 and mAP are in per cent, and ``timed_as`` names the network of a benchmark's rows."""
Entry = dict[str, Any]
"""Of a file that is handed in: whatever JSON it has, until it is looked at."""

INFERENCE = "inference"
"""What the rows are of that have times."""


@dataclass(frozen=True)
class Time:
    """Milliseconds a picture of one network in one runtime, at one batch."""

    ms: float
    runtime: str
    batch: int


@dataclass(frozen=True)
class NetworkCost:
    """A network with what is known of it.

    Args:
        name: as it is called.
        size: height x width of its pictures, empty where not known.
        ours: whether it is one of this project's.
        mean_ap: in [0, 1].
        rank1: in [0, 1], None where not known.
        macs: of one picture, None where not known.
        times: the fastest for each batch.
        source: who published its accuracy; empty where it was measured here.
    """

    name: str
    size: str
    ours: bool
    mean_ap: float
    rank1: float | None
    macs: float | None
    times: Mapping[int, Time] = field(default_factory=dict)
    source: str = ""


@dataclass(frozen=True)
class _Timed:
    """A network of a benchmark's rows."""

    name: str
    size: str
    ours: bool
    macs: float | None
    digest: str
    times: tuple[Time, ...]

    def fastest(self, runtime: str | None) -> dict[int, Time]:
        """Return the fastest time of each batch, in a runtime or in any that computes in 32 bits."""
        found: dict[int, Time] = {}
        for time in self.times:
            fits = WAYS[time.runtime].exact if runtime is None else time.runtime == runtime
            if fits and (time.batch not in found or time.ms < found[time.batch].ms):
                found[time.batch] = time
        return dict(sorted(found.items()))


def read_costs(paths: Sequence[Path], runtime: str | None = None) -> list[NetworkCost]:
    """Gather networks from files, those with the highest mAP first.

    An evaluation and a time belong together where both are of a file with the same SHA-256, or, where one of them does
    not say it, of the same name. A published figure belongs to the time of the network that it names.

    Args:
        paths: .json files of ``cdnet bench inference`` and of ``cdnet evaluate``, .csv files of published figures.
        runtime: whose times are taken; None takes for each network and batch the fastest that computes in 32 bits, as
            evaluations of files do.

    Raises:
        CdnetError: if a file is none of these, evaluations are of several data sets, two files have times, or a name
            stands for two different networks.
    """
    timed: dict[tuple[str, str], _Timed] = {}
    evaluations: list[Entry] = []
    published: list[dict[str, str]] = []
    rows_from: Path | None = None
    for path in paths:
        if path.suffix.lower() == ".csv":
            published += _read_published(path)
            continue
        rows, figures = _read(path)
        if rows and rows_from is not None:
            raise CdnetError(f"{rows_from} and {path} both have times, which are of two runs; give one of them")
        rows_from = path if rows else rows_from
        timed |= rows
        evaluations += figures
    if len({entry["data"] for entry in evaluations}) > 1:
        said = " and ".join(sorted({harmless(str(entry["data"])) for entry in evaluations}))
        raise CdnetError(f"the evaluations are of {said}, whose figures cannot be compared; give those of one")
    costs = [_evaluated(entry, timed.values(), runtime) for entry in evaluations]
    costs += [_published(entry, timed, runtime) for entry in published]
    if not costs:
        raise CdnetError(
            "no mAP in these files; give what `cdnet evaluate --json` wrote, or a .csv of published figures"
        )
    names = [(cost.name, cost.size, cost.source) for cost in costs]
    for name in names:
        if names.count(name) > 1:
            raise CdnetError(f"{harmless(name[0])} is there twice; leave one of the two out")
    return sorted(costs, key=lambda cost: -cost.mean_ap)


def _evaluated(entry: Entry, timed: Any, runtime: str | None) -> NetworkCost:
    weights, digest = str(entry["weights"]), str(entry.get("sha256", ""))
    same = [each for each in timed if digest and each.digest == digest]
    named = [each for each in timed if each.name in (weights, name_of(weights))]
    for each in named:
        if digest and each.digest and each.digest != digest:
            raise CdnetError(
                f"{harmless(weights)} was evaluated and timed under one name, and is two different files; time and "
                "evaluate the same one"
            )
    found = same or named
    sizes = {each.size for each in found}
    if len(sizes) > 1:
        raise CdnetError(
            f"{harmless(weights)} was timed at {' and '.join(sorted(sizes))}, and evaluated at one size; time it at "
            "that one"
        )
    # Whose input has to be said is a file of somebody's.
    cost = NetworkCost(name_of(weights), "", "input" not in entry, float(entry["mAP"]), float(entry["rank1"]), None)
    if not found:
        return cost
    one = found[0]
    return replace(cost, name=one.name, size=one.size, ours=one.ours, macs=one.macs, times=one.fastest(runtime))


def _published(entry: dict[str, str], timed: dict[tuple[str, str], _Timed], runtime: str | None) -> NetworkCost:
    one = timed.get((entry["timed_as"], entry["size"]))
    macs = 1e6 * float(entry["million_macs"]) if entry["million_macs"] else None
    return NetworkCost(
        entry["network"],
        entry["size"],
        False,
        float(entry["mAP"]) / 100,
        float(entry["rank1"]) / 100 if entry["rank1"] else None,
        macs if one is None or one.macs is None else one.macs,
        {} if one is None else one.fastest(runtime),
        entry["source"],
    )


def _read(path: Path) -> tuple[dict[tuple[str, str], _Timed], list[Entry]]:
    """Return a file's times by network and size, and its evaluations by the plain protocol."""
    try:
        found = read_json(path, MAX_BYTES)
        entries = found if isinstance(found, list) else [found]
        if entries and all("what" in entry for entry in entries):
            return _timed([entry for entry in entries if entry["what"] == INFERENCE]), []
        figures = [entry for entry in entries if not entry["flip"] and not entry["rerank"]]
        if not figures or not all(0 <= entry[key] <= 1 for entry in figures for key in ("mAP", "rank1")):
            raise ValueError
        if not all(isinstance(entry[key], str) and entry[key] for entry in figures for key in ("weights", "data")):
            raise ValueError
    except OSError as error:
        raise CdnetError(f"{path} could not be read: {error.strerror or error}") from error
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
        raise CdnetError(
            f"{path}: neither what `cdnet bench inference --json` nor what `cdnet evaluate --json` writes without "
            "--flip and --rerank"
        ) from None
    return {}, figures


def _timed(rows: Sequence[Entry]) -> dict[tuple[str, str], _Timed]:
    found: dict[tuple[str, str], _Timed] = {}
    for row in rows:
        for prefix, ms, ours in (("", row["ours"], True), ("peer_", row["peer"], False)):
            if ms is None:
                continue
            name, runtime, batch, macs = (row[prefix + key] for key in ("network", "runtime", "batch", "macs"))
            height, width = row[prefix + "size"]
            if runtime not in WAYS or not 0 < ms < math.inf or not (macs is None or 0 < macs < math.inf):
                raise ValueError
            if not all(type(number) is int and number > 0 for number in (batch, height, width)):
                raise ValueError
            key = (str(name), f"{height}x{width}")
            new = _Timed(*key, ours, macs, str(row[prefix + "sha256"]), ())
            known = found.setdefault(key, new)
            found[key] = replace(known, times=(*known.times, Time(float(ms), runtime, batch)))
    if not found:
        raise ValueError
    return found


def _read_published(path: Path) -> list[dict[str, str]]:
    try:
        refuse_no_file(path)
        if path.stat().st_size > MAX_BYTES:
            raise ValueError
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        for row in rows:
            if tuple(row) != COLUMNS or not row["network"] or not row["source"] or not 0 < float(row["mAP"]) <= 100:
                raise ValueError
            most = {"rank1": 100, "million_macs": sys.float_info.max / 1e6}
            if not all(not row[key] or 0 < float(row[key]) <= most[key] for key in most):
                raise ValueError
    except OSError as error:
        raise CdnetError(f"{path} could not be read: {error.strerror or error}") from error
    except (ValueError, TypeError, csv.Error):
        raise CdnetError(
            f"{path}: no table of published figures; it has the columns {', '.join(COLUMNS)}, with mAP in per cent and "
            "a source in every row"
        ) from None
    return rows


def cost_table(costs: Sequence[NetworkCost]) -> str:
    """Return networks as a Markdown table, in their order; rank-1 and mAP in per cent."""
    batches = sorted({batch for cost in costs for batch in cost.times})
    heads = ["network", "size", "M MACs", *(f"ms, batch {batch}" for batch in batches), "runtime", "rank-1", "mAP"]
    lines = [[*heads, "accuracy"], ["---"] * (len(heads) + 1)]
    for cost in costs:
        runtimes = dict.fromkeys(time.runtime for time in cost.times.values())
        lines.append(
            [
                harmless(cost.name).replace("|", "\\|"),
                harmless(cost.size).replace("|", "\\|"),
                "" if cost.macs is None else f"{cost.macs / 1e6:,.1f}",
                *(f"{cost.times[batch].ms:.3g}" if batch in cost.times else "" for batch in batches),
                ", ".join(runtimes),
                "" if cost.rank1 is None else f"{100 * cost.rank1:.1f}",
                f"{100 * cost.mean_ap:.1f}",
                harmless(cost.source).replace("|", "\\|") or "measured here",
            ]
        )
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)

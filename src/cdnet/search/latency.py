"""A latency table: what each candidate takes in each MBlock on one machine, as a file and as costs of the search."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch

from cdnet.errors import CdnetError
from cdnet.files import write_text
from cdnet.genotype import CDChoice, Genotype
from cdnet.json_file import read_json
from cdnet.model_input import parse_size
from cdnet.search.cost import CostTable
from cdnet.search.recipe import CostRecipe
from cdnet.search.space import SearchSpace

FORMAT = 1
REST = ("stem", "down1", "down2", "neck")
"""What every network has beside its CDBlocks."""

MOST = 10**6
"""The largest whole number of a table, be it of threads, pictures or rounds."""
MAX_BYTES = 4 * 2**20
"""Of a table's file; that of CDS has some 10,000."""
GRID = 2**20
"""Milliseconds are rounded to this fraction, a nanosecond, so that sums of them are exact and a budget is kept."""


class Timing(NamedTuple):
    """Milliseconds of one pass: the median over rounds, and the lowest and the highest quartile."""

    ms: float
    low: float
    high: float


class Whole(NamedTuple):
    """A network of the space timed as a whole, to check the table's sum: milliseconds."""

    chosen: list[int]
    summed: float
    timed: float


class Agreement(NamedTuple):
    """How well sums agree with whole networks: their correlation, and sum over time as median and quartiles."""

    correlation: float
    ratio: float
    low: float
    high: float


@dataclass(frozen=True)
class Latency:
    """What the parts of a space's networks take, and where that was measured.

    Args:
        space: the search space.
        width: width multiplier of its networks.
        size: height and width of the pictures.
        batch: pictures a pass; every time is that of the whole batch.
        device: cpu or cuda.
        machine: the processor's or the GPU's name.
        threads: of the processor that a pass may use.
        torch: version of PyTorch.
        date: of the measurement, such as 2026-01-31.
        rounds: timed, in turns.
        rest: of stem, DownSamples and neck, by name.
        candidates: M rows of n, a row an MBlock.
        networks: timed as a whole in the same rounds.
    """

    space: SearchSpace
    width: float
    size: tuple[int, int]
    batch: int
    device: str
    machine: str
    threads: int
    torch: str
    date: str
    rounds: int
    rest: dict[str, Timing]
    candidates: list[list[Timing]]
    networks: list[Whole]

    @property
    def where(self) -> str:
        """The machine and how it was used, in words."""
        threads = f", {self.threads} thread{'s'[: self.threads > 1]}" if self.device == "cpu" else ""
        return f"{self.machine}{threads}, batch {self.batch}"

    def conditions(self) -> dict[str, object]:
        """Where and how the times were measured, for JSON."""
        keys = ("device", "machine", "threads", "batch", "torch", "date")
        return {key: getattr(self, key) for key in keys}

    def table(self) -> CostTable:
        """Return the costs of the search in milliseconds: the sum over a network's parts."""
        medians = [[round(timing.ms * GRID) / GRID for timing in row] for row in self.candidates]
        rest = sum(round(timing.ms * GRID) / GRID for timing in self.rest.values())
        rows = torch.tensor(medians, dtype=torch.double)
        return CostTable(rows - rows[:, :1], rest + sum(row[0] for row in medians), "ms")

    def of(self, genotype: Genotype) -> float | None:
        """Return the milliseconds of a network, or None if it is not in the space."""
        choices = [choice for stage in genotype.stages for choice in stage]
        stages = tuple(map(len, genotype.stages))
        if genotype.block != "CBlock" or stages != self.space.blocks or not set(choices) <= set(self.space.candidates):
            return None
        return self.table().of([self.space.candidates.index(choice) for choice in choices])

    @property
    def spread(self) -> float:
        """How far apart a candidate's quartiles are, as a share of its median: the median over candidates."""
        return statistics.median((timing.high - timing.low) / timing.ms for row in self.candidates for timing in row)

    def agreement(self) -> Agreement:
        """Compare the sums with the networks that were timed as a whole."""
        summed, timed = [network.summed for network in self.networks], [network.timed for network in self.networks]
        ratios = [one / other for one, other in zip(summed, timed, strict=True)]
        low, median, high = statistics.quantiles(ratios, n=4, method="inclusive")
        return Agreement(statistics.correlation(summed, timed), median, low, high)

    def to_json(self) -> dict[str, object]:
        """Return the JSON form, which :meth:`from_json` reads back."""
        return {
            "format": FORMAT,
            "unit": "ms",
            "space": self.space.name,
            "candidates": [[choice.k1, choice.k2, choice.repeats] for choice in self.space.candidates],
            "blocks": list(self.space.blocks),
            "width": self.width,
            "size": "x".join(map(str, self.size)),
            **self.conditions(),
            "rounds": self.rounds,
            "rest": {name: timing._asdict() for name, timing in self.rest.items()},
            "mblocks": [
                {field: [getattr(timing, field) for timing in row] for field in Timing._fields}
                for row in self.candidates
            ],
            "networks": [network._asdict() for network in self.networks],
        }

    @classmethod
    def from_json(cls, data: Any) -> Latency:
        """Read the JSON form.

        Raises:
            KeyError, TypeError, ValueError, AttributeError: if it is not that of a latency table.
            CdnetError: if its space is none.
        """
        if data["format"] != FORMAT or data["unit"] != "ms":
            raise ValueError("it is of another version of cdnet")
        candidates = tuple(CDChoice(*map(_whole, choice)) for choice in data["candidates"])
        space = SearchSpace(str(data["space"]), candidates, tuple(map(_whole, data["blocks"])))
        mblocks = [
            [_timing(values) for values in zip(*(row[field] for field in Timing._fields), strict=True)]
            for row in data["mblocks"]
        ]
        if [len(row) for row in mblocks] != [len(candidates)] * space.mblocks:
            raise ValueError(f"it needs {len(candidates)} times in each of {space.mblocks} MBlocks")
        return cls(
            space,
            _number(data["width"]),
            parse_size(data["size"]),
            _whole(data["batch"]),
            str(data["device"]),
            str(data["machine"]),
            _whole(data["threads"]),
            str(data["torch"]),
            str(data["date"]),
            _whole(data["rounds"]),
            {name: _timing(tuple(data["rest"][name][field] for field in Timing._fields)) for name in REST},
            mblocks,
            [
                Whole(list(map(_whole, one["chosen"])), _number(one["summed"]), _number(one["timed"]))
                for one in data["networks"]
            ],
        )


def _timing(values: Iterable[object]) -> Timing:
    found = Timing(*map(_number, values))
    if not 0 < found.low <= found.ms <= found.high:
        raise ValueError(f"{found.ms:g} ms with quartiles {found.low:g} and {found.high:g} stands where a time belongs")
    return found


def _whole(value: object) -> int:
    if type(value) is not int or not 0 <= value <= MOST:
        raise ValueError(f"{str(value)[:30]} stands where a whole number of at most {MOST:,} belongs")
    return value


def _number(value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < math.inf:
        raise ValueError(f"{str(value)[:30]} stands where a number of at least 0 belongs")
    return float(value)


def write_latency(path: Path, latency: Latency) -> None:
    """Write a latency table as JSON, a line a key and an MBlock.

    Raises:
        CdnetError: if it cannot be written.
    """
    lines = []
    for key, value in latency.to_json().items():
        text = json.dumps(value)
        if isinstance(value, list) and key in ("mblocks", "networks"):
            text = "[\n" + ",\n".join(f"  {json.dumps(row)}" for row in value) + "\n ]"
        lines.append(f" {json.dumps(key)}: {text}")
    write_text(path, "{\n" + ",\n".join(lines) + "\n}\n")


def read_latency(path: Path) -> Latency:
    """Read a latency table.

    Raises:
        CdnetError: if there is no such file, or it is no latency table, or has a time that is none.
    """
    if not path.is_file():
        raise CdnetError(f"{path}: no such latency table; make one with `cdnet search latency --out {path}`")
    try:
        return Latency.from_json(read_json(path, MAX_BYTES))
    except OSError as error:
        raise CdnetError(f"{path} could not be read: {error.strerror or error}") from error
    except KeyError as missing:
        problem = f"it has no {missing}"
    except (ValueError, TypeError, AttributeError, CdnetError) as error:
        problem = str(error)
    raise CdnetError(f"{path}: no latency table of `cdnet search latency` ({problem})")


def latency_for(cost: CostRecipe, space: SearchSpace) -> Latency | None:
    """Read the latency table that a recipe names, if its cost is latency.

    Raises:
        CdnetError: if it is not readable, or of another space, width, size, batch or number of threads.
    """
    if cost.kind != "latency":
        return None
    assert cost.table is not None
    latency = read_latency(cost.table)
    if (latency.space.candidates, latency.space.blocks) != (space.candidates, space.blocks):
        raise CdnetError(
            f"{cost.table} was measured for another space, {latency.space.describe()}, not {space.describe()}; give "
            "the same --config and --space options to `cdnet search latency`"
        )
    asked = [
        ("width", latency.width == cost.width, f"{latency.width:g}", f"{cost.width:g}"),
        ("size", latency.size == parse_size(cost.size), "x".join(map(str, latency.size)), cost.size),
        ("batch", latency.batch == cost.batch, str(latency.batch), str(cost.batch)),
        ("threads", cost.threads in (None, latency.threads), str(latency.threads), str(cost.threads)),
    ]
    for key, fits, measured, wanted in asked:
        if not fits:
            raise CdnetError(
                f"{cost.table} was measured with {key} {measured}, not {wanted}; measure again, or give --cost.{key} "
                f"{measured}"
            )
    return latency

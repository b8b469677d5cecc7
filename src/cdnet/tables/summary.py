"""What rows say together: means and spreads over seeds, and a table of them as text and as CSV."""

from __future__ import annotations

import csv
import io
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cdnet.files import write_text
from cdnet.shown_text import csv_cell
from cdnet.tables.result import Result


@dataclass(frozen=True)
class Spread:
    """A figure over several seeds: its mean, and its lowest and highest value."""

    mean: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Summarise at least one value."""
        return cls(statistics.fmean(values), min(values), max(values))

    def percent(self) -> str:
        """Return it in per cent, such as ``56.2 (55.9-56.5)``."""
        return f"{100 * self.mean:.1f} ({100 * self.low:.1f}-{100 * self.high:.1f})"


@dataclass(frozen=True)
class Summary:
    """A network over its seeds."""

    name: str
    params: int
    macs: int
    seeds: int
    rank1: Spread
    mAP: Spread  # noqa: N815


def summarise(results: Sequence[Result]) -> list[Summary]:
    """Gather results (of :func:`cdnet.tables.row.run_rows`) network by network, in their order."""
    by_name: dict[str, list[Result]] = {}
    for result in results:
        by_name.setdefault(result["name"], []).append(result)
    return [
        Summary(
            name=name,
            params=found[0]["params"],
            macs=found[0]["macs"],
            seeds=len(found),
            rank1=Spread.of([result["rank1"] for result in found]),
            mAP=Spread.of([result["mAP"] for result in found]),
        )
        for name, found in by_name.items()
    ]


def as_text(summaries: Sequence[Summary]) -> str:
    """Return an aligned table: mean and, in brackets, lowest and highest over the seeds, in per cent."""
    width = max([len("network"), *(len(summary.name) for summary in summaries)])
    lines = [f"{'network':{width}}{'params':>12}{'MACs':>15}{'seeds':>7}  {'rank-1':18}  mAP"]
    for row in summaries:
        counts = f"{row.params:12,}{row.macs:15,}{row.seeds:7}"
        lines.append(f"{row.name:{width}}{counts}  {row.rank1.percent():18}  {row.mAP.percent()}")
    return "\n".join(lines)


def write_csv(path: Path, results: Sequence[Mapping[str, object]]) -> None:
    """Write all results, a line each, atomically; the first one's keys are the columns.

    A text that a spreadsheet would compute gets an apostrophe in front (:func:`cdnet.shown_text.csv_cell`).

    Raises:
        CdnetError: if the file cannot be written.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, list(results[0]), extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: csv_cell(value) for key, value in result.items()} for result in results)
    write_text(path, text.getvalue())

"""The rows of a benchmark: what was measured, ours and the peer's, as JSON and as a table."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from typing import Any

from cdnet.bench.turns import Timing, quartiles

Report = dict[str, Any]
"""Figures by name, and lists and dicts of them, for a file of results."""

Row = Report
"""``what``, ``config``, ``ours``, ``peer``, ``ratio`` and ``unit``; besides, where known, the quartiles of the ratio as
``low`` and ``high``, those of ours and the peer's, and ``against``, what the peer is and how it was set up.

Without a peer, ``peer`` and ``ratio`` are None. The ratio says how many times better ours is.
"""


def timed_row(
    what: str,
    config: str,
    ours: Timing,
    peer: Timing | None,
    unit: str,
    against: str = "",
    scale: float = 1.0,
    rate: float | None = None,
) -> Row:
    """Return a row of what was timed in turns: medians, quartiles, and the ratio taken round by round.

    Args:
        what: was measured.
        config: in which setting.
        ours: seconds of each round.
        peer: likewise, of the same rounds, or None.
        unit: of the values.
        against: what the peer is, and its settings.
        scale: what a second becomes.
        rate: things done in a round; the values are then things a second.
    """

    def values(timing: Timing) -> list[float]:
        return [scale * second if rate is None else rate / second for second in timing.seconds]

    mine = values(ours)
    row: Row = {"what": what, "config": config, "ours": statistics.median(mine), "peer": None, "ratio": None}
    row |= {"unit": unit, "ours_quartiles": list(quartiles(mine)), "rounds": len(mine)}
    if peer is not None:
        theirs = values(peer)
        ratios = [second / first for first, second in zip(ours.seconds, peer.seconds, strict=True)]
        low, high = quartiles(ratios)
        row |= {"peer": statistics.median(theirs), "ratio": statistics.median(ratios), "low": low, "high": high}
        row |= {"peer_quartiles": list(quartiles(theirs)), "against": against}
    return row


def plain_row(what: str, config: str, ours: float, peer: float | None, unit: str, against: str = "") -> Row:
    """Return a row of two numbers of which the smaller is the better."""
    row: Row = {"what": what, "config": config, "ours": ours, "peer": peer, "ratio": None, "unit": unit}
    if peer is not None:
        row |= {"ratio": peer / ours if ours else None, "against": against}
    return row


def memory_rows(config: str, ours: Timing, peer: Timing | None = None, against: str = "") -> list[Row]:
    """Return a row of the memory of what was timed, or none where the system does not say it."""
    if ours.bytes is None:
        return []
    theirs = None if peer is None or peer.bytes is None else peer.bytes / 2**20
    return [plain_row("memory beyond what is given, at its peak", config, ours.bytes / 2**20, theirs, "MiB", against)]


def peer_and_ratio(row: Row) -> tuple[str, str]:
    """Return the peer's value, of four digits, and the ratio with its quartiles; empty where there is none."""
    spread = f" ({row['low']:.2f} to {row['high']:.2f})" if "low" in row else ""
    ratio = "" if row["ratio"] is None else f"{row['ratio']:.2f}{spread}"
    return "" if row["peer"] is None else f"{row['peer']:.4g}", ratio


def table(rows: Iterable[Row]) -> str:
    """Return rows as lines of text, with a line of headings."""
    lines: list[Sequence[str]] = [("what", "config", "ours", "peer", "ratio (quartiles)", "unit", "peer is")]
    for row in rows:
        peer, ratio = peer_and_ratio(row)
        lines.append(
            (row["what"], row["config"], f"{row['ours']:.4g}", peer, ratio, row["unit"], row.get("against", ""))
        )
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(word.ljust(width) for word, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )

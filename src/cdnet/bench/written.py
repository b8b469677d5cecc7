"""Rows that a benchmark wrote to a file: read back, and as a table in Markdown."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path

from cdnet.bench.rows import Row, peer_and_ratio
from cdnet.errors import CdnetError
from cdnet.json_file import read_json

MAX_BYTES = 16 * 2**20
TEXTS, NUMBERS = ("what", "config", "unit"), ("ours", "peer", "ratio", "low", "high")


def read_rows(path: Path) -> list[Row]:
    """Return the rows of a file that ``cdnet bench ... --json`` wrote.

    Raises:
        CdnetError: if it is none.
    """
    try:
        rows = read_json(path, MAX_BYTES)
        if not rows or not all(_is_row(row) for row in rows):
            raise ValueError
    except OSError as error:
        raise CdnetError(f"{path} could not be read: {error.strerror or error}") from error
    except (ValueError, TypeError, KeyError, AttributeError):
        raise CdnetError(f"{path}: not what `cdnet bench ... --json` writes") from None
    return list(rows)


def _is_row(row: Row) -> bool:
    numbers = [row.get(key) for key in NUMBERS]
    return (
        all(isinstance(row[key], str) for key in TEXTS)
        and isinstance(row["ours"], int | float)
        and {"peer", "ratio"} <= row.keys()
        and all(number is None or (isinstance(number, int | float) and math.isfinite(number)) for number in numbers)
        and isinstance(row.get("against", ""), str)
        and ({"low", "high"} & row.keys() == set() or None not in (row.get("low"), row.get("high")))
    )


def markdown(rows: Iterable[Row]) -> str:
    """Return rows as a table: ours and the peer's of four digits, how many times better ours is, with quartiles."""
    lines = ["| what | setting | ours | peer | times better | peer is |", "| --- | --- | --- | --- | --- | --- |"]
    for row in rows:
        words = (row["what"], row["config"], f"{row['ours']:.4g} {row['unit']}", *peer_and_ratio(row))
        cells = [word.replace("|", "\\|") for word in (*words, row.get("against", ""))]
        lines.append(f"| {' | '.join(cells)} |".replace("|  ", "| "))
    return "\n".join(lines)

"""``cdnet bench show``: rows that were written before, as a table in Markdown."""

from __future__ import annotations

from pathlib import Path

from cdnet.cli.arguments import parser
from cdnet.errors import CdnetError
from cdnet.shown_text import say_block


def show(words: list[str]) -> None:
    """Print rows that were written before."""
    made = parser("bench show", "Print rows that benchmarks wrote, as a table in Markdown.")
    made.add_argument("files", type=Path, nargs="+", help="of `cdnet bench ... --json`")
    made.add_argument("--holding", nargs="+", default=[], help="words: rows in which each of them stands, alone")
    options = made.instantiate(made.read(words))

    from cdnet.bench.written import markdown, read_rows

    rows = [row for path in options.files for row in read_rows(path)]
    texts = [f"{row['what']} {row['config']} {row.get('against', '')}" for row in rows]
    chosen = [row for row, text in zip(rows, texts, strict=True) if all(word in text for word in options.holding)]
    if not chosen:
        raise CdnetError(f"of {len(rows):,} rows none holds {' and '.join(options.holding)}")
    say_block(markdown(chosen))

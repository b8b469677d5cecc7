"""What the benchmarks' command lines share: options, their limits, and where the rows go."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cdnet.cli.arguments import Parser, UsageError, parser
from cdnet.shown_text import say_block

if TYPE_CHECKING:
    from cdnet.bench.rows import Row

MOST_BATCH, MOST_ROUNDS = 4096, 10_000


def bench_parser(name: str, description: str, rounds: int = 9, peers: bool = True, device: bool = True) -> Parser:
    """Return a parser with what every benchmark takes."""
    made = parser(f"bench {name}", description)
    made.add_argument("--rounds", type=int, default=rounds, help="timed rounds, in turns")
    if device:
        made.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    made.add_argument("--json", type=Path, help="also write the rows to this file")
    if peers:
        made.add_argument(
            "--peer", nargs="+", default=[], metavar="NAME=PATH", help="what to measure beside ours, and where it is"
        )
    return made


def read_bench(made: Parser, words: list[str]) -> Any:
    """Read the command line, and refuse a file that cannot be written before anything is measured.

    Raises:
        UsageError: if an option is unknown or out of range.
        CdnetError: if the file cannot be written.
    """
    options = made.instantiate(made.read(words))
    if not 3 <= options.rounds <= MOST_ROUNDS:
        raise UsageError(f"3 to {MOST_ROUNDS:,} rounds are possible", made.prog)

    from cdnet.files import refuse_unwritable

    if options.json is not None:
        refuse_unwritable(options.json)
    return options


def finish(rows: list[Row], options: Any) -> None:
    """Write the rows, if a file is named, before they are printed, which a closed pipe may end."""
    from cdnet.bench.rows import table
    from cdnet.files import write_text

    if options.json is not None:
        write_text(options.json, json.dumps(rows, indent=1, allow_nan=False) + "\n")
    say_block(table(rows))

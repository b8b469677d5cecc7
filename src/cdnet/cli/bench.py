"""``cdnet bench``: measurements side by side."""

from __future__ import annotations

import json
from pathlib import Path

from cdnet.cli.arguments import UsageError, choose, parser
from cdnet.shown_text import say

MOST_BATCH, MOST_ROUNDS = 4096, 10_000


def main(words: list[str]) -> None:
    """Run ``search``."""
    actions = {"search": search}
    if words[:1] in (["-h"], ["--help"]):
        say("usage: cdnet bench search [options]", "", "`cdnet bench search --help` explains it.")
        return
    actions[choose("bench", words, actions)](words[1:])


def search(words: list[str]) -> None:
    """Compare a step of the search by top-k with one of all branches."""
    made = parser("bench search", "Compare a step of the search by top-k with one of all branches.")
    made.add_argument("--sizes", nargs="+", default=["128x64", "256x128"], help="heights x widths of the pictures")
    made.add_argument("--batch", type=int, default=8, help="pictures a step")
    made.add_argument("--width", type=float, default=1.0, help="width multiplier beta")
    made.add_argument("--rounds", type=int, default=9, help="timed rounds, in turns")
    made.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    made.add_argument("--json", type=Path, help="also write the rows to this file")
    options = made.read(words)
    if not (4 <= options.batch <= MOST_BATCH and 3 <= options.rounds <= MOST_ROUNDS):
        raise UsageError(f"a batch of 4 to {MOST_BATCH:,} and 3 to {MOST_ROUNDS:,} rounds are possible")

    from cdnet.bench.search import bench_search
    from cdnet.device import choose_device
    from cdnet.files import refuse_unwritable, write_text
    from cdnet.model_input import parse_size
    from cdnet.nn.model import check_width

    sizes = [parse_size(size) for size in options.sizes]
    check_width(options.width)
    device = choose_device(options.device).type
    if options.json is not None:
        refuse_unwritable(options.json)
    rows = bench_search(sizes, options.batch, options.width, options.rounds, device)
    for row in rows:
        spread = f" ({row['low']:.2f} to {row['high']:.2f})" if "low" in row else ""
        say(
            f"{row['what']}, {row['config']}: {row['ours']:.2f} against {row['peer']:.2f} {row['unit']}, "
            f"{row['ratio']:.2f} times{spread}"
        )
    if options.json is not None:
        write_text(options.json, json.dumps(rows, indent=1) + "\n")

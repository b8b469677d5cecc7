"""``cdnet bench``: measurements side by side."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cdnet.cli.arguments import Parser, UsageError, choose, parser
from cdnet.cli.bench_export import export
from cdnet.cli.bench_gallery import gallery
from cdnet.cli.bench_serve import serve
from cdnet.shown_text import say_block

if TYPE_CHECKING:
    from cdnet.bench.rows import Row

MOST_BATCH, MOST_ROUNDS = 4096, 10_000


def main(words: list[str]) -> None:
    """Run the benchmark that the first word names."""
    actions = {"rank": rank, "rerank": rerank, "search": search, "export": export, "gallery": gallery, "serve": serve}
    if words[:1] in (["-h"], ["--help"]):
        say_block(
            f"usage: cdnet bench {' | '.join(actions)} ... [--json FILE] [--peer NAME=PATH ...]\n\n"
            "  rank       from features to CMC, mAP and mINP; peer: torchreid\n"
            "  rerank     from features to re-ranked distances; peer: torchreid\n"
            "  search     a step of the search by top-k, and one of all branches\n"
            "  export     every form that `cdnet export` writes: mAP, milliseconds, bytes\n"
            "  gallery    a gallery's searches, exact, by its index and by faiss; or rank-1 and mAP through it\n"
            "  serve      a served gallery with many clients at once, and what they are told when its queue is full\n\n"
            "A peer is another project's code, run from the checkout that is given; without one it is left out.\n"
            "`cdnet bench rank --help` and so on explain each."
        )
        return
    actions[choose("bench", words, actions)](words[1:])


def rank(words: list[str]) -> None:
    """Time ranking."""
    made = _parser("rank", "Time ranking from drawn features to CMC, mAP and mINP.")
    options, sizes = _read_sizes(made, words)

    from cdnet.bench.peers import named_peers
    from cdnet.bench.rank import bench_rank
    from cdnet.device import choose_device

    device = choose_device(options.device).type
    _finish(bench_rank(sizes, options.rounds, named_peers(options.peer, ["torchreid"]), device), options)


def rerank(words: list[str]) -> None:
    """Time re-ranking."""
    made = _parser("rerank", "Time re-ranking of drawn features, with the paper's k1, k2 and lambda.", rounds=3)
    options, sizes = _read_sizes(made, words)

    from cdnet.bench.peers import named_peers
    from cdnet.bench.rerank import bench_rerank
    from cdnet.device import choose_device

    device = choose_device(options.device).type
    _finish(bench_rerank(sizes, options.rounds, named_peers(options.peer, ["torchreid"]), device), options)


def search(words: list[str]) -> None:
    """Compare a step of the search by top-k with one of all branches."""
    made = _parser("search", "Compare a step of the search by top-k with one of all branches.", peers=False)
    made.add_argument("--sizes", nargs="+", default=["128x64", "256x128"], help="heights x widths of the pictures")
    made.add_argument("--batch", type=int, default=8, help="pictures a step")
    made.add_argument("--width", type=float, default=1.0, help="width multiplier beta")
    options = _read(made, words)
    if not 4 <= options.batch <= MOST_BATCH:
        raise UsageError(f"a batch of 4 to {MOST_BATCH:,} is possible")

    from cdnet.bench.search import bench_search
    from cdnet.device import choose_device
    from cdnet.model_input import parse_size
    from cdnet.nn.model import check_width

    sizes = [parse_size(size) for size in options.sizes]
    check_width(options.width)
    device = choose_device(options.device).type
    _finish(bench_search(sizes, options.batch, options.width, options.rounds, device), options)


def _parser(name: str, description: str, rounds: int = 9, peers: bool = True) -> Parser:
    made = parser(f"bench {name}", description)
    made.add_argument("--rounds", type=int, default=rounds, help="timed rounds, in turns")
    made.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    made.add_argument("--json", type=Path, help="also write the rows to this file")
    if peers:
        made.add_argument(
            "--peer", nargs="+", default=[], metavar="NAME=PATH", help="what to measure beside ours, and where it is"
        )
    return made


def _read(made: Parser, words: list[str]) -> Any:
    """Read the command line, and refuse a file that cannot be written before anything is measured."""
    options = made.instantiate(made.read(words))
    if not 3 <= options.rounds <= MOST_ROUNDS:
        raise UsageError(f"3 to {MOST_ROUNDS:,} rounds are possible", made.prog)

    from cdnet.files import refuse_unwritable

    if options.json is not None:
        refuse_unwritable(options.json)
    return options


def _read_sizes(made: Parser, words: list[str]) -> tuple[Any, Sequence[tuple[int, int, int]]]:
    made.add_argument(
        "--sizes", nargs="+", default=["3368x15913x768"], help="queries x gallery x numbers a feature, one or several"
    )
    options = _read(made, words)

    from cdnet.bench.people import parse_sizes

    return options, [parse_sizes(size) for size in options.sizes]


def _finish(rows: list[Row], options: Any) -> None:
    """Write the rows, if a file is named, before they are printed, which a closed pipe may end."""
    from cdnet.bench.rows import table
    from cdnet.files import write_text

    if options.json is not None:
        write_text(options.json, json.dumps(rows, indent=1, allow_nan=False) + "\n")
    say_block(table(rows))

"""``cdnet bench``: measurements side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cdnet.cli.arguments import Parser, UsageError, choose
from cdnet.cli.bench_command import MOST_BATCH, bench_parser, finish, read_bench
from cdnet.cli.bench_evaluate import evaluate
from cdnet.cli.bench_export import export
from cdnet.cli.bench_extract import extract
from cdnet.cli.bench_gallery import gallery
from cdnet.cli.bench_inference import inference
from cdnet.cli.bench_serve import serve
from cdnet.cli.bench_show import show
from cdnet.cli.bench_training import data, train
from cdnet.shown_text import say_block


def main(words: list[str]) -> None:
    """Run the benchmark that the first word names."""
    actions = {
        "inference": inference,
        "evaluate": evaluate,
        "train": train,
        "data": data,
        "rank": rank,
        "rerank": rerank,
        "search": search,
        "export": export,
        "extract": extract,
        "gallery": gallery,
        "serve": serve,
        "show": show,
    }
    if words[:1] in (["-h"], ["--help"]):
        say_block(
            f"usage: cdnet bench {' | '.join(actions)} ... [--json FILE] [--peer NAME=PATH ...]\n\n"
            "  inference  milliseconds a picture in every runtime; peers: torchreid, .onnx and .xml files\n"
            "  evaluate   files to mAP, each part apart; peer: torchreid\n"
            "  train      a step of training, and its share of waiting for data; peer: torchreid\n"
            "  data       pictures a second, decoded and varied; peer: torchreid\n"
            "  rank       from features to CMC, mAP and mINP; peer: torchreid\n"
            "  rerank     from features to re-ranked distances; peer: torchreid\n"
            "  search     a step of the search by top-k, and one of all branches\n"
            "  export     every form that `cdnet export` writes: mAP, milliseconds, bytes\n"
            "  extract    pictures a second into a file of features, and memory all along\n"
            "  gallery    a gallery's searches, exact, by its index and by faiss; or rank-1 and mAP through it\n"
            "  serve      a served gallery with many clients at once, and what they are told when its queue is full\n"
            "  show       rows of files that --json wrote, as a table in Markdown\n\n"
            "A peer is another project's code, run from the checkout that is given; without one it is left out.\n"
            "`cdnet bench rank --help` and so on explain each."
        )
        return
    actions[choose("bench", words, actions)](words[1:])


def rank(words: list[str]) -> None:
    """Time ranking."""
    made = bench_parser("rank", "Time ranking from drawn features to CMC, mAP and mINP.")
    options, sizes = _read_sizes(made, words)

    from cdnet.bench.peers import named_peers
    from cdnet.bench.rank import bench_rank
    from cdnet.device import choose_device

    device = choose_device(options.device).type
    finish(bench_rank(sizes, options.rounds, named_peers(options.peer, ["torchreid"]), device), options)


def rerank(words: list[str]) -> None:
    """Time re-ranking."""
    made = bench_parser("rerank", "Time re-ranking of drawn features, with the paper's k1, k2 and lambda.", rounds=3)
    options, sizes = _read_sizes(made, words)

    from cdnet.bench.peers import named_peers
    from cdnet.bench.rerank import bench_rerank
    from cdnet.device import choose_device

    device = choose_device(options.device).type
    finish(bench_rerank(sizes, options.rounds, named_peers(options.peer, ["torchreid"]), device), options)


def search(words: list[str]) -> None:
    """Compare a step of the search by top-k with one of all branches."""
    made = bench_parser("search", "Compare a step of the search by top-k with one of all branches.", peers=False)
    made.add_argument("--sizes", nargs="+", default=["128x64", "256x128"], help="heights x widths of the pictures")
    made.add_argument("--batch", type=int, default=8, help="pictures a step")
    made.add_argument("--width", type=float, default=1.0, help="width multiplier beta")
    options = read_bench(made, words)
    if not 4 <= options.batch <= MOST_BATCH:
        raise UsageError(f"a batch of 4 to {MOST_BATCH:,} is possible")

    from cdnet.bench.search import bench_search
    from cdnet.device import choose_device
    from cdnet.model_input import parse_size
    from cdnet.nn.model import check_width

    sizes = [parse_size(size) for size in options.sizes]
    check_width(options.width)
    device = choose_device(options.device).type
    finish(bench_search(sizes, options.batch, options.width, options.rounds, device), options)


def _read_sizes(made: Parser, words: list[str]) -> tuple[Any, Sequence[tuple[int, int, int]]]:
    made.add_argument(
        "--sizes", nargs="+", default=["3368x15913x768"], help="queries x gallery x numbers a feature, one or several"
    )
    options = read_bench(made, words)

    from cdnet.bench.people import parse_sizes

    return options, [parse_sizes(size) for size in options.sizes]

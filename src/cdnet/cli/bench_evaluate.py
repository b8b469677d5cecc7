"""``cdnet bench evaluate``: a whole evaluation, each part apart."""

from __future__ import annotations

from cdnet.cli.bench_command import bench_parser, finish, read_bench
from cdnet.data.recipe import DataRecipe, given_root
from cdnet.runtime.names import AUTO, RUNTIMES


def evaluate(words: list[str]) -> None:
    """Time a whole evaluation on the CPU."""
    made = bench_parser(
        "evaluate",
        "Time a whole evaluation on the CPU, its parts apart. Peer: torchreid=CHECKOUT, whose engine evaluates the "
        "same network.",
        rounds=3,
        device=False,
    )
    made.add_argument("weights", help="a run's folder, a .safetensors file, or a shipped network's name")
    made.add_argument("--data", type=DataRecipe, default=DataRecipe(), help="which pictures; the cache is not used")
    made.add_argument("--runtime", choices=(AUTO, *RUNTIMES), default=AUTO, help="what computes our features")
    options = read_bench(made, words)
    root = given_root(options.data.root, "evaluate on")

    from cdnet.bench.evaluation import bench_evaluation
    from cdnet.bench.peers import named_peers
    from cdnet.cli.terminal import note
    from cdnet.data.layout import read_data

    peers = named_peers(options.peer, ["torchreid"])
    data = read_data(root, options.data.layout, options.data.holdout)
    finish(bench_evaluation(options.weights, data, options.runtime, options.rounds, peers, note), options)

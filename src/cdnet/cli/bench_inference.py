"""``cdnet bench inference``: milliseconds a picture in every runtime."""

from __future__ import annotations

from cdnet.cli.arguments import UsageError
from cdnet.cli.bench_command import MOST_BATCH, bench_parser, finish, read_bench
from cdnet.runtime.names import RUNTIMES

USUAL = ("torch", "onnxruntime", "openvino", "openvino-bf16")


def inference(words: list[str]) -> None:
    """Time networks in runtimes, beside others' and the machine's limit."""
    made = bench_parser(
        "inference",
        "Time networks from normalised pictures to features in every runtime that is installed. Peers: "
        "torchreid=CHECKOUT, whose OSNet of the same width takes part, and NAME=FILE, an .onnx file or an IR's .xml.",
    )
    made.add_argument(
        "networks", nargs="*", default=["cdnet"], help="genotypes, baselines, runs, weights or shipped networks"
    )
    made.add_argument("--widths", type=float, nargs="+", default=[1.0], help="width multipliers of fresh networks")
    made.add_argument("--sizes", nargs="+", default=[], help="heights x widths; the weights' own, or 256x128")
    made.add_argument("--batches", type=int, nargs="+", default=[1, 32], help="pictures at once")
    made.add_argument(
        "--runtimes",
        nargs="+",
        choices=RUNTIMES,
        default=[],
        help=f"of {', '.join(USUAL)} those installed, if not given",
    )
    options = read_bench(made, words)
    if not all(1 <= batch <= MOST_BATCH for batch in options.batches):
        raise UsageError(f"batches of 1 to {MOST_BATCH:,} are possible", made.prog)

    from cdnet.bench.inference import bench_inference
    from cdnet.bench.peers import named_peers
    from cdnet.device import choose_device
    from cdnet.model_input import parse_size
    from cdnet.nn.model import check_width
    from cdnet.progress import shown
    from cdnet.runtime.own_network import WAYS, refuse_runtime

    device = choose_device(options.device)
    for width in options.widths:
        check_width(width)
    for name in options.runtimes:
        refuse_runtime(name, device)
    usual = [
        name for name in USUAL if WAYS[name].lacks() is None and (device.type == "cpu" or WAYS[name].package == "torch")
    ]
    rows = bench_inference(
        options.networks,
        options.widths,
        [parse_size(size) for size in options.sizes],
        options.batches,
        options.runtimes or usual,
        options.rounds,
        named_peers(options.peer),
        device.type,
        shown,
    )
    finish(rows, options)

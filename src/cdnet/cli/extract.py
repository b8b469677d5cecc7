"""``cdnet extract``: the features of any number of pictures in a file, and shards of it as one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from cdnet.cli.arguments import UsageError, parser
from cdnet.errors import CdnetError
from cdnet.runtime.given import Given
from cdnet.runtime.names import AUTO, RUNTIMES
from cdnet.shown_text import say

if TYPE_CHECKING:
    from cdnet.extract.job import Extracted

DESCRIPTION = """\
Extract the features of all pictures below a folder, or of those that a CSV file names (path, and perhaps identity and
camera). A killed extraction goes on with the same command. With --shard each of several machines takes its share, and
--join makes one file of theirs."""


def main(words: list[str]) -> None:
    """Extract, or join shards, and say what came of it."""
    made = parser("extract", DESCRIPTION)
    made.add_argument(
        "pictures",
        type=Path,
        nargs="+",
        help="a folder or a CSV file; with --join, the files of all shards, in any order",
    )
    made.add_argument("--out", type=Path, help="the file of features; its ending, .parquet or .npz, says the format")
    made.add_argument(
        "--weights",
        help="a run's folder, a .safetensors file, a shipped network's name, an .onnx file, or an IR's .xml",
    )
    made.add_class_arguments(Given, "input", help="what the input of an .onnx or .xml file is to be like")
    made.add_argument("--runtime", choices=(AUTO, *RUNTIMES), default=AUTO, help="what computes; auto is PyTorch")
    made.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    made.add_argument("--batch", type=int, default=32, help="pictures at once")
    made.add_argument("--shard", help="I/N: extract the I-th of N shares of the pictures")
    made.add_argument("--join", action="store_true", help="write the features of all shards into one file")
    made.add_argument(
        "--ray", help="extract as a Ray Data job: the address of a cluster, or auto for the one at hand or this machine"
    )
    options = made.instantiate(made.read(words))
    if options.out is None:
        raise UsageError("no file for the features; give one with --out", made.prog)
    if options.join == (options.weights is not None):
        raise UsageError("give --weights to extract features, or --join to make one file of shards", made.prog)
    if options.join:
        from cdnet.extract.join import join

        _say(options.out, join(options.pictures, options.out))
        return
    if len(options.pictures) > 1:
        raise UsageError("extract from one folder or CSV file at a time", made.prog)

    from cdnet.cli.terminal import note
    from cdnet.extract.extractor import FeatureExtractor
    from cdnet.extract.job import Compute, extract_all, in_this_process, parse_shard
    from cdnet.extract.store import check_ending

    check_ending(options.out)
    shard = None if options.shard is None else parse_shard(options.shard)
    if shard is not None and options.ray is not None:
        raise CdnetError("--ray shares the pictures out by itself; leave out --shard")
    given = options.input
    extractor = FeatureExtractor(
        options.weights,
        options.runtime,
        device=options.device,
        batch=options.batch,
        size=given.size,
        channels=given.channels,
        range=given.range,
        mean=given.mean,
        std=given.std,
    )
    compute: Compute = in_this_process
    if options.ray is not None:
        from cdnet.extract.ray_job import on_ray

        compute = on_ray(options.ray, note)
    try:
        found = extract_all(extractor, options.pictures[0], options.out, shard, compute, note)
    except KeyboardInterrupt:
        raise KeyboardInterrupt("stopped; the same command goes on from here") from None
    _say(options.out, found)


def _say(out: Path, found: Extracted) -> None:
    lines = [f"features of {found.count:,} pictures: {out}"]
    if found.listed_in is not None:
        lines.append(f"{found.unreadable:,} could not be read and have no features: {found.listed_in}")
    say(*lines)

"""``cdnet bench extract``: how many pictures a second, and whether memory stays as it is."""

from __future__ import annotations

import json
from pathlib import Path

from cdnet.cli.arguments import parser
from cdnet.runtime.names import AUTO, RUNTIMES
from cdnet.shown_text import say_block


def extract(words: list[str]) -> None:
    """Extract drawn pictures, repeated, and print what it took."""
    made = parser(
        "bench extract", "Extract drawn pictures, repeated, and print pictures a second and memory all along."
    )
    made.add_argument("--pictures", type=int, default=20_000, help="how many")
    made.add_argument("--weights", default="cdnet-x0.25-market1501", help="whatever `cdnet extract` takes")
    made.add_argument("--runtime", choices=(AUTO, *RUNTIMES), default=AUTO, help="what computes; auto is PyTorch")
    made.add_argument("--format", choices=("parquet", "npz"), default="parquet", help="of the file that is written")
    made.add_argument("--json", type=Path, help="also write the figures to this file")
    options = made.read(words)

    from cdnet.bench.extract import bench_extract
    from cdnet.cli.terminal import note
    from cdnet.extract.extractor import FeatureExtractor
    from cdnet.files import refuse_unwritable, write_text

    if options.json is not None:
        refuse_unwritable(options.json)
    extractor = FeatureExtractor(options.weights, options.runtime)
    text = json.dumps(bench_extract(extractor, options.pictures, options.format, note), indent=1)
    if options.json is not None:
        write_text(options.json, text + "\n")
    say_block(text)

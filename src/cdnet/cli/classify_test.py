"""``cdnet classify test``: how often a classifier that is there is right."""

from __future__ import annotations

import json
from pathlib import Path

from cdnet.cli.arguments import parser
from cdnet.data.recipe import given_root
from cdnet.shown_text import say


def main(words: list[str]) -> None:
    """Test a classifier, and print its accuracy."""
    made = parser(
        "classify test", "Test a classifier, of `cdnet classify` or converted, on a data set's test pictures."
    )
    made.add_argument("weights", help="a run's folder, or a classifier's .safetensors file")
    made.add_argument("--data.root", type=Path, help="folder or archive of the data set")
    made.add_argument("--data.cache", type=Path, help="folder for decoded pictures; by default ~/.cache/cdnet")
    made.add_argument(
        "--part",
        choices=("whole", "middle"),
        default="whole",
        help="what of each picture it sees: whole, resized; or the middle, as is usual on ImageNet",
    )
    made.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    made.add_argument("--json", type=Path, help="also write the figures to this file")
    options = made.read(words)
    root = given_root(options.data.root, "test on", "folder or archive")

    from cdnet.classify.run import describe_accuracy
    from cdnet.classify.testing import accuracy_of
    from cdnet.device import choose_device
    from cdnet.files import refuse_unwritable, write_text

    if options.json is not None:
        refuse_unwritable(options.json)
    found, data = accuracy_of(options.weights, root, options.part, options.data.cache, choose_device(options.device))
    seen = "the whole of each" if options.part == "whole" else "the middle of each"
    say(f"{describe_accuracy(found.top1, found.top5)} per cent of {found.pictures:,} pictures of {data.name}, {seen}")
    if options.json is not None:
        kept = found._asdict() | {"weights": str(options.weights), "data": data.name, "part": options.part}
        write_text(options.json, json.dumps(kept, indent=1) + "\n")

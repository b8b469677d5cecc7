"""``cdnet check``: whether a file gives what its network gives, and how it is to be fed."""

from __future__ import annotations

from pathlib import Path

from cdnet.cli.arguments import parser
from cdnet.data.recipe import DataRecipe
from cdnet.errors import CdnetError
from cdnet.runtime.given import Given
from cdnet.shown_text import say

DESCRIPTION = """\
Look at an .onnx file or an OpenVINO IR, ours or another's: run it at several batches, compare it with PyTorch where its
weights are known, and rank people as it is fed in every usual way, which shows what it wants. Exits with 1 if something
is wrong with it."""


def main(words: list[str]) -> None:
    """Check a file and say what was found."""
    made = parser("check", DESCRIPTION)
    made.add_argument("file", type=Path, help="an .onnx file, or an IR's .xml")
    made.add_argument("--weights", type=Path, help="what it was made from: a run's folder, or a .safetensors file")
    made.add_argument("--for", dest="target", help="the program that is to feed it, as of `cdnet export --for`")
    made.add_class_arguments(Given, "input", help="what it is fed with, if it does not say so itself")
    made.add_argument("--data", type=DataRecipe, default=DataRecipe(), help="pictures to rank; drawn ones if not given")
    options = made.instantiate(made.read(words))

    from cdnet.data.layout import read_data
    from cdnet.evaluate.evaluation import evaluate_network, read_test_pictures
    from cdnet.evaluate.options import Options
    from cdnet.export.check import check_file, open_for_check
    from cdnet.export.feeds import sample_of
    from cdnet.export.measure import Fed
    from cdnet.export.targets import find_target
    from cdnet.progress import shown
    from cdnet.runtime.network import Network, open_network

    target = None if options.target is None else find_target(options.target)
    opened = open_for_check(options.file, options.input, target)
    pictures = sample = None
    if options.data.root is not None:
        data = read_data(options.data.root, options.data.layout, options.data.holdout)
        pictures = read_test_pictures(data, opened.size, options.data.cache, shown)
        sample = sample_of(pictures)
    report = check_file(opened, options.weights, sample, shown)
    say(*report.lines)
    if pictures is not None and opened.said is not None:
        networks: list[tuple[Path, Network]] = [(options.file, Fed(opened.file, opened.said))]
        if options.weights is not None:
            networks.append((options.weights, open_network(options.weights, Given())))
        for path, network in networks:
            found = evaluate_network(network, pictures, Options(), shown).metrics
            say(f"{path}: mAP {100 * found.mAP:.2f}, rank-1 {100 * found.rank1:.2f} on all pictures")
    if report.mistakes:
        raise CdnetError(f"{options.file}: {'; '.join(report.mistakes)}")

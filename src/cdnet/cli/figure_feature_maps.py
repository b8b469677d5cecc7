"""``cdnet figure feature-maps``: draw pictures with the last feature map of each stage over them."""

from __future__ import annotations

from pathlib import Path

from cdnet.cli.arguments import UsageError
from cdnet.cli.figure_arguments import NETWORK, data_of, figure_parser, read_options, save
from cdnet.data.recipe import DataRecipe
from cdnet.errors import CdnetError


def main(words: list[str]) -> None:
    """Draw pictures with the last feature map of each stage over them."""
    made = figure_parser("feature-maps", "Where the last feature map of each of the three stages is strong (Figure 6).")
    made.add_argument("weights", help=NETWORK)
    made.add_argument("--picture", type=Path, nargs="+", default=[], help="picture files to show")
    made.add_argument("--data", type=DataRecipe, default=DataRecipe(), help="or: show queries of this data set")
    made.add_argument("--count", type=int, default=4, help="queries to show, each of another person")
    made.add_argument("--seed", type=int, default=0, help="picks the queries")
    made.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    options = read_options(made, words)
    if bool(options.picture) == (options.data.root is not None):
        raise UsageError("give either pictures with --picture or a data set with --data.root")

    from cdnet.device import choose_device
    from cdnet.figures.feature_maps import MOST, draw_feature_maps, shown_size, stage_maps
    from cdnet.figures.pictures import pick, read_pictures
    from cdnet.weights import load_model

    if max(options.count, len(options.picture)) > MOST:
        raise CdnetError(f"one figure has room for {MOST} pictures, not {max(options.count, len(options.picture))}")
    model, spec = load_model(options.weights, choose_device(options.device))
    paths = options.picture
    if not paths:
        people = pick(data_of(options), options.count, options.seed)
        paths = [entries[0].path for entries in people.values()]  # queries come first
    maps = stage_maps(model, read_pictures(paths, spec.size), spec.mean, spec.std)
    save(options, draw_feature_maps(read_pictures(paths, shown_size(spec.size)), maps))

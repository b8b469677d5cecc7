"""``cdnet figure ranked``: draw ranked lists of some queries."""

from __future__ import annotations

from cdnet.cli.figure_arguments import NETWORK, data_of, figure_parser, read_options, save
from cdnet.data.recipe import DataRecipe


def main(words: list[str]) -> None:
    """Draw ranked lists of some queries."""
    made = figure_parser("ranked", "Queries with the gallery pictures that a network puts first.")
    made.add_argument("weights", help=NETWORK)
    made.add_argument("--data", type=DataRecipe, default=DataRecipe(), help="which pictures")
    made.add_argument("--queries", type=int, default=6, help="queries to show, from the best ranked to the worst")
    made.add_argument("--length", type=int, default=10, help="gallery pictures of each")
    made.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    options = read_options(made, words)

    from cdnet.device import choose_device
    from cdnet.evaluate.evaluation import features_of, read_test_pictures
    from cdnet.figures.ranked import check_lists, chosen_lists, draw_ranked
    from cdnet.progress import shown
    from cdnet.weights import load_model

    check_lists(options.queries, options.length)
    model, spec = load_model(options.weights, choose_device(options.device))
    pictures = read_test_pictures(data_of(options), spec.size, options.data.cache, shown)
    features = features_of(model, pictures, mean=spec.mean, std=spec.std, progress=shown)
    save(options, draw_ranked(chosen_lists(*features, pictures, options.queries, options.length), pictures))

"""``cdnet figure t-sne``: draw the features on both sides of the neck of one or several runs."""

from __future__ import annotations

from cdnet.cli.figure_arguments import data_of, figure_parser, labelled, read_options, save
from cdnet.data.recipe import DataRecipe


def main(words: list[str]) -> None:
    """Draw the features on both sides of the neck of one or several runs."""
    made = figure_parser("t-sne", "Features on both sides of the neck, in a plane by t-SNE (Figures 7 and 8).")
    made.add_argument("runs", nargs="+", help="folders of training runs; their checkpoints have the softmax side")
    made.add_argument("--data", type=DataRecipe, default=DataRecipe(), help="which pictures")
    made.add_argument("--split", choices=("test", "train"), default="test", help="whose identities")
    made.add_argument("--identities", type=int, default=8, help="how many, 2 to 8")
    made.add_argument("--labels", nargs="+", default=[], help="what to call the runs, by default as their folders")
    made.add_argument("--seed", type=int, default=0, help="picks the identities, and is that of t-SNE")
    made.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    options = read_options(made, words)

    from cdnet.device import choose_device
    from cdnet.figures.cmc import name_of
    from cdnet.figures.embedding import check_scikit_learn
    from cdnet.figures.pictures import pick
    from cdnet.figures.tsne import LEAST, check_identities, draw_tsne, see
    from cdnet.progress import shown

    names = labelled([name_of(run) for run in options.runs], options.labels)
    check_scikit_learn()
    check_identities(options.identities)
    people = pick(data_of(options), options.identities, options.seed, options.split, LEAST)
    device = choose_device(options.device)
    sights = [
        sight
        for run, name in zip(options.runs, names, strict=True)
        for sight in see(run, name, people, options.seed, device, shown)
    ]
    save(options, draw_tsne(sights, people))

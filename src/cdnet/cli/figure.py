"""``cdnet figure``: the paper's figures that show results, as PNG, SVG or PDF."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from cdnet.cli.arguments import Parser, UsageError, choose, parser
from cdnet.data.recipe import DataRecipe, given_root
from cdnet.errors import CdnetError
from cdnet.runtime.names import RUNTIMES
from cdnet.shown_text import say, say_block

if TYPE_CHECKING:
    from cdnet.data.pictures import ReidData
    from cdnet.figures.cmc import Curve
    from cdnet.figures.style import Drawn

NETWORK = "a run's folder, a .safetensors file, or a shipped network's name"


def main(words: list[str]) -> None:
    """Run the figure that the first word names."""
    actions = {"feature-maps": feature_maps, "t-sne": tsne, "ranked": ranked, "cmc": cmc, "networks": networks}
    if words[:1] in (["-h"], ["--help"]):
        say_block(
            f"usage: cdnet figure {' | '.join(actions)} ... --out FILE.png\n\n"
            "  feature-maps  where each stage's last feature map is strong (Figure 6)\n"
            "  t-sne         features on both sides of the neck (Figures 7 and 8)\n"
            "  ranked        queries with what the network puts first\n"
            "  cmc           CMC curves of several networks\n"
            "  networks      mAP against milliseconds and against MACs, with a table\n\n"
            "`cdnet figure cmc --help` and so on explain each."
        )
        return
    actions[choose("figure", words, actions)](words[1:])


def feature_maps(words: list[str]) -> None:
    """Draw pictures with the last feature map of each stage over them."""
    made = _parser("feature-maps", "Where the last feature map of each of the three stages is strong (Figure 6).")
    made.add_argument("weights", help=NETWORK)
    made.add_argument("--picture", type=Path, nargs="+", default=[], help="picture files to show")
    made.add_argument("--data", type=DataRecipe, default=DataRecipe(), help="or: show queries of this data set")
    made.add_argument("--count", type=int, default=4, help="queries to show, each of another person")
    made.add_argument("--seed", type=int, default=0, help="picks the queries")
    made.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    options = _read(made, words)
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
        people = pick(_data(options), options.count, options.seed)
        paths = [entries[0].path for entries in people.values()]  # queries come first
    maps = stage_maps(model, read_pictures(paths, spec.size), spec.mean, spec.std)
    _save(options, draw_feature_maps(read_pictures(paths, shown_size(spec.size)), maps))


def tsne(words: list[str]) -> None:
    """Draw the features on both sides of the neck of one or several runs."""
    made = _parser("t-sne", "Features on both sides of the neck, in a plane by t-SNE (Figures 7 and 8).")
    made.add_argument("runs", nargs="+", help="folders of training runs; their checkpoints have the softmax side")
    made.add_argument("--data", type=DataRecipe, default=DataRecipe(), help="which pictures")
    made.add_argument("--split", choices=("test", "train"), default="test", help="whose identities")
    made.add_argument("--identities", type=int, default=8, help="how many, 2 to 8")
    made.add_argument("--labels", nargs="+", default=[], help="what to call the runs, by default as their folders")
    made.add_argument("--seed", type=int, default=0, help="picks the identities, and is that of t-SNE")
    made.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    options = _read(made, words)

    from cdnet.device import choose_device
    from cdnet.figures.cmc import name_of
    from cdnet.figures.embedding import check_scikit_learn
    from cdnet.figures.pictures import pick
    from cdnet.figures.tsne import LEAST, check_identities, draw_tsne, see
    from cdnet.progress import shown

    names = _labels([name_of(run) for run in options.runs], options.labels)
    check_scikit_learn()
    check_identities(options.identities)
    people = pick(_data(options), options.identities, options.seed, options.split, LEAST)
    device = choose_device(options.device)
    sights = [
        sight
        for run, name in zip(options.runs, names, strict=True)
        for sight in see(run, name, people, options.seed, device, shown)
    ]
    _save(options, draw_tsne(sights, people))


def ranked(words: list[str]) -> None:
    """Draw ranked lists of some queries."""
    made = _parser("ranked", "Queries with the gallery pictures that a network puts first.")
    made.add_argument("weights", help=NETWORK)
    made.add_argument("--data", type=DataRecipe, default=DataRecipe(), help="which pictures")
    made.add_argument("--queries", type=int, default=6, help="queries to show, from the best ranked to the worst")
    made.add_argument("--length", type=int, default=10, help="gallery pictures of each")
    made.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    options = _read(made, words)

    from cdnet.device import choose_device
    from cdnet.evaluate.evaluation import features_of, read_test_pictures
    from cdnet.figures.ranked import check_lists, chosen_lists, draw_ranked
    from cdnet.progress import shown
    from cdnet.weights import load_model

    check_lists(options.queries, options.length)
    model, spec = load_model(options.weights, choose_device(options.device))
    pictures = read_test_pictures(_data(options), spec.size, options.data.cache, shown)
    features = features_of(model, pictures, mean=spec.mean, std=spec.std, progress=shown)
    _save(options, draw_ranked(chosen_lists(*features, pictures, options.queries, options.length), pictures))


def cmc(words: list[str]) -> None:
    """Draw the CMC curves of several networks."""
    made = _parser("cmc", "CMC curves of several networks on one data set.")
    made.add_argument("networks", nargs="+", help=f"each {NETWORK}, or a JSON file of saved figures")
    made.add_argument("--data", type=DataRecipe, default=DataRecipe(), help="pictures to rank, unless all are saved")
    made.add_argument("--ranks", type=int, default=20, help="how far to draw, up to 50")
    made.add_argument("--labels", nargs="+", default=[], help="what to call the networks, by default as their files")
    made.add_argument("--json", type=Path, help="also save the curves to this file, to be drawn again from it")
    made.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    options = _read(made, words)

    from dataclasses import replace

    from cdnet.figures.cmc import check_curves, draw_cmc, name_of, read_curves, write_curves

    saved = {source: read_curves(Path(source)) for source in options.networks if source.lower().endswith(".json")}
    names = _labels(
        [
            name
            for source in options.networks
            for name in ([curve.name for curve in saved[source]] if source in saved else [name_of(source)])
        ],
        options.labels,
    )
    check_curves(names, options.ranks)
    curves = [
        curve
        for source in options.networks
        for curve in (saved[source] if source in saved else [_evaluated(source, options)])
    ]
    curves = [replace(curve, name=name) for curve, name in zip(curves, names, strict=True)]
    if options.json is not None:
        write_curves(options.json, curves)
    _save(options, draw_cmc(curves, options.ranks))


def networks(words: list[str]) -> None:
    """Draw mAP against cost, and print the same as a table."""
    made = _parser("networks", "mAP against milliseconds and multiply-accumulates a picture, ours and others'.")
    made.add_argument(
        "files",
        type=Path,
        nargs="+",
        help="of `cdnet bench inference --json` and `cdnet evaluate --json`, and .csv files of published figures",
    )
    made.add_argument("--batch", type=int, default=1, help="pictures at once, whose times are drawn")
    made.add_argument("--runtime", choices=RUNTIMES, help="whose times; the fastest in 32 bits if not given")
    made.add_argument("--table", type=Path, help="also write the table, in Markdown, to this file")
    options = _read(made, words)

    from cdnet.figures.network_costs import cost_table, read_costs
    from cdnet.figures.networks import draw_networks
    from cdnet.files import refuse_unwritable, write_text

    if options.table is not None:
        refuse_unwritable(options.table)
    costs = read_costs(options.files, options.runtime)
    drawn, table = draw_networks(costs, options.batch), cost_table(costs)
    if options.table is not None:
        write_text(options.table, table + "\n")
    _save(options, drawn)
    say_block(table)


def _evaluated(source: str, options: Any) -> Curve:
    from cdnet.device import choose_device
    from cdnet.evaluate.evaluation import evaluate_model, read_test_pictures
    from cdnet.figures.cmc import curve_of
    from cdnet.progress import shown
    from cdnet.weights import load_model

    model, spec = load_model(source, choose_device(options.device))
    pictures = read_test_pictures(_data(options), spec.size, options.data.cache, shown)
    try:
        return curve_of(source, evaluate_model(model, pictures, spec.mean, spec.std, progress=shown))
    except CdnetError as error:  # which of several networks it is
        raise CdnetError(f"{source}: {error}") from None


def _parser(name: str, description: str) -> Parser:
    made = parser(f"figure {name}", description)
    made.add_argument("--out", type=Path, help="the figure's file; its ending, .png, .svg or .pdf, says the format")
    made.add_argument("--dpi", type=int, default=300, help="dots per inch of a PNG file")
    return made


def _read(made: Parser, words: list[str]) -> Any:
    """Read the command line, and refuse a file that cannot be written before anything is computed."""
    options = made.instantiate(made.read(words))
    if options.out is None:
        raise UsageError("no file for the figure; give one with --out")

    from cdnet.figures.style import check_target
    from cdnet.files import refuse_unwritable

    check_target(options.out, options.dpi)
    refuse_unwritable(options.out)
    return options


def _data(options: Any) -> ReidData:
    root = given_root(options.data.root, "draw the figure from")

    from cdnet.data.layout import read_data

    return read_data(root, options.data.layout, options.data.holdout)


def _labels(names: list[str], labels: list[str]) -> list[str]:
    if labels and len(labels) != len(names):
        raise UsageError(f"--labels has {len(labels)} names for {len(names)} networks")
    return labels or names


def _save(options: Any, drawn: Drawn) -> None:
    from cdnet.figures.style import save

    save(options.out, drawn, options.dpi)
    say(drawn.about, f"figure: {options.out}")

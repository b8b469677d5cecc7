"""``cdnet figure cmc``: draw the CMC curves of several networks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from cdnet.cli.figure_arguments import NETWORK, data_of, figure_parser, labelled, read_options, save
from cdnet.data.recipe import DataRecipe
from cdnet.errors import CdnetError

if TYPE_CHECKING:
    from cdnet.figures.cmc import Curve


def main(words: list[str]) -> None:
    """Draw the CMC curves of several networks."""
    made = figure_parser("cmc", "CMC curves of several networks on one data set.")
    made.add_argument("networks", nargs="+", help=f"each {NETWORK}, or a JSON file of saved figures")
    made.add_argument("--data", type=DataRecipe, default=DataRecipe(), help="pictures to rank, unless all are saved")
    made.add_argument("--ranks", type=int, default=20, help="how far to draw, up to 50")
    made.add_argument("--labels", nargs="+", default=[], help="what to call the networks, by default as their files")
    made.add_argument("--json", type=Path, help="also save the curves to this file, to be drawn again from it")
    made.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    options = read_options(made, words)

    from dataclasses import replace

    from cdnet.figures.cmc import check_curves, draw_cmc, name_of, read_curves, write_curves

    saved = {source: read_curves(Path(source)) for source in options.networks if source.lower().endswith(".json")}
    names = labelled(
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
    save(options, draw_cmc(curves, options.ranks))


def _evaluated(source: str, options: Any) -> Curve:
    from cdnet.device import choose_device
    from cdnet.evaluate.evaluation import evaluate_model, read_test_pictures
    from cdnet.figures.cmc import curve_of
    from cdnet.progress import shown
    from cdnet.weights import load_model

    model, spec = load_model(source, choose_device(options.device))
    pictures = read_test_pictures(data_of(options), spec.size, options.data.cache, shown)
    try:
        return curve_of(source, evaluate_model(model, pictures, spec.mean, spec.std, progress=shown))
    except CdnetError as error:  # which of several networks it is
        raise CdnetError(f"{source}: {error}") from None

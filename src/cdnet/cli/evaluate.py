"""``cdnet evaluate``: rank a gallery for every query."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cdnet.cli.arguments import parser
from cdnet.data.recipe import DataRecipe, given_root
from cdnet.errors import CdnetError
from cdnet.evaluate.part_names import PARTS
from cdnet.runtime.given import Given
from cdnet.runtime.names import AUTO, RUNTIMES
from cdnet.shown_text import say, say_block

if TYPE_CHECKING:
    from cdnet.data.pictures import ReidData
    from cdnet.evaluate.evaluation import Evaluation, TestPictures
    from cdnet.evaluate.options import Options
    from cdnet.runtime.named import NamedNetwork


def main(words: list[str]) -> None:
    """Evaluate weights on a data set and print CMC, mAP and mINP."""
    options = _read(words)
    root = given_root(options.data.root, "evaluate on")

    from cdnet.cli.terminal import note
    from cdnet.data.layout import read_data
    from cdnet.evaluate.ahead import FeaturesAhead
    from cdnet.evaluate.evaluation import rank_with_options, read_test_pictures
    from cdnet.files import refuse_input, refuse_unwritable
    from cdnet.progress import shown
    from cdnet.runtime.named import NamedNetwork
    from cdnet.runtime.network import runs_elsewhere
    from cdnet.weights import find_weights

    asked = _asked(options)
    if options.json is not None:
        ours = not runs_elsewhere(options.weights)
        refuse_input(options.json, [find_weights(options.weights) if ours else Path(options.weights)])
        refuse_unwritable(options.json)
    named = NamedNetwork(options.weights, options.input, options.runtime, options.device, note)
    data = read_data(root, options.data.layout, options.data.holdout)
    if named.trained_on.get("test_pictures_too"):
        note(
            f"{options.weights} was trained on the test pictures of {named.trained_on.get('data', 'its data')} too; on "
            "these pictures its figures say nothing"
        )
    ahead = FeaturesAhead(lambda pixels: named.open(pixels, len(data.query) + len(data.gallery)), asked.flip)
    pictures = read_test_pictures(data, named.size, options.data.cache, shown, ahead.watch)
    for sentence in _remarks(data, pictures):
        note(sentence)
    asked.check(*pictures.labels())
    found = rank_with_options(*ahead.features(pictures, shown), pictures, asked, shown)
    if said := named.as_text():
        note(said)
    _report(found, named, data, options)


def _read(words: list[str]) -> Any:
    """Return what the command line says."""
    made = parser("evaluate", "Rank the gallery for every query by the Market-1501 protocol.")
    made.add_argument(
        "weights", help="a run's folder, a .safetensors file, a shipped network's name, an .onnx file, or an IR's .xml"
    )
    made.add_class_arguments(
        Given, "input", help="what the input of an .onnx or .xml file is to be like, if it does not say so"
    )
    made.add_argument("--data", type=DataRecipe, default=DataRecipe(), help="which pictures")
    made.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    made.add_argument(
        "--runtime",
        choices=(AUTO, *RUNTIMES),
        default=AUTO,
        help="what computes the features of our weights; auto is the fastest one that is installed and agrees",
    )
    made.add_argument("--flip", action="store_true", help="average the features of each picture and its mirror image")
    made.add_argument(
        "--rerank", action="store_true", help="re-rank by k-reciprocal neighbours, which uses all queries together"
    )
    made.add_argument("--rerank-k1", type=int, help="neighbours that may be reciprocal; 20 if not given")
    made.add_argument("--rerank-k2", type=int, help="neighbours that an encoding is averaged over; 6 if not given")
    made.add_argument("--rerank-lambda", type=float, help="share of the original distance; 0.3 if not given")
    made.add_argument(
        "--bootstrap",
        type=int,
        default=0,
        help="print confidence intervals from so many samples of the queries, 100 to 100,000",
    )
    made.add_argument("--seed", type=int, help="of the bootstrap's samples; 0 if not given")
    made.add_argument(
        "--false-match-rate",
        type=float,
        nargs="+",
        default=[],
        help="print the cosine similarity above which so large a share of the pairs of different persons lies",
    )
    made.add_argument(
        "--by",
        choices=PARTS,
        nargs="+",
        default=[],
        help="also print the figures of parts: the queries of each camera, of each camera in the gallery of another, "
        "of each quarter by brightness, or with so many matches",
    )
    made.add_argument("--json", type=Path, help="also write the figures to this file")
    return made.instantiate(made.read(words))


def _remarks(data: ReidData, pictures: TestPictures) -> list[str]:
    """Return what is to be said of the pictures before they are ranked."""
    from cdnet.data.remarks import remarks

    found = [*remarks(data, pictures.splits())]
    if pictures.copied:
        found.append(
            f"{pictures.copied:,} of {len(pictures.query):,} queries have a copy of themselves in the gallery, another "
            "file of the same picture or of one that hardly differs, which counts as a match; the figures are better "
            "than they should be"
        )
    unknown = [sum(picture.camera is None for picture in split.pictures) for split in pictures.splits()]
    if any(unknown):
        query, gallery = (f"{n:,} of {len(split):,}" for n, split in zip(unknown, pictures.splits(), strict=True))
        found.append(
            f"no camera is known of {query} queries and of {gallery} gallery pictures, so that a picture by a query's "
            "own camera may count as its match"
        )
    return found


def _report(found: Evaluation, named: NamedNetwork, data: ReidData, options: Any) -> None:
    """Write the figures to the file that is asked for, and print them."""
    from cdnet.files import write_text

    folder = os.fsencode(data.root.resolve().name).decode("utf-8", "replace")
    if options.json is not None:
        origin = named.origin() | {
            "weights": str(options.weights),
            "trained_on": named.trained_on,
            "data": data.name,
            "folder": folder,
        }
        # Before anything is printed, which a closed pipe may end.
        write_text(options.json, json.dumps(found.to_json() | origin, indent=1, allow_nan=False) + "\n")
    said = named.trained_on.get("data", "pictures that they do not name")
    say(f"weights {options.weights}, trained on {said}; evaluated on {folder} (layout {data.name})")
    say_block(found.as_text())


def _asked(options: Any) -> Options:
    """Return what the command line asks for beyond the plain protocol.

    Raises:
        CdnetError: if a setting is out of range, or says how to do what is not asked for.
    """
    from cdnet.evaluate.options import Options
    from cdnet.evaluate.rerank import Rerank

    given = {"k1": options.rerank_k1, "k2": options.rerank_k2, "weight": options.rerank_lambda}
    settings = {key: value for key, value in given.items() if value is not None}
    if settings and not options.rerank:
        raise CdnetError("--rerank-k1, --rerank-k2 and --rerank-lambda say how to re-rank; add --rerank")
    if options.seed is not None and not options.bootstrap:
        raise CdnetError("--seed is that of the bootstrap's samples; add --bootstrap 1000")
    rerank = Rerank(**settings) if options.rerank else None
    rates = tuple(options.false_match_rate)
    return Options(options.flip, rerank, options.bootstrap, options.seed or 0, rates, tuple(options.by))

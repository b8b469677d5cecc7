"""``cdnet evaluate``: rank a gallery for every query."""

from __future__ import annotations

import json
from pathlib import Path

from cdnet.cli.arguments import parser
from cdnet.data.recipe import DataRecipe
from cdnet.errors import CdnetError


def main(words: list[str]) -> None:
    """Evaluate weights on a data set and print CMC, mAP and mINP."""
    made = parser("evaluate", "Rank the gallery for every query by the Market-1501 protocol.")
    made.add_argument("weights", help="a run's folder, a .safetensors file, or a shipped network's name")
    made.add_argument("--data", type=DataRecipe, default=DataRecipe(), help="which pictures")
    made.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    made.add_argument("--json", type=Path, help="also write the figures to this file")
    options = made.instantiate(made.parse_args(words))
    if options.data.root is None:
        raise CdnetError("no pictures to evaluate on; give their folder with --data.root")

    from cdnet.data.layout import read_data
    from cdnet.device import choose_device
    from cdnet.evaluate.evaluation import evaluate_model, read_test_pictures
    from cdnet.files import write_text
    from cdnet.progress import console, shown
    from cdnet.weights import load_model

    model, spec = load_model(options.weights, choose_device(options.device))
    data = read_data(options.data.root, options.data.layout, options.data.holdout)
    pictures = read_test_pictures(data, spec.size, options.data.cache, shown)
    broken = [*pictures.query.broken, *pictures.gallery.broken]
    if broken:
        console.print(f"{len(broken)} unreadable picture(s) left out; first {broken[0]}")
    metrics = evaluate_model(model, pictures, spec.mean, spec.std, progress=shown)
    print(metrics.as_text())
    if options.json is not None:
        write_text(options.json, json.dumps(metrics.to_json(), indent=1) + "\n")

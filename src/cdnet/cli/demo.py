"""``cdnet demo``: draw pedestrians, train on them, evaluate on others, and write a report."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from cdnet.cli.arguments import parser
from cdnet.cli.train import read_arguments
from cdnet.errors import CdnetError
from cdnet.train.recipe import TrainRecipe

if TYPE_CHECKING:
    from cdnet.evaluate.ranking import Metrics
    from cdnet.report.drawing import Drawing

REPORT = "report.html"


def main(words: list[str]) -> None:
    """Run the demo and say how the four methods did and where the report is."""
    made = parser("demo", "Draw pedestrians, train a small CDNet on them, evaluate it on others, and write a report.")
    made.add_argument("--out", type=Path, default=Path("demo"), help="folder for pictures, run and report")
    made.add_argument("--seed", type=int, default=0, help="decides pictures, first weights and batches")
    made.add_argument("--epochs", type=int, help="to train, by default those of the shipped recipe `demo`")
    options = made.parse_args(words)
    overrides = ["--seed", str(options.seed)]
    if options.epochs is not None:
        overrides += ["--schedule.epochs", str(options.epochs)]
    recipe, _, _ = read_arguments(["--config", "demo", "--out", str(options.out), *overrides])

    from cdnet.report.drawing import Drawing

    run_demo(options.out, recipe, Drawing(seed=options.seed))


def run_demo(out: Path, recipe: TrainRecipe, drawing: Drawing) -> None:
    """Draw, train, evaluate and report, using again what an earlier demo in the same folder has finished.

    Args:
        out: folder that gets ``pictures/``, ``cache/``, ``run/`` and ``report.html``. Pictures or runs of other
            settings that it holds are left alone; the new ones then go to ``pictures-2/``, ``run-2/`` and so on.
        recipe: of the training; its ``data`` are replaced by the drawn ones.
        drawing: what to draw.

    Raises:
        CdnetError: if the settings make no sense, or the folder cannot be written.
        KeyboardInterrupt: if Ctrl-C or a termination signal came; the same demo goes on where it was.
    """
    from cdnet.cli.info import count_network
    from cdnet.progress import console
    from cdnet.report.drawing import drawn_pictures
    from cdnet.report.gather import evaluate_methods, gather_report
    from cdnet.report.page import write_report
    from cdnet.train.loop import StoppedError
    from cdnet.train.recipe import check_recipe
    from cdnet.train.run import train

    started = time.perf_counter()
    if out.exists() and not out.is_dir():
        raise CdnetError(f"{out} is a file; choose a folder for --out")
    check_recipe(recipe)
    pictures, drawing_seconds = drawn_pictures(out, drawing)
    recipe.data.root, recipe.data.layout, recipe.data.cache = pictures, "market1501", out / "cache"
    run, resume = run_folder(out, recipe)
    console.print(f"training {recipe.schedule.epochs} epochs, in {run}")
    try:
        train(recipe, run, resume)
    except StoppedError as stopped:
        where = str(stopped).partition(";")[0]
        raise KeyboardInterrupt(f"{where}; the same command goes on from there") from None
    console.print("evaluating")
    evaluation_started = time.perf_counter()
    evaluated = evaluate_methods(recipe, run)
    seconds = {"drawing": drawing_seconds, "evaluation": time.perf_counter() - evaluation_started}
    path = out / REPORT
    network = count_network(recipe.genotype, recipe.width, recipe.size)
    write_report(path, gather_report(recipe, run, evaluated, network, seconds))
    print(as_table(evaluated.methods))
    print(f"report: {path}\ntime: {time.perf_counter() - started:.0f} s")


def run_folder(out: Path, recipe: TrainRecipe) -> tuple[Path, bool]:
    """Return the folder of the run, and whether there is a run by this recipe in it to go on with."""
    from cdnet.report.drawing import numbered

    folder = numbered(out / "run", lambda found: _holds_run(found, recipe))
    return folder, _holds_run(folder, recipe)


def _holds_run(folder: Path, recipe: TrainRecipe) -> bool:
    import yaml

    from cdnet.train.folder import RECIPE, open_folder

    try:
        open_folder(folder, recipe, resume=True)
    except CdnetError:
        return False
    # Where the pictures are may differ, after the demo's folder was moved; which of its drawings it is may not.
    kept = yaml.safe_load((folder / RECIPE).read_text("utf-8"))["data"]["root"]
    return recipe.data.root is not None and Path(kept).name == recipe.data.root.name


def as_table(methods: Mapping[str, Metrics]) -> str:
    """Return the figures of each method, in per cent, as an aligned table."""
    width = max(map(len, methods))
    lines = [f"{'':{width}}{'rank-1':>9}{'rank-5':>9}{'mAP':>9}{'mINP':>9}"]
    for name, metrics in methods.items():
        shares = (metrics.rank1, metrics.rank5, metrics.mAP, metrics.mINP)
        lines.append(f"{name:{width}}" + "".join(f"{100 * share:9.1f}" for share in shares))
    return "\n".join(lines)

"""``cdnet bench export``: what each form of a network costs."""

from __future__ import annotations

import time
from pathlib import Path

from cdnet.cli.arguments import UsageError, parser
from cdnet.data.recipe import DataRecipe
from cdnet.shown_text import say


def export(words: list[str]) -> None:
    """Measure every form that `cdnet export` writes: mAP, milliseconds, bytes."""
    made = parser("bench export", "Measure every form that `cdnet export` writes; what is in the table is kept.")
    made.add_argument("weights", nargs="*", help="runs, .safetensors files or names; the shipped networks if not given")
    made.add_argument("--data", type=DataRecipe, default=DataRecipe(), help="pictures to rank, for mAP")
    made.add_argument("--calibrate", type=Path, help="folder of pictures for 8 bits")
    made.add_argument("--out", type=Path, help="the table, a .csv file; written after each row")
    made.add_argument(
        "--measure",
        nargs="+",
        choices=("mAP", "times"),
        default=["mAP", "times"],
        help="both, or one of them; times want a machine where nothing else works",
    )
    made.add_argument("--for", dest="targets", nargs="+", help="programs, as of `cdnet export --for`; all if not given")
    made.add_argument("--minutes", type=float, default=7, help="begin no row after so long; call again to go on")
    options = made.instantiate(made.read(words))
    if options.out is None or options.calibrate is None:
        raise UsageError("`cdnet bench export` needs --out and --calibrate", made.prog)
    if ("mAP" in options.measure) != (options.data.root is not None):
        raise UsageError("mAP is measured on pictures, and nothing else is: give --data.root with it alone", made.prog)
    if not 0 < options.minutes <= 10_000:
        raise UsageError("--minutes is a number above 0", made.prog)

    from cdnet.bench.export import KEY, bench_export, form_key, forms, lacks, read_rows, refuse_lacking
    from cdnet.data.layout import read_data
    from cdnet.evaluate.evaluation import read_test_pictures
    from cdnet.export.making import Source
    from cdnet.export.precision import read_calibration
    from cdnet.export.targets import TARGETS, find_target
    from cdnet.files import refuse_unwritable
    from cdnet.progress import shown
    from cdnet.weights import shipped_weights

    targets = [find_target(target).name for target in options.targets or TARGETS]
    deadline = time.monotonic() + 60 * options.minutes
    refuse_lacking()
    refuse_unwritable(options.out)
    read_rows(options.out)
    root = options.data.root
    data = None if root is None else read_data(root, options.data.layout, options.data.holdout)
    names = options.weights or shipped_weights()
    for name in names:
        source = Source(Path(name))
        source.calibration = read_calibration(options.calibrate, source.spec.size)
        pictures = None if data is None else read_test_pictures(data, source.spec.size, options.data.cache, shown)
        called = "" if data is None else data.name
        how = (options.out, deadline, options.measure, targets, shown)
        for row in bench_export(name, source, pictures, called, *how):
            say(f"{name} for {row['for']}, {row['format']} {row['precision']}: {row['note'] or _figures(row)}")
    every = {form_key(name, form) for name in names for form in forms(targets)}
    rows = [row for row in read_rows(options.out) if not any(lacks(row, measure) for measure in options.measure)]
    left = len(every - {tuple(row[field] for field in KEY) for row in rows})
    say(f"{options.out}: {left} row(s) are left; call it again" if left else f"{options.out}: all rows are there")


def _figures(row: dict[str, str]) -> str:
    said = [f"mAP {100 * float(row['mAP']):.2f}"] if row["mAP"] else []
    said += [f"{row[key]} ms a picture, {key[3:]} at once" for key in row if key.startswith("ms_") and row[key]]
    return ", ".join([*said, f"{int(row['bytes']):,} bytes"])

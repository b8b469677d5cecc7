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
    made.add_argument("--data", type=DataRecipe, default=DataRecipe(), help="pictures to rank")
    made.add_argument("--calibrate", type=Path, help="folder of pictures for 8 bits")
    made.add_argument("--out", type=Path, help="the table, a .csv file; written after each row")
    made.add_argument("--minutes", type=float, default=7, help="begin no row after so long; call again to go on")
    options = made.instantiate(made.read(words))
    if options.out is None or options.data.root is None or options.calibrate is None:
        raise UsageError("`cdnet bench export` needs --out, --data.root and --calibrate", made.prog)
    if not 0 < options.minutes <= 10_000:
        raise UsageError("--minutes is a number above 0", made.prog)

    from cdnet.bench.export import bench_export, forms, read_rows
    from cdnet.data.layout import read_data
    from cdnet.evaluate.evaluation import evaluate_model, read_test_pictures
    from cdnet.export.making import Source
    from cdnet.export.precision import read_calibration
    from cdnet.files import refuse_unwritable
    from cdnet.progress import shown
    from cdnet.weights import shipped_weights

    deadline = time.monotonic() + 60 * options.minutes
    refuse_unwritable(options.out)
    read_rows(options.out)
    data = read_data(options.data.root, options.data.layout, options.data.holdout)
    names = options.weights or shipped_weights()
    for name in names:
        source = Source(Path(name))
        source.calibration = read_calibration(options.calibrate, source.spec.size)
        pictures = read_test_pictures(data, source.spec.size, options.data.cache, shown)
        reached = evaluate_model(source.model, pictures, source.spec.mean, source.spec.std, shown).mAP
        for row in bench_export(name, source, pictures, data.name, reached, options.out, deadline, shown):
            say(f"{name} for {row['for']}, {row['format']} {row['precision']}: {row['note'] or _figures(row)}")
    left = len(names) * len(forms()) - len([row for row in read_rows(options.out) if row["network"] in names])
    say(f"{options.out}: {left} row(s) are left; call it again" if left else f"{options.out}: all rows are there")


def _figures(row: dict[str, str]) -> str:
    times = ", ".join(f"{row[key]} ms at {key[3:]} at once" for key in row if key.startswith("ms_") and row[key])
    return f"mAP {100 * float(row['mAP']):.2f}, {times}, {int(row['bytes']):,} bytes"

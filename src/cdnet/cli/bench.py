"""``cdnet bench``: measurements side by side."""

from __future__ import annotations

import json
import time
from pathlib import Path

from cdnet.cli.arguments import UsageError, choose, parser
from cdnet.data.recipe import DataRecipe
from cdnet.shown_text import say

MOST_BATCH, MOST_ROUNDS = 4096, 10_000


def main(words: list[str]) -> None:
    """Run ``search`` or ``export``."""
    actions = {"search": search, "export": export}
    if words[:1] in (["-h"], ["--help"]):
        say("usage: cdnet bench search|export [options]", "", "`cdnet bench search --help` explains it.")
        return
    actions[choose("bench", words, actions)](words[1:])


def search(words: list[str]) -> None:
    """Compare a step of the search by top-k with one of all branches."""
    made = parser("bench search", "Compare a step of the search by top-k with one of all branches.")
    made.add_argument("--sizes", nargs="+", default=["128x64", "256x128"], help="heights x widths of the pictures")
    made.add_argument("--batch", type=int, default=8, help="pictures a step")
    made.add_argument("--width", type=float, default=1.0, help="width multiplier beta")
    made.add_argument("--rounds", type=int, default=9, help="timed rounds, in turns")
    made.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    made.add_argument("--json", type=Path, help="also write the rows to this file")
    options = made.read(words)
    if not (4 <= options.batch <= MOST_BATCH and 3 <= options.rounds <= MOST_ROUNDS):
        raise UsageError(f"a batch of 4 to {MOST_BATCH:,} and 3 to {MOST_ROUNDS:,} rounds are possible")

    from cdnet.bench.search import bench_search
    from cdnet.device import choose_device
    from cdnet.files import refuse_unwritable, write_text
    from cdnet.model_input import parse_size
    from cdnet.nn.model import check_width

    sizes = [parse_size(size) for size in options.sizes]
    check_width(options.width)
    device = choose_device(options.device).type
    if options.json is not None:
        refuse_unwritable(options.json)
    rows = bench_search(sizes, options.batch, options.width, options.rounds, device)
    for row in rows:
        spread = f" ({row['low']:.2f} to {row['high']:.2f})" if "low" in row else ""
        say(
            f"{row['what']}, {row['config']}: {row['ours']:.2f} against {row['peer']:.2f} {row['unit']}, "
            f"{row['ratio']:.2f} times{spread}"
        )
    if options.json is not None:
        write_text(options.json, json.dumps(rows, indent=1) + "\n")


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

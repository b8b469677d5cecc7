"""``cdnet bench``: measurements side by side."""

from __future__ import annotations

import json
from pathlib import Path

from cdnet.cli.arguments import UsageError, choose, parser
from cdnet.data.recipe import DataRecipe
from cdnet.shown_text import say

MOST_BATCH, MOST_ROUNDS = 4096, 10_000


def main(words: list[str]) -> None:
    """Run ``search`` or ``gallery``."""
    actions = {"search": search, "gallery": gallery}
    if words[:1] in (["-h"], ["--help"]):
        say(
            "usage: cdnet bench search | gallery [options]",
            "",
            "  search   a step of the search by top-k against one of all branches",
            "  gallery  a gallery's searches, exact, by its index and by faiss; or rank-1 and mAP through it",
            "",
            "`cdnet bench search --help` and so on explain each.",
        )
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
    from cdnet.data.recipe import parse_size
    from cdnet.device import choose_device
    from cdnet.files import refuse_unwritable, write_text
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


def gallery(words: list[str]) -> None:
    """Measure a gallery of synthetic features, or one of a data set's pictures."""
    made = parser("bench gallery", "Measure a gallery of clustered synthetic features, or of a data set.")
    made.add_argument("--out", type=Path, required=True, help="folder of the gallery and the figures; goes on there")
    made.add_argument("--sizes", type=int, nargs="+", default=[16_000, 100_000], help="entries, growing")
    made.add_argument("--dimensions", type=int, default=384, help="numbers of a synthetic feature")
    made.add_argument("--months", type=int, default=10, help="months that the entries are spread over, 1 to 12")
    made.add_argument("--queries", type=int, default=200, help="searches to time")
    made.add_argument("--seed", type=int, default=0)
    made.add_argument("--data", type=DataRecipe, default=DataRecipe(), help="or: rank-1 and mAP of its test pictures")
    made.add_argument("--weights", default="cdnet-x0.25-market1501", help="whose features, with --data.root")
    options = made.instantiate(made.read(words))
    if not (1 <= options.months <= 12 and 10 <= options.queries <= 10_000 and 8 <= options.dimensions <= 2_000):
        raise UsageError("1 to 12 months, 10 to 10,000 queries and 8 to 2,000 dimensions are possible")

    from cdnet.gallery import GalleryNetwork, create_gallery, open_gallery
    from cdnet.progress import shown, telling
    from cdnet.runtime.given import Given
    from cdnet.runtime.network import open_network
    from cdnet.runtime.preprocessing import Preprocessing

    place = options.out / "gallery"
    if options.data.root is None:
        network, described = None, GalleryNetwork("synthetic", "0" * 64, Preprocessing((128, 64)), options.dimensions)
    else:
        network = open_network(options.weights, Given())
        described = GalleryNetwork.of(options.weights, network)
    opened = open_gallery(place) if place.exists() else create_gallery(place, described)
    with opened, telling() as tell:
        if network is None:
            from cdnet.bench.gallery import bench_gallery

            path = options.out / "bench-gallery.json"
            sizes, months = options.sizes, options.months
            for row in bench_gallery(opened, sizes, months, options.queries, options.seed, path, tell):
                say(json.dumps(row))
            return
        from cdnet.bench.through_gallery import through_gallery
        from cdnet.data.layout import read_data
        from cdnet.files import write_text

        data = read_data(options.data.root, options.data.layout, options.data.holdout)
        found = through_gallery(opened, network, data, options.data.cache, shown, tell)
        write_text(options.out / "through-gallery.json", json.dumps(found, indent=1) + "\n")
        say(json.dumps(found))

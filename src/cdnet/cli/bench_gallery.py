"""``cdnet bench gallery``: searches of a gallery, and rank-1 and mAP through one."""

from __future__ import annotations

import json
from pathlib import Path

from cdnet.cli.arguments import UsageError, parser
from cdnet.data.recipe import DataRecipe
from cdnet.shown_text import say


def gallery(words: list[str]) -> None:
    """Measure a gallery of synthetic features, or one of a data set's pictures."""
    made = parser("bench gallery", "Measure a gallery of clustered synthetic features, or of a data set.")
    made.add_argument("--out", type=Path, required=True, help="folder of the gallery and the figures; goes on there")
    made.add_argument("--sizes", type=int, nargs="+", default=[16_000, 100_000], help="entries, growing")
    made.add_argument("--dimensions", type=int, default=384, help="numbers of a synthetic feature")
    made.add_argument("--months", type=int, default=10, help="months that the entries are spread over, 1 to 12")
    made.add_argument("--queries", type=int, default=200, help="searches to time")
    made.add_argument("--seed", type=int, default=0)
    made.add_argument("--minutes", type=float, help="after which it stops; it goes on there")
    made.add_argument("--data", type=DataRecipe, default=DataRecipe(), help="or: rank-1 and mAP of its test pictures")
    made.add_argument("--weights", default="cdnet-x0.25-market1501", help="whose features, with --data.root")
    options = made.instantiate(made.read(words))
    if not (1 <= options.months <= 12 and 10 <= options.queries <= 10_000 and 8 <= options.dimensions <= 2_000):
        raise UsageError("1 to 12 months, 10 to 10,000 queries and 8 to 2,000 dimensions are possible")

    if options.minutes is not None and (not options.minutes > 0 or options.data.root is not None):
        raise UsageError("--minutes is above 0, and for synthetic features")

    from cdnet.cli.terminal import telling
    from cdnet.gallery import GalleryNetwork, create_gallery, open_gallery
    from cdnet.progress import shown
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
            for row in bench_gallery(opened, sizes, months, options.queries, options.seed, path, tell, options.minutes):
                say(json.dumps(row))
            return
        from cdnet.bench.through_gallery import through_gallery
        from cdnet.data.layout import read_data
        from cdnet.files import write_text

        data = read_data(options.data.root, options.data.layout, options.data.holdout)
        found = through_gallery(opened, network, data, options.data.cache, shown, tell)
        write_text(options.out / "through-gallery.json", json.dumps(found, indent=1) + "\n")
        say(json.dumps(found))

"""``cdnet bench serve``: a served gallery under the load of many clients."""

from __future__ import annotations

import json
from pathlib import Path

from cdnet.cli.arguments import UsageError, parser
from cdnet.errors import CdnetError
from cdnet.shown_text import say


def serve(words: list[str]) -> None:
    """Let many clients search at once."""
    made = parser("bench serve", "Let many clients search a gallery at once, and fill the queue of its server.")
    made.add_argument("--gallery", required=True, help="folder of the gallery, or postgresql://... of its database")
    made.add_argument("--pictures", type=Path, required=True, help="folder of the pictures that are searched for")
    made.add_argument("--out", type=Path, required=True, help="folder for the figures")
    made.add_argument("--clients", type=int, default=50, help="clients at once")
    made.add_argument("--seconds", type=float, default=60, help="for how long")
    made.add_argument("--weights", help="where the gallery's network is now, if it has moved")
    options = made.instantiate(made.read(words))
    if not (1 <= options.clients <= 500 and 0 < options.seconds <= 3600):
        raise UsageError("1 to 500 clients are possible, and up to an hour")

    from cdnet.bench.serving import bench_serving
    from cdnet.data.files_below import files_below
    from cdnet.files import make_folder, saying_what_failed, write_text
    from cdnet.progress import telling

    if not options.pictures.is_dir():
        raise CdnetError(f"{options.pictures}: no such folder")
    with saying_what_failed(options.pictures):
        pictures = [path.read_bytes() for path in files_below(options.pictures).pictures[:200]]
    if not pictures:
        raise CdnetError(f"{options.pictures}: no pictures there")
    with saying_what_failed(options.out):
        make_folder(options.out)
    given = [] if options.weights is None else ["--weights", options.weights]
    with telling() as tell:
        found = bench_serving(options.gallery, pictures, options.clients, options.seconds, given, progress=tell)
    write_text(options.out / "bench-serve.json", json.dumps(found, indent=1) + "\n")
    say(json.dumps(found))

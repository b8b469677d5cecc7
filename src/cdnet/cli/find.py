"""``cdnet find``: pictures that are most like a picture."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cdnet.cli.arguments import UsageError, parser
from cdnet.errors import CdnetError
from cdnet.runtime.given import Given
from cdnet.shown_text import csv_cell, say

if TYPE_CHECKING:
    from cdnet.extract.extractor import FeatureExtractor

MOST = 1_000


def main(words: list[str]) -> None:
    """Rank a gallery for each query; nobody needs to be known."""
    made = parser("find", "Rank a gallery's pictures by how like they are to each query; no identities are wanted.")
    made.add_argument("weights", help="as `cdnet evaluate` takes them")
    made.add_argument("--query", type=Path, nargs="+", required=True, help="picture files")
    made.add_argument(
        "--gallery",
        type=Path,
        required=True,
        help="a folder, a CSV table with a column path, or a file of `cdnet extract`",
    )
    made.add_class_arguments(Given, "input", help="what the input of an .onnx or .xml file is to be like")
    made.add_argument("-k", "--k", type=int, default=10, help="how many for each query")
    made.add_argument("--csv", type=Path, help="also write them to this file")
    made.add_argument("--figure", type=Path, help="also draw them, as .png, .svg or .pdf; not of a file of features")
    options = made.instantiate(made.read(words))
    if not 1 <= options.k <= MOST:
        raise UsageError(f"-k is from 1 to {MOST:,}, not {options.k}", made.prog)

    from cdnet.extract.extractor import FeatureExtractor
    from cdnet.extract.features_file import ENDINGS, FeaturesFile, read_features
    from cdnet.extract.listing import list_pictures
    from cdnet.extract.nearest import nearest
    from cdnet.files import refuse_unwritable, write_text

    kept = options.gallery.suffix.lower() in ENDINGS and not options.gallery.is_dir()
    _check_figure(options, kept)
    if options.csv is not None:
        refuse_unwritable(options.csv)
    given = options.input
    extractor = FeatureExtractor(
        options.weights, size=given.size, channels=given.channels, range=given.range, mean=given.mean, std=given.std
    )
    wanted = extractor(options.query)
    if kept:
        gallery, paths = read_features(options.gallery), []
        if gallery.about.get("network") != extractor.digest:
            raise CdnetError(
                f"{options.gallery} has features of another network than {options.weights}; they cannot be compared"
            )
    else:
        listing = list_pictures(options.gallery)
        readable, features = _of_gallery(extractor, listing.paths)
        gallery = FeaturesFile([listing.names[number] for number in readable], features, {})
        paths = [listing.paths[number] for number in readable]
    found = nearest(wanted, gallery.features, options.k)
    if options.csv is not None:
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(("query", "rank", "similarity", "name"))
        for query, row in zip(options.query, found, strict=True):
            for rank, one in enumerate(row, start=1):
                cells = (str(query), rank, f"{one.similarity:.6f}", gallery.names[one.number])
                writer.writerow([csv_cell(cell) for cell in cells])
        write_text(options.csv, text.getvalue())
    if options.figure is not None:
        _draw(options, found, paths, extractor)
    for query, row in zip(options.query, found, strict=True):
        say(str(query))
        say(
            *(f"  {rank:3}  {one.similarity:.4f}  {gallery.names[one.number]}" for rank, one in enumerate(row, start=1))
        )


def _check_figure(options: Any, kept: bool) -> None:
    if options.figure is None:
        return
    from cdnet.figures.neighbours import MOST_PLACES, MOST_QUERIES
    from cdnet.figures.style import check_target

    check_target(options.figure)
    if kept:
        raise CdnetError("a file of features has no pictures to draw; give their folder or table as --gallery")
    if len(options.query) > MOST_QUERIES or options.k > MOST_PLACES:
        raise CdnetError(f"a figure has up to {MOST_QUERIES} queries and -k {MOST_PLACES}; ask for fewer")


def _of_gallery(extractor: FeatureExtractor, paths: list[Path]) -> tuple[list[int], Any]:
    """Return the numbers of the pictures that can be read, and their features; the others are told."""
    import numpy as np

    from cdnet.data.decode import BrokenPictureError, Pixels, read_pixels, resize
    from cdnet.progress import shown

    size, step = extractor.preprocessing.size, extractor.network.batch
    numbers: list[int] = []
    rows: list[Any] = []
    starts = range(0, len(paths), step)
    for start in shown(starts, "reading the gallery", len(starts)):
        pixels: list[Pixels] = []
        for number in range(start, min(start + step, len(paths))):
            try:
                pixels.append(resize(read_pixels(paths[number]), *size))
                numbers.append(number)
            except BrokenPictureError as error:
                say(f"left out: {error}")
        if pixels:
            rows.append(extractor.of_pixels(np.stack(pixels)))
    if not rows:
        raise CdnetError("no picture of the gallery could be read")
    return numbers, np.concatenate(rows)


def _draw(options: Any, found: Any, paths: list[Path], extractor: FeatureExtractor) -> None:
    from cdnet.data.decode import read_pixels, resize
    from cdnet.figures.neighbours import draw_neighbours
    from cdnet.figures.style import save

    size = extractor.preprocessing.size
    queries = [resize(read_pixels(query), *size) for query in options.query]
    pictures = [[(resize(read_pixels(paths[one.number]), *size), one.similarity) for one in row] for row in found]
    save(options.figure, draw_neighbours(queries, pictures))

"""``cdnet find``: the pictures of a gallery that are nearest to some."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING

from cdnet.cli.arguments import UsageError, parser
from cdnet.runtime.given import Given
from cdnet.runtime.names import AUTO, RUNTIMES
from cdnet.shown_text import csv_cell, say

if TYPE_CHECKING:
    from cdnet.extract.neighbours import Found

DESCRIPTION = """\
Rank a gallery for each query by the cosine of their features. The gallery is a folder or a CSV file of pictures, or
what `cdnet extract` wrote with the same network. Identities are not wanted."""


def main(words: list[str]) -> None:
    """Find the nearest pictures and print them; write them as CSV and as a picture if asked to."""
    made = parser("find", DESCRIPTION)
    made.add_argument(
        "weights", help="a run's folder, a .safetensors file, a shipped network's name, an .onnx file, or an IR's .xml"
    )
    made.add_argument("--query", type=Path, nargs="+", default=[], help="picture files to find others like")
    made.add_argument("--gallery", type=Path, help="a folder, a CSV file, or a file of features (.parquet or .npz)")
    made.add_argument("-k", "--k", type=int, default=10, help="pictures to find for each query, up to 1,000")
    made.add_argument("--csv", type=Path, help="also write them to this CSV file")
    made.add_argument("--figure", type=Path, help="also draw them: a .png, .svg or .pdf, up to 20 queries and places")
    made.add_class_arguments(Given, "input", help="what the input of an .onnx or .xml file is to be like")
    made.add_argument("--runtime", choices=(AUTO, *RUNTIMES), default=AUTO, help="what computes; auto is PyTorch")
    made.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    options = made.instantiate(made.read(words))
    if not options.query:
        raise UsageError("nothing to look for; give pictures with --query", made.prog)
    if options.gallery is None:
        raise UsageError("nothing to look among; give a folder or a file with --gallery", made.prog)

    from cdnet.cli.terminal import note
    from cdnet.extract.extractor import FeatureExtractor
    from cdnet.extract.neighbours import find
    from cdnet.files import refuse_input, refuse_unwritable, write_text

    if options.csv is not None and options.csv == options.figure:
        raise UsageError("--csv and --figure are two files; name each its own", made.prog)
    if options.figure is not None:
        from cdnet.figures.ranked import check_lists
        from cdnet.figures.style import check_target

        check_target(options.figure)
        check_lists(len(options.query), options.k)
    weights = [file] if (file := Path(options.weights)).is_file() else []
    for path in (options.csv, options.figure):
        if path is not None:
            refuse_input(path, [*weights, options.gallery, *options.query])
            refuse_unwritable(path)
    extractor = FeatureExtractor.by_options(options.weights, options.input, options.runtime, options.device)
    found = find(extractor, options.query, options.gallery, options.k)
    for remark in found.remarks:
        note(remark)
    if options.csv is not None:
        write_text(options.csv, _as_csv(options.query, found))
    if options.figure is not None:
        _draw(options.figure, options.query, found)
    _say(options.query, found)


def _say(queries: list[Path], found: Found) -> None:
    for query, neighbours in zip(queries, found.lists, strict=True):
        say(f"{query}: the nearest of {found.count:,} pictures")
        say(*(f"{rank:5}  {one.similarity:7.4f}  {one.shown}" for rank, one in enumerate(neighbours, start=1)))


def _as_csv(queries: list[Path], found: Found) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["query", "rank", "similarity", "path"])
    for query, neighbours in zip(queries, found.lists, strict=True):
        name = csv_cell(str(query).encode("utf-8", "backslashreplace").decode())
        for rank, one in enumerate(neighbours, start=1):
            shown = csv_cell(one.shown.encode("utf-8", "backslashreplace").decode())
            writer.writerow([name, rank, f"{one.similarity:.6f}", shown])
    return text.getvalue()


def _draw(path: Path, queries: list[Path], found: Found) -> None:
    from cdnet.figures.neighbours import draw_neighbours
    from cdnet.figures.pictures import read_pictures
    from cdnet.figures.style import save

    size = (256, 128)
    shown = [(str(query), read_pictures([query], size)[0]) for query in queries]
    lists = [[(one.shown, one.similarity, read_pictures([one.file], size)[0]) for one in each] for each in found.lists]
    save(path, draw_neighbours(shown, lists))

"""``cdnet extract``: pictures in, a file of features out."""

from __future__ import annotations

from pathlib import Path

from cdnet.cli.arguments import UsageError, parser
from cdnet.runtime.given import Given
from cdnet.runtime.names import AUTO, RUNTIMES
from cdnet.shown_text import say

SHOWN = 10


def main(words: list[str]) -> None:
    """Extract features, or join files of them."""
    made = parser("extract", "Write pictures' features into a file; the same command goes on where it was stopped.")
    made.add_argument(
        "pictures",
        type=Path,
        nargs="+",
        help="a folder, or a CSV table with a column path; with --join, files of features",
    )
    made.add_argument("--weights", help="as `cdnet evaluate` takes them")
    made.add_class_arguments(Given, "input", help="what the input of an .onnx or .xml file is to be like")
    made.add_argument("--out", type=Path, required=True, help="a .npz or .parquet file")
    made.add_argument("--runtime", choices=(AUTO, *RUNTIMES), default=AUTO, help="what computes; auto is PyTorch")
    made.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    made.add_argument("--batch", type=int, default=32, help="pictures at once")
    made.add_argument("--shard", help="only the I-th of N parts, as I/N, for a scheduler's workers")
    made.add_argument("--join", action="store_true", help="write the features of several files into one")
    options = made.instantiate(made.read(words))
    if options.join == (options.weights is not None):
        raise UsageError("give --weights to extract features, or --join to put files of them together", made.prog)
    number, of = _shard(options.shard, made.prog)

    if options.join:
        from cdnet.extract.extraction import join

        say(f"{join(options.pictures, options.out):,} features in {options.out}")
        return
    if len(options.pictures) > 1:
        raise UsageError("extract from one folder or table at a time, and --join the files", made.prog)

    from cdnet.extract.extraction import extract_to_file
    from cdnet.extract.extractor import FeatureExtractor
    from cdnet.extract.features_file import check_ending
    from cdnet.extract.listing import list_pictures
    from cdnet.progress import shown

    check_ending(options.out)
    listing = list_pictures(options.pictures[0]).shard(number, of)
    if not listing.names:
        say(f"shard {number} of {of} has no pictures; no file is written")
        return
    given = options.input
    extractor = FeatureExtractor(
        options.weights,
        options.runtime,
        device=options.device,
        batch=options.batch,
        size=given.size,
        channels=given.channels,
        range=given.range,
        mean=given.mean,
        std=given.std,
    )
    _say_some(listing.others, "file(s) passed over, for they are no pictures")
    done = extract_to_file(extractor, listing, options.out, shown)
    _say_some(done.unreadable, f"picture(s) could not be read, all in {options.out}.unreadable.txt")
    say(f"{done.count:,} features of {extractor.dimension} numbers in {options.out}")


def _shard(text: str | None, command: str) -> tuple[int, int]:
    if text is None:
        return 1, 1
    number, slash, of = text.partition("/")
    short = number.isascii() and of.isascii() and number.isdigit() and of.isdigit() and len(text) <= 20
    if not (slash and short and 1 <= int(number) <= int(of)):
        raise UsageError(f"--shard is I/N with I from 1 to N, such as 3/8, not {text[:30]!r}", command)
    return int(number), int(of)


def _say_some(lines: list[str], what: str) -> None:
    if lines:
        more = f" and {len(lines) - SHOWN:,} more" if len(lines) > SHOWN else ""
        say(f"{len(lines):,} {what}:", *(f"  {line}" for line in lines[:SHOWN]), *([more] if more else []))

"""``cdnet gallery``: what keeps a gallery right: removing, measuring, calibrating, and moving."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

from cdnet.cli.gallery_arguments import (
    add_filters,
    age_of,
    filters_of,
    gallery_parser,
    note_untimed,
    opened,
    read_options,
)
from cdnet.data.recipe import DataRecipe
from cdnet.errors import CdnetError
from cdnet.shown_text import say, say_block

if TYPE_CHECKING:
    from cdnet.gallery import Gallery


def remove(words: list[str]) -> None:
    """Remove entries for good."""
    made = gallery_parser("remove")
    made.add_argument("--entry", type=int, nargs="+", help="numbers of entries")
    made.add_argument("--digest", nargs="+", help="SHA-256 of pictures")
    add_filters(made)
    made.add_argument("--older-than", help="taken, or else added, so long ago: 30d, 12h, 2w")
    made.add_argument(
        "--clock-is-right", action="store_true", help="remove by age though the clock seems to have jumped"
    )
    made.add_argument("--dry-run", action="store_true", help="only say how many they are")
    made.add_argument("--compact", action="store_true", help="give the space back to the disk at once")
    made.add_argument("--json", action="store_true", help="print what was removed as JSON")
    options = read_options(made, words)
    digests = None if options.digest is None else [_digest(text) for text in options.digest]
    filters = filters_of(options)
    age = None if options.older_than is None else age_of(options.older_than)
    with opened(options) as gallery:
        found = gallery.remove(
            options.entry,
            digests=digests,
            **filters,
            older_than=age,
            clock_is_right=options.clock_is_right,
            dry_run=options.dry_run,
        )
        note_untimed(gallery, filters)
        freed = found.bytes_before - found.bytes_after
        if options.compact and not options.dry_run:
            freed += gallery.compact()
    if options.json:
        say_block(json.dumps(found.to_json() | {"dry_run": options.dry_run, "bytes_freed": freed}, indent=1))
    elif options.dry_run:
        say(f"{found.entries:,} entries would be removed")
    else:
        months = f", {found.months} whole months of them" if found.months else ""
        say(f"{found.entries:,} entries removed{months}; {max(freed, 0) / 2**20:,.1f} MiB are free on the disk again")
        if found.entries and not options.compact:
            say("the space of other entries is used for new ones; --compact gives it back, or the end of their month")


def _digest(text: str) -> bytes:
    if re.fullmatch("[0-9a-fA-F]{64}", text) is None:
        raise CdnetError(f"{text!r} is no SHA-256, which has 64 hexadecimal digits")
    return bytes.fromhex(text)


def stats(words: list[str]) -> None:
    """Say what is in a gallery."""
    made = gallery_parser("stats")
    made.add_argument("--recall", action="store_true", help="also measure the index against exact search")
    made.add_argument("--json", action="store_true", help="print an object")
    options = read_options(made, words)
    with opened(options) as gallery:
        found = gallery.stats(measure_recall=options.recall)
    say_block(json.dumps(found.to_json(), indent=1) if options.json else found.as_text())


def calibrate(words: list[str]) -> None:
    """Find and keep a threshold."""
    made = gallery_parser("calibrate")
    made.add_argument("--false-match-rate", type=float, default=1e-3, help="wanted share of other people's pairs")
    made.add_argument("--data", type=DataRecipe, default=DataRecipe(), help="labelled pictures; else its own entries")
    made.add_argument("--weights", help="where the gallery's network is now, if it has moved")
    made.add_argument("--json", action="store_true", help="print what was measured as JSON")
    options = made.instantiate(read_options(made, words))

    from cdnet.data.layout import read_data
    from cdnet.gallery.calibrating import on_data, on_own
    from cdnet.progress import shown

    with opened(options) as gallery:
        if options.data.root is None:
            found = on_own(gallery, options.false_match_rate)
        else:
            data = read_data(options.data.root, options.data.layout, options.data.holdout)
            network = gallery.network.open(options.weights)
            found = on_data(data, network, options.false_match_rate, options.data.cache, shown)
        gallery.calibrate(found.to_json())
    if options.json:
        say_block(json.dumps(found.to_json(), indent=1))
    else:
        say(found.threshold.as_text(), "kept, measured on " + ", ".join(f"{key} {on}" for key, on in found.on.items()))


def build_index(words: list[str]) -> None:
    """Make the index that is due."""
    made = gallery_parser("index")
    made.add_argument("--recall", type=float, default=0.99, help="share of the ten nearest that it is to find")
    options = read_options(made, words)
    with opened(options) as gallery:
        show_index(gallery, options.recall)


def show_index(gallery: Gallery, recall: float | None = None) -> None:
    """Make the index that is due, show how far it is, and say how it is used."""
    from cdnet.cli.terminal import telling
    from cdnet.gallery.indexing import RECALL

    with telling() as tell:
        state = gallery.build_index(RECALL if recall is None else recall, tell)
    if state.used:
        say(f"searched by index, recall {state.recall:.4f} at ef {state.ef}, measured on {state.samples} entries")
    elif state.recall is not None:
        say(f"the index reaches a recall of {state.recall:.4f}, and not {state.wanted:g}: searched exactly, and slowly")
    elif recall is not None:
        say("searched exactly: it is small enough")


def export(words: list[str]) -> None:
    """Write a gallery to a file."""
    made = gallery_parser("export")
    made.add_argument("--out", type=Path, required=True, help="the file to write")
    options = read_options(made, words)

    from cdnet.cli.terminal import telling
    from cdnet.files import refuse_unwritable
    from cdnet.gallery.transfer import export_gallery

    refuse_unwritable(options.out)
    with opened(options) as gallery, telling() as tell:
        count = export_gallery(gallery, options.out, tell)
    say(f"{count:,} entries written to {options.out}")


def import_file(words: list[str]) -> None:
    """Add what an exported file has."""
    made = gallery_parser("import")
    made.add_argument("file", type=Path, help="what `cdnet gallery export` wrote")
    options = read_options(made, words)

    from cdnet.cli.terminal import telling
    from cdnet.gallery.transfer import import_gallery

    with telling() as tell:
        added, there = import_gallery(options.gallery, options.file, who=options.who, progress=tell)
    say(f"{added:,} added, {there:,} were there already")
    if added:
        with opened(options) as gallery:
            show_index(gallery)

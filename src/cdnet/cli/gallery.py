"""``cdnet gallery``: pictures that are searched for a person, in a database."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cdnet.cli.arguments import UsageError, choose
from cdnet.cli.gallery_arguments import (
    ACTIONS,
    add_filters,
    filters_of,
    gallery_parser,
    note_untimed,
    opened,
    read_options,
    time_of,
)
from cdnet.cli.gallery_listing import audit, list_entries
from cdnet.cli.gallery_upkeep import build_index, calibrate, export, import_file, remove, show_index, stats
from cdnet.cli.termination import closing_when_terminated
from cdnet.errors import CdnetError
from cdnet.runtime.given import Given
from cdnet.shown_text import say, say_block


def main(words: list[str]) -> None:
    """Run one of the actions."""
    actions = {
        "create": create,
        "add": add,
        "query": query,
        "list": list_entries,
        "remove": remove,
        "stats": stats,
        "calibrate": calibrate,
        "index": build_index,
        "export": export,
        "import": import_file,
        "audit": audit,
    }
    if words[:1] in (["-h"], ["--help"]):
        told = "\n".join(f"  {name:11}{text}" for name, text in ACTIONS.items())
        say_block(
            f"usage: cdnet gallery ACTION ... --gallery G\n\n{told}\n\n`cdnet gallery query --help` explains one."
        )
        return
    with closing_when_terminated():
        actions[choose("gallery", words, actions)](words[1:])


def create(words: list[str]) -> None:
    """Make a gallery."""
    made = gallery_parser("create")
    made.add_argument("--weights", required=True, help="whose features: as `cdnet evaluate` takes them")
    made.add_class_arguments(Given, "input", help="what the input of an .onnx or .xml file is to be like")
    options = made.instantiate(read_options(made, words))

    from cdnet.gallery import GalleryNetwork, create_gallery
    from cdnet.runtime.network import open_network

    network = GalleryNetwork.of(options.weights, open_network(options.weights, options.input, "input."))
    with create_gallery(options.gallery, network, who=options.who):
        say(f"made, for features of {network.dimensions} numbers by {options.weights} ({network.digest[:12]})")


def add(words: list[str]) -> None:
    """Add the pictures of a folder."""
    made = gallery_parser("add")
    made.add_argument(
        "pictures", type=Path, nargs="+", help="folders of pictures, picture files, or CSV tables of them"
    )
    made.add_argument("--weights", help="where the gallery's network is now, if it has moved")
    made.add_argument(
        "--persons",
        choices=("names", "folders", "unknown"),
        default="names",
        help="who they are: as names in the form of Market-1501 and the like say, or their folders, or not known",
    )
    made.add_argument("--camera", help="of all of them; by default as names and folders say, such as x_c2.jpg or cam2")
    made.add_argument("--time", help="when all of them were taken; by default it is not known")
    made.add_argument("--note", help="of all of them")
    made.add_argument("--keep-pictures", action="store_true", help="keep the files' bytes in the gallery, too")
    options = read_options(made, words)
    time = None if options.time is None else time_of(options.time)

    from cdnet.cli.terminal import note
    from cdnet.data.remarks import of_pictures
    from cdnet.gallery.adding import add_pictures
    from cdnet.gallery.picture_files import labelled
    from cdnet.progress import shown

    pictures, remarks = labelled(options.pictures, options.persons, options.camera, time, options.note or "")
    for sentence in remarks:
        note(sentence)
    with opened(options) as gallery:
        network = gallery.network.open(options.weights)
        done = add_pictures(gallery, network, pictures, keep=options.keep_pictures, progress=shown)
        for sentence in of_pictures(done.broken, []):
            note(sentence)
        say(f"{done.added:,} added, {done.there:,} were there already")
        if done.added:
            show_index(gallery)
    if not done.added and not done.there:
        raise CdnetError("no picture could be read")


def query(words: list[str]) -> None:
    """Find a picture's person."""
    made = gallery_parser("query")
    made.add_argument("picture", nargs="?", type=Path, help="a picture file")
    made.add_argument("--entry", type=int, help="or: the number of an entry")
    made.add_argument("-k", "--k", type=int, help="how many entries at most; 20 if neither it nor --threshold is given")
    made.add_argument("--threshold", type=float, help="only entries at least that similar, -1 to 1; all, without -k")
    add_filters(made)
    made.add_argument("--group-by-person", action="store_true", help="what was found of one person together")
    made.add_argument("--exact", action="store_true", help="compare every entry, even where there is an index")
    made.add_argument("--weights", help="where the gallery's network is now, if it has moved")
    made.add_argument("--json", action="store_true", help="print a list")
    options = read_options(made, words)
    if (options.picture is None) == (options.entry is None):
        raise UsageError("give a picture, or the number of an entry with --entry", made.prog)
    filters = filters_of(options)
    k = options.k if options.k is not None or options.threshold is not None else 20

    with opened(options) as gallery:
        if options.entry is None:
            from cdnet.gallery.adding import describe_file

            digest, feature = describe_file(options.picture, gallery.network.open(options.weights))
        else:
            digest, feature = gallery.entry(options.entry).digest, gallery.features([options.entry])[options.entry]
        found = gallery.search(
            feature,
            k,
            options.threshold,
            **filters,
            group_by_person=options.group_by_person,
            exact=options.exact,
            digest=digest,
        )
        note_untimed(gallery, filters)
    if options.json:
        rows: list[Any] = [match.to_json() for match in found.matches]
        if options.group_by_person:
            rows = [
                {
                    "person": group.person,
                    "similarity": group.similarity,
                    "matches": [m.to_json() for m in group.matches],
                }
                for group in found.groups
            ]
        say_block(json.dumps(rows, indent=1))
        return
    matches = [match for group in found.groups for match in group.matches] if options.group_by_person else found.matches
    for match in matches:
        entry = match.entry
        below = found.threshold is not None and match.similarity < found.threshold
        about = [f"{match.similarity:.4f}", f"entry {entry.id}", entry.person or "person unknown"]
        about += [f"camera {entry.camera or 'unknown'}", *([entry.time.isoformat()] if entry.time else []), entry.place]
        say("  ".join(about) + ("  (below the threshold)" if below else ""))
    if not found.matches:
        say("nothing found")

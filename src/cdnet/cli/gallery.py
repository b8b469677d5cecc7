"""``cdnet gallery``: pictures that are searched for a person, in a database."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cdnet.cli.arguments import Parser, UsageError, choose, parser
from cdnet.errors import CdnetError
from cdnet.runtime.given import Given
from cdnet.shown_text import say, say_block

if TYPE_CHECKING:
    from cdnet.gallery import Gallery

ADDRESS = "folder of the gallery, or postgresql://... of a database with pgvector"
ACTIONS = {
    "create": "make a gallery for the features of one network",
    "add": "add the pictures of a folder",
    "query": "find a picture's person",
    "list": "list entries",
    "remove": "remove entries for good",
    "stats": "what is in it, and how it is searched",
    "audit": "who did what",
}


def main(words: list[str]) -> None:
    """Run one of the actions."""
    actions = {
        "create": create,
        "add": add,
        "query": query,
        "list": list_entries,
        "remove": remove,
        "stats": stats,
        "audit": audit,
    }
    if words[:1] in (["-h"], ["--help"]):
        told = "\n".join(f"  {name:11}{text}" for name, text in ACTIONS.items())
        say_block(
            f"usage: cdnet gallery ACTION ... --gallery G\n\n{told}\n\n`cdnet gallery query --help` explains one."
        )
        return
    actions[choose("gallery", words, actions)](words[1:])


def create(words: list[str]) -> None:
    """Make a gallery."""
    made = _parser("create")
    made.add_argument("--weights", required=True, help="whose features: as `cdnet evaluate` takes them")
    made.add_class_arguments(Given, "input", help="what the input of an .onnx or .xml file is to be like")
    options = made.instantiate(made.read(words))

    from cdnet.gallery import GalleryNetwork, create_gallery
    from cdnet.runtime.network import open_network

    network = GalleryNetwork.of(options.weights, open_network(options.weights, options.input, "input."))
    with create_gallery(options.gallery, network, who=options.who):
        say(f"made, for features of {network.dimensions} numbers by {options.weights} ({network.digest[:12]})")


def add(words: list[str]) -> None:
    """Add the pictures of a folder."""
    made = _parser("add")
    made.add_argument("pictures", type=Path, nargs="+", help="folders with pictures, or picture files")
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
    options = made.read(words)
    time = None if options.time is None else _time(options.time)

    from cdnet.data.remarks import of_pictures
    from cdnet.gallery.adding import add_pictures
    from cdnet.gallery.picture_files import labelled
    from cdnet.progress import console, shown

    pictures, remarks = labelled(options.pictures, options.persons, options.camera, time, options.note or "")
    for sentence in remarks:
        console.print(sentence)
    with _opened(options) as gallery:
        network = gallery.network.open(options.weights)
        done = add_pictures(gallery, network, pictures, keep=options.keep_pictures, progress=shown)
        for sentence in of_pictures(done.broken, []):
            console.print(sentence)
        say(f"{done.added:,} added, {done.there:,} were there already")
    if not done.added and not done.there:
        raise CdnetError("no picture could be read")


def query(words: list[str]) -> None:
    """Find a picture's person."""
    made = _parser("query")
    made.add_argument("picture", nargs="?", type=Path, help="a picture file")
    made.add_argument("--entry", type=int, help="or: the number of an entry")
    made.add_argument("-k", "--k", type=int, help="how many entries at most; 20 if neither it nor --threshold is given")
    made.add_argument("--threshold", type=float, help="only entries at least that similar, -1 to 1; all, without -k")
    _add_filters(made)
    made.add_argument("--group-by-person", action="store_true", help="what was found of one person together")
    made.add_argument("--exact", action="store_true", help="compare every entry, even where there is an index")
    made.add_argument("--weights", help="where the gallery's network is now, if it has moved")
    made.add_argument("--json", action="store_true", help="print a list")
    options = made.read(words)
    if (options.picture is None) == (options.entry is None):
        raise UsageError("give a picture, or the number of an entry with --entry", made.prog)
    filters = _filters(options)
    k = options.k if options.k is not None or options.threshold is not None else 20

    with _opened(options) as gallery:
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


def list_entries(words: list[str]) -> None:
    """List entries."""
    made = _parser("list")
    _add_filters(made)
    made.add_argument("--after", type=int, default=0, help="only entries of greater numbers")
    made.add_argument("--limit", type=int, default=100, help="how many at most")
    made.add_argument("--json", action="store_true", help="print a list")
    options = made.read(words)
    with _opened(options) as gallery:
        entries = gallery.entries(**_filters(options), after=options.after, limit=options.limit)
    if options.json:
        say_block(json.dumps([entry.to_json() for entry in entries], indent=1))
        return
    for entry in entries:
        about = [f"{entry.id}", entry.person or "person unknown", f"camera {entry.camera or 'unknown'}"]
        say("  ".join([*about, *([entry.time.isoformat()] if entry.time else []), entry.place]))


def remove(words: list[str]) -> None:
    """Remove entries for good."""
    made = _parser("remove")
    made.add_argument("--entry", type=int, nargs="+", help="numbers of entries")
    made.add_argument("--digest", nargs="+", help="SHA-256 of pictures")
    _add_filters(made)
    made.add_argument("--older-than", help="taken, or else added, so long ago: 30d, 12h, 2w")
    made.add_argument(
        "--clock-is-right", action="store_true", help="remove by age though the clock seems to have jumped"
    )
    made.add_argument("--dry-run", action="store_true", help="only say how many they are")
    made.add_argument("--compact", action="store_true", help="give the space back to the disk at once")
    made.add_argument("--json", action="store_true", help="print what was removed as JSON")
    options = made.read(words)
    try:
        digests = None if options.digest is None else [bytes.fromhex(digest) for digest in options.digest]
    except ValueError:
        raise CdnetError(f"{options.digest[0]!r} is no SHA-256 in hexadecimal") from None
    age = None if options.older_than is None else _age(options.older_than)
    with _opened(options) as gallery:
        found = gallery.remove(
            options.entry,
            digests=digests,
            **_filters(options),
            older_than=age,
            clock_is_right=options.clock_is_right,
            dry_run=options.dry_run,
        )
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


def stats(words: list[str]) -> None:
    """Say what is in a gallery."""
    made = _parser("stats")
    made.add_argument("--recall", action="store_true", help="also measure the index against exact search")
    made.add_argument("--json", action="store_true", help="print an object")
    options = made.read(words)
    with _opened(options) as gallery:
        found = gallery.stats(measure_recall=options.recall)
    say_block(json.dumps(found.to_json(), indent=1) if options.json else found.as_text())


def audit(words: list[str]) -> None:
    """Print the audit log."""
    made = _parser("audit")
    made.add_argument("--since", help="only from this time on; UTC where it says no zone")
    made.add_argument("--until", help="only before this time; likewise")
    made.add_argument("--last", type=int, help="only so many, the last ones")
    made.add_argument("--json", action="store_true", help="print a list")
    options = made.read(words)
    since, until = (None if time is None else _time(time) for time in (options.since, options.until))
    with _opened(options) as gallery:
        records = gallery.audit(since, until, options.last)
    if options.json:
        say_block(json.dumps([record.to_json() for record in records], indent=1))
        return
    for record in records:
        digest = f" {record.digest.hex()}" if record.digest is not None else ""
        at = record.at.isoformat(timespec="seconds")
        say(f"{at} {record.who} {record.action}{digest} {json.dumps(record.detail)}")


def _parser(action: str) -> Parser:
    made = parser(f"gallery {action}", f"{ACTIONS[action][0].upper()}{ACTIONS[action][1:]}.")
    made.add_argument("--gallery", required=True, help=ADDRESS)
    if action != "create":
        made.add_argument("--read-from", help="postgresql://... of a replica that is asked instead")
    made.add_argument("--who", help="who does it, for the audit log; by default this user on this machine")
    return made


def _add_filters(made: Parser) -> None:
    made.add_argument("--camera", nargs="+", help="only of these cameras")
    made.add_argument("--person", nargs="+", help="only of these persons")
    made.add_argument("--since", help="only taken at this time or later, such as 2026-03-01T14:00; UTC without a zone")
    made.add_argument("--until", help="only taken before this time; likewise")


def _filters(options: Any) -> dict[str, Any]:
    times = {name: getattr(options, name) for name in ("since", "until")}
    return {
        "cameras": options.camera,
        "persons": options.person,
        **{name: None if time is None else _time(time) for name, time in times.items()},
    }


def _opened(options: Any) -> Gallery:
    from cdnet.gallery import open_gallery

    return open_gallery(options.gallery, read_from=options.read_from, who=options.who)


def _time(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise CdnetError(f"{text!r} is no time; write it as 2026-03-01T14:00+01:00") from None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def _age(text: str) -> timedelta:
    units = {"m": 60, "h": 3600, "d": 86400, "w": 7 * 86400, "y": 365 * 86400}
    number, unit = text[:-1], text[-1:]
    try:
        return timedelta(seconds=float(number) * units[unit])
    except (ValueError, KeyError, OverflowError):
        raise CdnetError(f"{text!r} is no age; write it as 30d: m, h, d, w or y for minutes to years") from None

"""What ``cdnet gallery`` lists: entries, and who did what."""

from __future__ import annotations

import json

from cdnet.cli.gallery_arguments import (
    add_filters,
    filters_of,
    gallery_parser,
    note_untimed,
    opened,
    read_options,
    time_of,
)
from cdnet.shown_text import say, say_block


def list_entries(words: list[str]) -> None:
    """List entries."""
    made = gallery_parser("list")
    add_filters(made)
    made.add_argument("--after", type=int, default=0, help="only entries of greater numbers")
    made.add_argument("--limit", type=int, default=100, help="how many at most")
    made.add_argument("--json", action="store_true", help="print a list")
    options = read_options(made, words)
    filters = filters_of(options)
    with opened(options) as gallery:
        entries = gallery.entries(**filters, after=options.after, limit=options.limit)
        note_untimed(gallery, filters)
    if options.json:
        say_block(json.dumps([entry.to_json() for entry in entries], indent=1))
        return
    for entry in entries:
        about = [f"{entry.id}", entry.person or "person unknown", f"camera {entry.camera or 'unknown'}"]
        say("  ".join([*about, *([entry.time.isoformat()] if entry.time else []), entry.place]))


def audit(words: list[str]) -> None:
    """Print the audit log."""
    made = gallery_parser("audit")
    made.add_argument("--since", help="only from this time on; UTC where it says no zone")
    made.add_argument("--until", help="only before this time; likewise")
    made.add_argument("--last", type=int, help="only so many, the last ones")
    made.add_argument("--json", action="store_true", help="print a list")
    options = read_options(made, words)
    since, until = (None if time is None else time_of(time) for time in (options.since, options.until))
    with opened(options) as gallery:
        records = gallery.audit(since, until, options.last)
    if options.json:
        say_block(json.dumps([record.to_json() for record in records], indent=1))
        return
    for record in records:
        digest = f" {record.digest.hex()}" if record.digest is not None else ""
        at = record.at.isoformat(timespec="seconds")
        say(f"{at} {record.who} {record.action}{digest} {json.dumps(record.detail)}")

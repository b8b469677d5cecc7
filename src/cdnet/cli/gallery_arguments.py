"""What the actions of ``cdnet gallery`` have in common: the gallery, who works with it, and which entries are meant."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from jsonargparse import Namespace

from cdnet.cli.arguments import Parser, parser
from cdnet.errors import CdnetError

if TYPE_CHECKING:
    from cdnet.gallery import Gallery
    from cdnet.gallery.searching import FilterWords

ADDRESS = "folder of the gallery, or postgresql://... of a database with pgvector"
ACTIONS = {
    "create": "make a gallery for the features of one network",
    "add": "add the pictures of a folder",
    "query": "find a picture's person",
    "list": "list entries",
    "remove": "remove entries for good",
    "stats": "what is in it, and how it is searched",
    "calibrate": "find the similarity from which on two pictures count as one person's",
    "index": "make the index of a large gallery, if one is due",
    "export": "write it to a file",
    "import": "add what such a file has",
    "audit": "who did what",
}


def gallery_parser(action: str) -> Parser:
    """Return a parser for one of the actions, with what all of them take."""
    made = parser(f"gallery {action}", f"{ACTIONS[action][0].upper()}{ACTIONS[action][1:]}.")
    made.add_argument("--gallery", required=True, help=ADDRESS)
    if action != "create":
        made.add_argument("--read-from", help="postgresql://... of a replica that is asked instead")
    made.add_argument("--who", help="who does it, for the audit log; by default this user on this machine")
    return made


def read_options(made: Parser, words: list[str]) -> Namespace:
    """Return what the command line says, once it is known that what a gallery needs is installed.

    Raises:
        CdnetError: if it is not.
    """
    found = made.read(words)
    from cdnet.gallery import Gallery  # noqa: F401

    return found


def add_filters(made: Parser) -> None:
    """Add the options that say which entries are meant."""
    made.add_argument("--camera", nargs="+", help="only of these cameras")
    made.add_argument("--person", nargs="+", help="only of these persons")
    made.add_argument("--since", help="only taken at this time or later, such as 2026-03-01T14:00; UTC without a zone")
    made.add_argument("--until", help="only taken before this time; likewise")


def filters_of(options: Any) -> FilterWords:
    """Return what these options say, as a gallery takes it.

    Raises:
        CdnetError: if a time is none.
    """
    since, until = (None if time is None else time_of(time) for time in (options.since, options.until))
    return {"cameras": options.camera, "persons": options.person, "since": since, "until": until}


def note_untimed(gallery: Gallery, filters: FilterWords) -> None:
    """Say how many entries the filter by time leaves out because nothing is known of their time."""
    from cdnet.cli.terminal import note

    count = gallery.untimed(**filters)
    if count:
        note(f"{count:,} entries whose time is not known are left out by --since and --until")


def opened(options: Any) -> Gallery:
    """Open the gallery that is named.

    Raises:
        CdnetError: if it cannot be opened.
    """
    from cdnet.gallery import open_gallery

    return open_gallery(options.gallery, read_from=options.read_from, who=options.who)


def time_of(text: str) -> datetime:
    """Return a time, by UTC where it says no zone.

    Raises:
        CdnetError: if it is none.
    """
    from cdnet.gallery.picture_table import time_of as read_time

    return read_time(text)


def age_of(text: str) -> timedelta:
    """Return an age such as ``30d``.

    Raises:
        CdnetError: if it is none.
    """
    units = {"m": 60, "h": 3600, "d": 86400, "w": 7 * 86400, "y": 365 * 86400}
    number, unit = text[:-1], text[-1:]
    try:
        return timedelta(seconds=float(number) * units[unit])
    except (ValueError, KeyError, OverflowError):
        raise CdnetError(f"{text!r} is no age; write it as 30d: m, h, d, w or y for minutes to years") from None

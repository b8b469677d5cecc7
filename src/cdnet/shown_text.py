"""Text that somebody else wrote, such as the name of a file or a person, shown so that it does nothing where it stands.

A name may hold what a terminal obeys, what breaks a line or turns its direction, what XML forbids, or bytes that are no
UTF-8. All of it becomes escapes such as ``\\x1b``; every other character stays.
"""

from __future__ import annotations

import shlex
import sys
import unicodedata
from collections.abc import Iterable

JOINERS = "\u200c\u200d"
"""Invisible characters that Persian, Indic scripts and emoji are spelt with."""

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a cell begins with that a spreadsheet computes."""


def harmless(text: str) -> str:
    """Return a text as one line that can be shown on a terminal and stand in XML, a picture or a message."""
    return text if text.isprintable() else "".join(map(_shown, text))


def say(*lines: str) -> None:
    """Print lines on standard output, each of them harmless: a line break within one is shown as an escape."""
    print("\n".join(map(harmless, lines)))


def say_block(text: str) -> None:
    """Print a text of several lines, such as a table; names in it must be harmless before, or they may break lines."""
    say(*text.split("\n"))


def shell_command(words: Iterable[str]) -> str:
    """Return a command to be copied: words are quoted where need be, those that are not harmless as ``$'...'``."""
    return " ".join(map(_quoted, words))


def csv_cell(value: object) -> object:
    """Return a value as a CSV can hold it: a text that a spreadsheet would compute gets an apostrophe in front."""
    if not isinstance(value, str) or not value.startswith(FORMULA):
        return value
    try:
        float(value.rstrip(" %"))
    except ValueError:
        return f"'{value}"
    return value


def _shown(character: str) -> str:
    if character.isprintable() or character in JOINERS or unicodedata.category(character) == "Zs":
        return character
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # a byte of a file's name that is no UTF-8, as Python keeps it
        return f"\\x{code - 0xDC00:02x}"
    return character.encode("unicode_escape").decode("ascii")


def _quoted(word: str) -> str:
    if harmless(word) == word:
        return shlex.quote(word)
    escaped = word.replace("\\", "\\\\").replace("'", "\\'")
    return f"$'{''.join(map(_shown, escaped))}'"


def prepare_output() -> None:
    """Let standard output and error write what their encoding lacks as escapes, rather than fail at it."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None and hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")

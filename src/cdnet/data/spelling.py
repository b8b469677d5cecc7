"""One thing written in two ways: when two names of identities, or of cameras, mean the same one.

A spreadsheet makes ``7`` or ``7.0`` of ``0007``, one operating system writes ``é`` as one character and another as two,
and a blank after a name shows nowhere. Readers of a layout give names as they found them; :mod:`cdnet.data.layout`
then gives one identity one name throughout a data set, and tells what it joined.
"""

from __future__ import annotations

import re
import unicodedata

_NUMBER = re.compile(r"'?(?P<sign>[+\-\N{MINUS SIGN}\N{FULLWIDTH HYPHEN-MINUS}]?)(?P<digits>\d+)(\.0*|,0)?")
"""A number; an apostrophe in front is how spreadsheets are told that it is text."""
_AS_TEXT = re.compile('="([^"]*)"')
"""How scripts tell spreadsheets that it is."""
_CAMERA = re.compile(r"(?:c|cam|camera)[ _-]?(?P<number>\d+)", re.IGNORECASE)


def tidy(text: str) -> str:
    """Return a name in the composed Unicode form (NFC), without what cannot be seen at its ends.

    That is blanks of any kind, control characters and characters without width, such as a byte order mark.
    """
    text = unicodedata.normalize("NFC", text)
    seen = [number for number, letter in enumerate(text) if not _is_unseen(letter)]
    return text[seen[0] : seen[-1] + 1] if seen else ""


def identity_of(text: str) -> str:
    """Return what two spellings of one identity have in common, and those of two identities have not.

    Names are tidied. Whole numbers are one identity whatever their zeros in front (``7``, ``0007``) and whether a
    spreadsheet made fractions of them (``7.0``) or was told that they are text (``'7``, ``="7"``). Nothing else is
    joined: ``a7`` and ``a07`` are two, and so are ``Anna`` and ``anna``.
    """
    text = tidy(text)
    as_text = _AS_TEXT.fullmatch(text)
    text = tidy(as_text[1]) if as_text is not None else text
    match = _NUMBER.fullmatch(text)
    if match is None:
        return text
    number = "".join(str(unicodedata.decimal(digit)) for digit in match["digits"]).lstrip("0") or "0"
    return f"-{number}" if match["sign"] not in ("", "+") and number != "0" else number


def camera_of(text: str) -> str:
    """Return what two spellings of one camera have in common, as of identities; ``c1``, ``cam01`` and ``1`` are one."""
    text = tidy(text)
    match = _CAMERA.fullmatch(text)
    return identity_of(match["number"] if match else text)


def _is_unseen(letter: str) -> bool:
    return letter.isspace() or unicodedata.category(letter) in ("Cc", "Cf")

"""What can be asked of a served gallery: the parameters of its addresses, and a picture as the body of a request.

What is not known, is given twice, or is no Unicode is refused: a filter that was dropped without a word would make a
wrong answer look like a right one.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import unquote_to_bytes

from fastapi import Request
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from cdnet.errors import CdnetError
from cdnet.gallery.entry import LONGEST_NOTE, LONGEST_TEXT, Box
from cdnet.gallery.picture_table import time_of
from cdnet.gallery.problems import NotThereError
from cdnet.gallery.searching import FilterWords

PICTURE = {
    "requestBody": {"required": True, "content": {"image/*": {"schema": {"type": "string", "format": "binary"}}}}
}
"""How a picture as a body is described."""
MOST_K, MOST_ENTRIES, MOST_TEXTS = 1_000, 100, 100
LARGEST = 2**63 - 1
"""Of an entry's number."""
MANY = ("camera", "person", "entry")
"""What may be given several times where a filter or entries are asked for."""


def _time(given: object) -> object:
    if not isinstance(given, str):
        return given
    try:
        return time_of(given)
    except CdnetError as error:
        raise ValueError(f"{error} (in an address the + is written %2B)" if " " in given else f"{error}") from None


def _digits(given: object) -> object:
    # Else 1_0 would be entry 10, and 1.0 entry 1.
    if isinstance(given, str) and not (given.isascii() and given.removeprefix("-").isdigit()):
        raise ValueError("write a whole number in digits")
    return given


Whole = Annotated[int, BeforeValidator(_digits)]
Texts = Annotated[list[Annotated[str, Field(max_length=LONGEST_TEXT)]], Field(max_length=MOST_TEXTS)]
Text = Annotated[str | None, Field(min_length=1, max_length=LONGEST_TEXT)]
Time = Annotated[datetime | None, BeforeValidator(_time), Field(description="ISO 8601; UTC without a zone")]


class Question(BaseModel):
    """Parameters of an address; others are refused."""

    model_config = ConfigDict(extra="forbid")


class Filtered(Question):
    """Which entries are meant: any of the cameras and persons, since a time and before another."""

    camera: Texts = []
    person: Texts = []
    since: Time = None
    until: Time = None

    def filters(self) -> FilterWords:
        """Return them as a gallery takes them."""
        return {
            "cameras": self.camera or None,
            "since": self.since,
            "until": self.until,
            "persons": self.person or None,
        }


class Search(Filtered):
    """How a search is done."""

    k: Whole = Field(40, ge=1, le=MOST_K, description="entries at most")
    threshold: float | None = Field(None, ge=-1, le=1, description="least similarity of a match")
    exact: bool = Field(False, description="compare every entry even where there is an index")


class EntrySearch(Search):
    """A search for an entry, or for the mean of several."""

    entry: list[Annotated[Whole, Field(ge=1, le=LARGEST)]] = Field(min_length=1, max_length=MOST_ENTRIES)


class Listing(Filtered):
    """A part of the gallery's entries, by their numbers."""

    after: Whole = Field(0, ge=0, le=LARGEST)
    limit: Whole = Field(100, ge=1, le=MOST_K)


class Labels(Question):
    """What is known of a picture that is added; what is left out is not known."""

    camera: Text = None
    person: Text = None
    time: Time = None
    note: str = Field("", max_length=LONGEST_NOTE)
    source: Text = None
    box: str | None = Field(None, pattern=r"^\d{1,10}(,\d{1,10}){3}$", description="left,top,width,height in pixels")

    def known(self) -> dict[str, Any]:
        """Return them as an entry takes them."""
        box = None if self.box is None else Box(*map(int, self.box.split(",")))
        return self.model_dump() | {"box": box}


async def refuse_unasked(request: Request) -> None:
    """Refuse parameters that nothing asks for, single ones that are given twice, and what is no Unicode.

    Raises:
        CdnetError: if there is one.
    """
    raw = request.scope["query_string"]
    try:
        unquote_to_bytes(raw.replace(b"+", b" ")).decode("utf-8")
    except UnicodeDecodeError:
        raise CdnetError("the parameters of the address are not in UTF-8") from None
    single = ("camera", "person") if request.method == "POST" and request.url.path == "/api/entries" else ()
    given = Counter(name for name, _ in request.query_params.multi_items())
    for name, count in given.items():
        if count > 1 and (name not in MANY or name in single):
            raise CdnetError(f"{name[:40]!r} is given {count} times; give it once")
    if given and not request.scope["route"].dependant.query_params:
        raise CdnetError(f"this address takes no parameter {next(iter(given))[:40]!r}")


async def picture_of(request: Request) -> bytes:
    """Return the body of a request.

    Raises:
        CdnetError: if there is none.
    """
    data = b"".join([part async for part in request.stream()])
    if not data:
        raise CdnetError("send the picture file as the body of the request")
    return data


def refuse_number(number: int) -> None:
    """See that an entry may have a number.

    Raises:
        NotThereError: if none can have it.
    """
    if not 1 <= number <= LARGEST:
        raise NotThereError(f"there is no entry {number}")


def who_asks(request: Request) -> str:
    """Return who is named in the audit log."""
    return f"web {request.client.host}" if request.client else "web"


def shown(values: dict[str, object]) -> dict[str, object]:
    """Leave out where on the server's disk a picture lies; its name says enough."""
    place = str(values.pop("place"))
    return values | {"name": place.replace("\\", "/").rpartition("/")[2]}

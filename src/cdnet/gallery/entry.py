"""What a gallery holds and what a search of it returns."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple

from cdnet.errors import CdnetError

DIGEST_BYTES = 32
LONGEST_TEXT = 4096
"""Characters of a camera, a person or a source."""
LONGEST_NOTE = 65536
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)


class Box(NamedTuple):
    """Where in its frame a picture was, in pixels from the upper left corner."""

    left: int
    top: int
    width: int
    height: int


@dataclass(frozen=True)
class NewEntry:
    """A picture that is to be added, without its feature.

    Args:
        digest: SHA-256 of the picture file's bytes; a gallery has each once.
        place: where the picture is: a path, as the file system has it; empty if only the gallery itself has it.
        camera: None if it is not known.
        time: when the picture was taken, with its time zone; None if it is not known.
        person: None if it is not known.
        note: any text.
        source: which video or stream the frame was of, if the picture came from one.
        box: where it was in that frame.
        data: the picture file's bytes, to be kept in the gallery; None to keep only where it is.

    Raises:
        CdnetError: if a value cannot be kept.
    """

    digest: bytes
    place: str = ""
    camera: str | None = None
    time: datetime | None = None
    person: str | None = None
    note: str = ""
    source: str | None = None
    box: Box | None = None
    data: bytes | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if len(self.digest) != DIGEST_BYTES:
            raise CdnetError(f"a digest has {DIGEST_BYTES} bytes, not {len(self.digest)}")
        for name in ("camera", "person", "source", "note"):
            check_text(name, getattr(self, name), LONGEST_NOTE if name == "note" else LONGEST_TEXT)
        if self.time is not None:
            check_time(self.time)
        if self.box is not None and not (
            all(0 <= value < 2**31 for value in self.box) and self.box.width and self.box.height
        ):
            raise CdnetError(f"a box is left, top, width and height in pixels, not {list(self.box)}")


def check_text(name: str, text: str | None, longest: int = LONGEST_TEXT) -> None:
    """See that a text can be kept and shown.

    Raises:
        CdnetError: if it is too long, has a null character, or is no Unicode.
    """
    if text is None:
        return
    if len(text) > longest:
        raise CdnetError(f"the {name} has {len(text):,} characters; {longest:,} is the most")
    if "\0" in text or any(0xD800 <= ord(character) <= 0xDFFF for character in text):
        raise CdnetError(f"the {name} {text[:40]!r} has a character that is no text")


def check_time(time: datetime) -> None:
    """See that a time says its zone and is not before 1970.

    Raises:
        CdnetError: if it does not.
    """
    if time.tzinfo is None:
        raise CdnetError(f"the time {time.isoformat()} does not say its zone; write it as {time.isoformat()}+00:00")
    if time < EARLIEST:
        raise CdnetError(f"the time {time.isoformat()} is before 1970")


@dataclass(frozen=True)
class Entry:
    """A picture of the gallery; fields are those of :class:`NewEntry`, and besides:

    Args:
        id: its number in the gallery, which no other entry ever has.
        added: when it was added, by the database's clock.
        kept: whether the picture's bytes are kept in the gallery.
    """

    id: int
    digest: bytes
    place: str
    camera: str | None
    time: datetime | None
    person: str | None
    note: str
    source: str | None
    box: Box | None
    added: datetime
    kept: bool

    def to_json(self) -> dict[str, object]:
        """Return it as plain values: the digest in hexadecimal, times in ISO 8601, a box as four numbers."""
        return asdict(self) | {
            "digest": self.digest.hex(),
            "place": self.place.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace"),
            "time": None if self.time is None else self.time.isoformat(),
            "added": self.added.isoformat(),
            "box": None if self.box is None else list(self.box),
        }


@dataclass(frozen=True)
class Match:
    """An entry that a search found, and its cosine similarity with what was searched, -1 to 1."""

    entry: Entry
    similarity: float

    def to_json(self) -> dict[str, object]:
        """Return the entry's values and the similarity."""
        return self.entry.to_json() | {"similarity": self.similarity}


@dataclass(frozen=True)
class PersonMatches:
    """What was found of one person, best first; an entry of an unknown person stands for itself."""

    person: str | None
    matches: tuple[Match, ...]

    @property
    def similarity(self) -> float:
        """Return the best one."""
        return self.matches[0].similarity


@dataclass(frozen=True)
class Found:
    """What a search found.

    Args:
        matches: best first; of equally similar ones the older entry comes first.
        exact: whether every entry that passes the filters was compared; otherwise the index was asked.
        threshold: the similarity from which on a match counts as the same person: as asked for, or as calibrated; None
            if it is neither.
        groups: the matches by person, the person with the best one first; empty if that was not asked for.
    """

    matches: tuple[Match, ...]
    exact: bool
    threshold: float | None
    groups: tuple[PersonMatches, ...] = ()


def by_person(matches: tuple[Match, ...]) -> tuple[PersonMatches, ...]:
    """Return matches, best first, by person."""
    groups: dict[object, list[Match]] = {}
    for match in matches:
        key = match.entry.person if match.entry.person is not None else match.entry.id
        groups.setdefault(key, []).append(match)
    return tuple(PersonMatches(group[0].entry.person, tuple(group)) for group in groups.values())

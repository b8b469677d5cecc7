"""One identity, and one camera, gets one name throughout a data set, whatever it is written as in places."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import replace

from cdnet.data.pictures import SPLITS, Picture, ReidData
from cdnet.data.spelling import camera_of, identity_of, tidy


def join_spellings(data: ReidData) -> ReidData:
    """Return a data set in which each identity and each camera has one name.

    ``joined`` of the result says what was written in several ways; ``alike`` which names differ so little that they
    may be meant for one, and are taken for two.
    """
    pictures = [picture for split in SPLITS for picture in data.split(split)]
    identities = _names({picture.identity for picture in pictures}, identity_of)
    cameras = _names({picture.camera for picture in pictures if picture.camera is not None}, camera_of)

    def joined(split: tuple[Picture, ...]) -> tuple[Picture, ...]:
        return tuple(
            replace(picture, identity=identities[picture.identity], camera=picture.camera and cameras[picture.camera])
            for picture in split
        )

    return replace(
        data,
        train=joined(data.train),
        query=joined(data.query),
        gallery=joined(data.gallery),
        joined=(*_joined(identities, "identity"), *_joined(cameras, "camera")),
        alike=(*_alike(identities.values(), "identities"), *_alike(cameras.values(), "cameras")),
    )


def _names(spellings: Iterable[str], form: Callable[[str], str]) -> dict[str, str]:
    # The name that stands for each spelling: of several, the one of digits alone with the most zeros in front.
    groups: dict[str, set[str]] = {}
    for text in spellings:
        groups.setdefault(form(text), set()).add(text)
    names: dict[str, str] = {}
    for group in groups.values():
        best = min((tidy(text) for text in group), key=lambda name: (not name.isdecimal(), -len(name), name))
        names |= dict.fromkeys(group, best)
    return names


def _joined(names: dict[str, str], what: str) -> list[str]:
    groups: dict[str, list[str]] = {}
    for text, name in names.items():
        groups.setdefault(name, []).append(text)
    return [
        f"{' and '.join(_quoted(text) for text in sorted(group, key=lambda text: (-len(text), text)))} "
        f"are taken as one {what}"
        for _, group in sorted(groups.items())
        if len(group) > 1
    ]


def _quoted(text: str) -> str:
    # What cannot be seen is said.
    if text != tidy(text) and unicodedata.normalize("NFC", text) != tidy(text):
        return f"{text!r}"
    other = "" if text == unicodedata.normalize("NFC", text) else " (in decomposed Unicode)"
    return f"`{text}`{other}"


def _shown(name: str) -> str:
    # What cannot be seen within a name is said, too.
    unseen = any(unicodedata.category(letter) == "Cf" for letter in name)
    return ascii(name) if unseen else f"`{name}`"


def _alike(names: Iterable[str], what: str) -> list[str]:
    groups: dict[str, set[str]] = {}
    for name in names:
        groups.setdefault(_blurred(name), set()).add(name)
    return [
        f"{' and '.join(map(_shown, sorted(group)))} are taken as {len(group)} {what}"
        for _, group in sorted(groups.items())
        if len(group) > 1
    ]


def _blurred(name: str) -> str:
    # Without regard to capitals, separators, also of thousands, zeros in front of numbers, forms of letters, and what
    # cannot be seen.
    name = "".join(letter for letter in unicodedata.normalize("NFKC", name) if unicodedata.category(letter) != "Cf")
    name = re.sub(r"[\s_.-]+", " ", name.casefold())
    name = re.sub(r"(?<=\d)[ ,'](?=\d{3}(?!\d))", "", name)
    return re.sub(r"(?<!\d)0+(?=\d)", "", name)

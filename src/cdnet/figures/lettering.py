"""Names in figures: as text and nothing else, short enough, and in letters of fonts that are there."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from functools import cache

from matplotlib.font_manager import FontEntry, fontManager, get_font

from cdnet.shown_text import harmless

FONT = "DejaVu Sans"
"""Comes with matplotlib, so that every machine draws the same letters where it has them."""

NO_FONTS = ("Last Resort", "LastResort", "Adobe Blank")
"""Beginnings of the names of fonts that have a box for every letter."""

MOST = 32
"""Letters of a name in a figure; those of a longer one's middle are left out, and three points stand there."""


def labels(names: Sequence[str]) -> list[str]:
    """Return names as a figure shows them: harmless, and each of a length that fits as long as they stay different."""
    whole = [unicodedata.normalize("NFC", harmless(name)) for name in names]
    short = [_shortened(name) for name in whole]
    return short if len(set(short)) == len(set(whole)) else whole


def left_to_right(name: str) -> str:
    """Return a name so that what follows stands to its right, also where the name is written from right to left."""
    turned = any(unicodedata.bidirectional(letter) in ("R", "AL") for letter in name)
    return f"\u200e{name}\u200e" if turned else name


def families(texts: Iterable[str]) -> list[str]:
    """Return fonts that have all letters of some texts: matplotlib's own, then installed ones for what that lacks."""
    lacking = _lacking(texts)
    found = [FONT]
    while lacking:
        best = max(_installed(), key=lambda entry: len(lacking & _letters(entry)), default=None)
        if best is None or not lacking & _letters(best):
            break
        found.append(best.name)
        lacking -= _letters(best)
    return found


def missing(texts: Iterable[str]) -> str:
    """Return the letters of some texts that no installed font has, in their order; a figure has boxes for them."""
    lacking = _lacking(texts)
    for entry in _installed() if lacking else ():
        lacking -= _letters(entry)
    return "".join(sorted(lacking))


def _shortened(name: str) -> str:
    return name if len(name) <= MOST else f"{name[: MOST // 2]}…{name[1 - MOST // 2 :]}"


def _lacking(texts: Iterable[str]) -> set[str]:
    own = next(entry for entry in fontManager.ttflist if entry.name == FONT and _is_plain(entry))
    # Joiners and the like shape their neighbours, and have no form of their own.
    wanted = {letter for text in texts for letter in text if unicodedata.category(letter) not in ("Cf", "Cc", "Mn")}
    return wanted - _letters(own)


@cache
def _installed() -> list[FontEntry]:
    """Return the upright, ordinary fonts, those first that are made to have the letters of many scripts."""
    plain = (entry for entry in fontManager.ttflist if _is_plain(entry) and not entry.name.startswith(NO_FONTS))
    return sorted(plain, key=lambda entry: (not entry.name.startswith("Noto Sans"), entry.name))


def _is_plain(entry: FontEntry) -> bool:
    return bool(entry.style == "normal" and str(entry.weight) in ("400", "normal", "regular"))


@cache
def _letters(entry: FontEntry) -> frozenset[str]:
    try:
        return frozenset(map(chr, get_font(entry.fname).get_charmap()))
    except (OSError, RuntimeError):  # gone since matplotlib listed it, or of a kind that it cannot draw
        return frozenset()

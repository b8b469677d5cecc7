"""Which known name somebody may have meant by one that is not known."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(given: str, known: Iterable[str]) -> str:
    """Return `` (did you mean ...?)`` with the known name that is nearest, or nothing where none is near.

    Capitals, hyphens and underscores make no difference.
    """
    names = {_plain(name): name for name in known}
    close = get_close_matches(_plain(given), names, n=1, cutoff=0.6)
    return f" (did you mean {names[close[0]]}?)" if close else ""


def _plain(name: str) -> str:
    return name.lower().replace("_", "-")

"""How much memory and time one picture may take: a few damaged bytes must not ask for all there is."""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager, nullcontext

MAX_PIXELS = 50_000_000
"""The most pixels a picture may have; decoding one takes some 11 bytes a pixel."""
MAX_BYTES = 256 * 2**20
"""The most bytes a picture's file may have."""
LARGE = 8_000_000
"""From so many pixels on, pictures are decoded one after the other, however many threads there are."""


class BeyondLimitsError(ValueError):
    """A picture that is refused for what it is, in a sentence of ours; any other error of a decoder means damage."""


_one_large_at_a_time = threading.RLock()
_unhindered = nullcontext()


def refuse_many_pixels(width: int, height: int, most: int = MAX_PIXELS, kind: str = "picture") -> None:
    """See that a picture has no more pixels than one may.

    Raises:
        BeyondLimitsError: if it has more.
    """
    if width * height > most:
        raise BeyondLimitsError(
            f"{width} x {height} pixels are more than the {most:,} a {kind} may have; make it smaller"
        )


def in_turn_if_large(pixels: int) -> AbstractContextManager[object]:
    """Return what lets other threads' large pictures wait while this one, if it is large, is worked on."""
    return _unhindered if pixels < LARGE else _one_large_at_a_time

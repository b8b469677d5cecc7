"""JPEG: its limits, its orientation, and decoding it whole or at one of its own smaller scales."""

from __future__ import annotations

import io
import re
from typing import NamedTuple

import simplejpeg

from cdnet.data.limits import BeyondLimitsError, in_turn_if_large, refuse_many_pixels
from cdnet.data.orientation import UPRIGHT, Pixels, known_orientation, turn

START = b"\xff\xd8\xff"

MAX_SCANNED = 700_000_000
"""The most pixels that all passes of a JPEG over its picture may take together, which is some ten seconds.

A progressive JPEG has some ten passes, and nothing but its length bounds how many it may have.
"""
SCAN_COST = 10_000
"""What a pass costs whatever the picture's size, in pixels."""
LEAST_SCAN = 8
"""No pass is told in fewer bytes."""

_EXIF = b"Exif\0\0"
_SCAN = b"\xff\xda"
_MARKER = re.compile(rb"\xff+([^\x00\xff\xd0-\xd7])")


class OtherColoursError(ValueError):
    """A JPEG of other colours than grey and YCbCr, such as CMYK, which this decoder does not turn into RGB."""


class JpegHead(NamedTuple):
    """What a JPEG says of itself: ``height`` and ``width`` as seen, and its EXIF orientation, 1 to 8."""

    height: int
    width: int
    orientation: int


def read_head(data: bytes) -> JpegHead:
    """Return size and orientation of a JPEG that is within the limits.

    Raises:
        BeyondLimitsError: if it takes too much memory or time.
        ValueError: if it is damaged.
    """
    height, width = simplejpeg.decode_jpeg_header(data)[:2]
    refuse_many_pixels(width, height)
    passed = height * width + SCAN_COST
    # Counting takes longer than most files give reason to.
    if len(data) // LEAST_SCAN * passed > MAX_SCANNED and (scans := count_scans(data)) * passed > MAX_SCANNED:
        raise BeyondLimitsError(
            f"{scans:,} scans over {width} x {height} pixels take too long; save it again as an ordinary JPEG"
        )
    orientation = exif_orientation(data)
    return JpegHead(height, width, orientation) if orientation < 5 else JpegHead(width, height, orientation)


def decode_jpeg(data: bytes, head: JpegHead, least: tuple[int, int] | None = None) -> Pixels:
    """Decode a JPEG to H x W x 3 RGB, turned as its EXIF orientation says; grey is repeated.

    Args:
        data: the whole file.
        head: of :func:`read_head`.
        least: height and width, as seen, below which it need not be decoded; None decodes it whole.

    Raises:
        OtherColoursError: if its colours are not grey or YCbCr.
        ValueError: if it is damaged or cut short.
    """
    scale: dict[str, int] = {}
    if least is not None:
        height, width = least if head.orientation < 5 else reversed(least)
        scale = {"min_height": height, "min_width": width}
    try:
        with in_turn_if_large(head.height * head.width):
            pixels: Pixels = simplejpeg.decode_jpeg(data, colorspace="RGB", strict=True, **scale)
            return pixels if head.orientation == UPRIGHT else turn(pixels, head.orientation)
    except ValueError as error:
        raise OtherColoursError(str(error)) if "colorspace" in str(error).lower() else error from None


def exif_orientation(data: bytes) -> int:
    """Return the EXIF orientation of a JPEG, 1 to 8; 1 where it says none, or is damaged there."""
    if _EXIF not in data:
        return UPRIGHT
    from PIL import Image

    try:
        with Image.open(io.BytesIO(data), formats=("JPEG",)) as image:
            exif = Image.Exif()
            exif.load(image.info.get("exif", b""))
            return known_orientation(exif.get(0x0112))
    except Exception:  # damaged EXIF data raise many things, and are no reason to leave out a picture
        return UPRIGHT


def count_scans(data: bytes) -> int:
    """Return how many scans a JPEG has up to its end marker: the marker's bytes count only where a marker can be."""
    if data.count(_SCAN) <= 1:  # any two bytes may look like a marker, but no marker looks otherwise
        return data.count(_SCAN)
    scans, place = 0, 2
    while (found := _MARKER.search(data, place)) is not None:
        marker, place = found[1][0], found.end()
        if marker == 0xD9:
            break
        scans += marker == 0xDA
        if marker not in (0x01, 0xD8):  # these two have no length
            place += max(2, int.from_bytes(data[place : place + 2], "big"))
    return scans

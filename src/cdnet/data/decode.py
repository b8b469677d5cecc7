"""One picture from its file to pixels of a fixed size.

Alpha is dropped, and a picture is turned upright as its EXIF orientation says, whatever its format: that is how
everybody else sees it. What a file is, its content says and not its ending.
"""

from __future__ import annotations

import io
import os
import stat
import threading
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from cdnet.data.formats import HEAD, PILLOW, format_of, why_unread
from cdnet.data.jpeg import START, OtherColoursError, decode_jpeg, read_head
from cdnet.data.limits import MAX_BYTES, MAX_PIXELS, BeyondLimitsError, in_turn_if_large, refuse_many_pixels
from cdnet.data.orientation import UPRIGHT, Pixels, known_orientation, turn

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = [
    "BrokenPictureError",
    "Decoded",
    "Pixels",
    "decode",
    "open_picture",
    "pixels_of_image",
    "read_bytes",
    "read_pixels",
    "resize",
]

FEWER_PIXELS = {"WEBP": 25_000_000, "AVIF": 25_000_000, "JPEG2000": 25_000_000, "JPEG": 25_000_000, "MPO": 25_000_000}
"""Formats that take more memory a pixel than others: up to 27 bytes. JPEG is one of other colours than usual."""
SLOW_DECODERS = {"ppm": "PPM", "ppm_plain": "PPM", "bmp_rle": "BMP"}
"""Pillow's decoders that take a microsecond for every number."""
MAX_SLOW = 2_000_000
"""The most pixels, and a quarter of the most bytes, of what these decode."""
_loading = threading.RLock()
"""Held while a picture that Pillow has opened, and others may use meanwhile, is read from its file."""
_AT_ONCE = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
"""Without waiting, for a pipe would let whoever opens it wait for ever."""
DAMAGED = "damaged, cut short, or of a rare kind; put a whole copy in its place, or save it anew"
"""What is said of whatever a decoder fails at: its own words are for its authors."""
STRIP = 4_000_000
"""Pixels that are converted to RGB at a time."""


class BrokenPictureError(Exception):
    """A picture that cannot be read whole; the message says why."""


class Decoded(NamedTuple):
    """A picture H x W x 3 RGB, and whether it was turned as its EXIF orientation says."""

    pixels: Pixels
    turned: bool


def read_pixels(path: Path) -> Pixels:
    """Read a picture as H x W x 3 RGB bytes, turned upright.

    Raises:
        BrokenPictureError: if the file is missing, cut short, no picture, or beyond the limits.
    """
    return open_picture(path).pixels


def open_picture(path: Path) -> Decoded:
    """Read a picture, as :func:`read_pixels` does, and tell whether it was turned.

    Raises:
        BrokenPictureError: if the file is missing, cut short, no picture, or beyond the limits.
    """
    return _decoded(read_bytes(path), str(path))


def read_bytes(path: Path) -> bytes:
    """Return a picture file's bytes.

    Raises:
        BrokenPictureError: if it is missing, no regular file, too large, or of a format that is not read.
    """
    try:
        opened = os.open(path, _AT_ONCE)
        try:
            data = _read_regular(opened, path)
        finally:
            os.close(opened)
    except (OSError, ValueError) as error:  # ValueError: a path with a null character
        raise BrokenPictureError(f"{path}: {getattr(error, 'strerror', None) or error}") from None
    problem = None if data.startswith(START) else why_unread(data[:HEAD], path.suffix)
    if problem is not None:
        raise BrokenPictureError(f"{path}: {problem}")
    return data


def _read_regular(opened: int, path: Path) -> bytes:
    # By the system's own calls: of small pictures, a file object would take as long as a part of the decoding.
    status = os.fstat(opened)
    if not stat.S_ISREG(status.st_mode) and not stat.S_ISDIR(status.st_mode):
        raise BrokenPictureError(f"{path}: no regular file, but a pipe or a device")
    if status.st_size > MAX_BYTES:
        size = f"{status.st_size:,} bytes are more than the {MAX_BYTES:,}"
        raise BrokenPictureError(f"{path}: {size} a picture may have; make it smaller")
    data = os.read(opened, status.st_size + 1)  # of a folder, the system says that it is one
    while len(data) < status.st_size and (more := os.read(opened, status.st_size - len(data))):
        data += more
    return data


def decode(data: bytes, origin: str = "picture") -> Pixels:
    """Decode the bytes of a picture file to H x W x 3 RGB, turned upright; ``origin`` is how errors call it.

    Grey is repeated, 16 bits become 8 by their upper half, alpha is dropped.

    Raises:
        BrokenPictureError: if the bytes are cut short, no picture, several pictures, or beyond the limits.
    """
    return _decoded(data, origin).pixels


def _decoded(data: bytes, origin: str) -> Decoded:
    if data.startswith(START):
        try:
            head = read_head(data)
            return Decoded(decode_jpeg(data, head), head.orientation != UPRIGHT)
        except OtherColoursError:
            pass
        except BeyondLimitsError as error:
            raise BrokenPictureError(f"{origin}: {error}") from None
        except ValueError:
            raise BrokenPictureError(f"{origin}: a JPEG, {DAMAGED}") from None
    return _decode_other(data, origin)


def _decode_other(data: bytes, origin: str) -> Decoded:
    from PIL import Image, UnidentifiedImageError

    found = format_of(data[:HEAD])
    try:
        with Image.open(io.BytesIO(data), formats=PILLOW) as image, in_turn_if_large(image.width * image.height):
            _refuse(image, len(data))
            orientation = _orientation(image)
            image.info.pop("xmp", None)  # by which Pillow would turn a TIFF that has no orientation in its EXIF data
            pixels = _rgb(image)
            # Pillow itself turns a TIFF.
            return Decoded(pixels if image.format == "TIFF" else turn(pixels, orientation), orientation != UPRIGHT)
    except UnidentifiedImageError:
        unread = why_unread(data[:HEAD], "") or (f"{_a(found)}, {DAMAGED}" if found else "not a picture")
        raise BrokenPictureError(f"{origin}: {unread if data else 'empty'}") from None
    except Image.DecompressionBombError:
        raise BrokenPictureError(
            f"{origin}: many more pixels than the {MAX_PIXELS:,} a picture may have; make it smaller"
        ) from None
    except BeyondLimitsError as error:
        raise BrokenPictureError(f"{origin}: {error}") from None
    except Exception:  # damaged bytes raise OSError, SyntaxError, struct.error, zlib.error and more
        raise BrokenPictureError(f"{origin}: {_a(found)}, {DAMAGED}") from None


def _a(kind: str | None) -> str:
    return f"{'an' if kind == 'AVIF' else 'a'} {kind or 'picture'}"


def pixels_of_image(image: Image) -> Pixels:
    """Return a picture that Pillow holds or has opened as H x W x 3 RGB bytes, as its file would be read.

    It is turned as its EXIF orientation says, if it still has one, and is itself left as it is; several threads may
    give the same one. Of a JPEG in CMYK, which Pillow converts otherwise, bytes may differ by 1 from those of its file.

    Raises:
        BrokenPictureError: if it has no pixels, several pictures, or is beyond the limits or damaged.
    """
    try:
        if not image.width * image.height:
            raise BeyondLimitsError("has no pixels")
        with in_turn_if_large(image.width * image.height):
            with _loading:
                _refuse(image, 0)
                orientation, xmp = _orientation(image), image.info.pop("xmp", None)
                try:
                    image.load()
                finally:
                    if xmp is not None:
                        image.info["xmp"] = xmp
            pixels = _rgb(image)
            return pixels if image.format == "TIFF" else turn(pixels, orientation)
    except BeyondLimitsError as error:
        raise BrokenPictureError(str(error)) from None
    except Exception:  # damaged files raise many things once they are decoded
        raise BrokenPictureError(f"{_a(image.format)}, {DAMAGED}") from None


def _refuse(image: Image, size: int) -> None:
    kind = image.format or ""
    refuse_many_pixels(*image.size, FEWER_PIXELS.get(kind, MAX_PIXELS), "picture of this format")
    slow = SLOW_DECODERS.get(_decoder(image))
    if slow is not None and max(image.width * image.height, size // 4) > MAX_SLOW:
        raise BeyondLimitsError(
            f"{image.width} x {image.height} pixels in {size:,} bytes take too long in this kind of {slow}; "
            "save it as PNG"
        )
    if kind not in ("JPEG", "MPO") and getattr(image, "is_animated", False):
        raise BeyondLimitsError("holds several pictures; save the one that is meant as a file of its own")
    if image.mode == "F" or (image.mode == "I" and kind != "PPM"):
        raise BeyondLimitsError("pixels of 32 bits have no known range; save it with 8 bits")


def _decoder(image: Image) -> str:
    tiles = getattr(image, "tile", None)
    return str(tiles[0][0]) if tiles else ""


def _orientation(image: Image) -> int:
    # Of EXIF alone: Pillow would also look for one in XMP, where hardly anybody else does.
    try:
        tags = getattr(image, "tag_v2", None)
        if tags is None:
            from PIL.Image import Exif

            tags = Exif()
            tags.load(image.info.get("exif", b""))
        return known_orientation(tags.get(0x0112))
    except Exception:  # damaged EXIF data raise many things, and are no reason to leave out a picture
        return UPRIGHT


def _rgb(image: Image) -> Pixels:
    # In strips, for each conversion of Pillow's copies the whole picture.
    image.load()
    pixels: Pixels = np.empty((image.height, image.width, 3), np.uint8)
    rows = max(1, STRIP // image.width)
    for top in range(0, image.height, rows):
        bottom = min(top + rows, image.height)
        strip = image if rows >= image.height else image.crop((0, top, image.width, bottom))
        if image.mode.startswith("I"):  # 16 bits, of which Pillow's own conversion would clip all above 255
            pixels[top:bottom] = (np.asarray(strip) >> 8).astype(np.uint8)[:, :, None]
        else:
            pixels[top:bottom] = np.asarray(strip if strip.mode == "RGB" else strip.convert("RGB"))
    return pixels


def resize(pixels: Pixels, height: int, width: int) -> Pixels:
    """Resize H x W x 3 to height x width: by area where it shrinks, linearly where it grows."""
    if pixels.shape[:2] == (height, width):
        return pixels
    shrinks = pixels.shape[0] * pixels.shape[1] > height * width
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return cv2.resize(pixels, (width, height), interpolation=method)  # type: ignore[return-value]

"""One picture from its file to pixels of a fixed size.

Pixels are taken as stored: alpha is dropped, and the EXIF orientation of a JPEG, PNG or WebP is not applied, as other
re-identification code does too, so that everybody sees the same pixels.
"""

from __future__ import annotations

import io
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import simplejpeg

Pixels = npt.NDArray[np.uint8]

MAX_PIXELS = 80_000_000
"""The most pixels a picture may claim to have: a few damaged bytes must not ask for all the memory."""


class BrokenPictureError(Exception):
    """A picture that cannot be read whole; the message says why."""


def read_pixels(path: Path) -> Pixels:
    """Read a picture as H x W x 3 RGB bytes.

    Raises:
        BrokenPictureError: if the file is missing, cut short, or no picture.
    """
    try:
        data = path.read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a path with a null character
        raise BrokenPictureError(f"{path}: {getattr(error, 'strerror', None) or error}") from None
    return decode(data, str(path))


def decode(data: bytes, origin: str = "picture") -> Pixels:
    """Decode the bytes of a picture file to H x W x 3 RGB; ``origin`` is how errors call it.

    Grey is repeated, 16 bits become 8 by their upper half, alpha is dropped.

    Raises:
        BrokenPictureError: if the bytes are cut short, no picture, or more than ``MAX_PIXELS``.
    """
    if data[:3] == b"\xff\xd8\xff":
        try:
            height, width = simplejpeg.decode_jpeg_header(data)[:2]
            _refuse_huge(width, height)
            return simplejpeg.decode_jpeg(data, colorspace="RGB", strict=True)  # type: ignore[no-any-return]
        except ValueError as error:
            if "colorspace" not in str(error).lower():
                raise BrokenPictureError(f"{origin}: {str(error).rstrip('.')}") from None
    return _decode_other(data, origin)


def _refuse_huge(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise ValueError(f"{width} x {height} pixels are more than the {MAX_PIXELS:,} a picture may have")


def _decode_other(data: bytes, origin: str) -> Pixels:
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(data)) as image:
            _refuse_huge(*image.size)
            if image.mode in ("I", "F"):
                raise ValueError("pixels of 32 bits have no known range; save it with 8 bits")
            if image.mode.startswith("I;16"):  # Pillow's own conversion would clip at 255
                upper = (np.array(image) >> 8).astype(np.uint8)
                return np.repeat(upper[:, :, None], 3, axis=2)
            return np.array(image.convert("RGB"))
    except UnidentifiedImageError:
        raise BrokenPictureError(f"{origin}: {'not a picture' if data else 'empty'}") from None
    except Exception as error:  # damaged bytes raise OSError, SyntaxError, struct.error, zlib.error and more
        raise BrokenPictureError(f"{origin}: {str(error).rstrip('.') or 'damaged'}") from None


def resize(pixels: Pixels, height: int, width: int) -> Pixels:
    """Resize H x W x 3 to height x width: by area where it shrinks, linearly where it grows."""
    if pixels.shape[:2] == (height, width):
        return pixels
    shrinks = pixels.shape[0] * pixels.shape[1] > height * width
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return cv2.resize(pixels, (width, height), interpolation=method)  # type: ignore[return-value]

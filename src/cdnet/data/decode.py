"""One picture from its file to pixels of a fixed size."""

from __future__ import annotations

import io
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import simplejpeg

Pixels = npt.NDArray[np.uint8]


class BrokenPictureError(Exception):
    """A picture that cannot be read whole; the message says why."""


def read_pixels(path: Path) -> Pixels:
    """Read a picture as H x W x 3 RGB bytes.

    Raises:
        BrokenPictureError: if the file is missing, cut short, or no picture.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BrokenPictureError(f"{path}: {error.strerror}") from None
    return decode(data, str(path))


def decode(data: bytes, origin: str = "picture") -> Pixels:
    """Decode the bytes of a picture file to H x W x 3 RGB; ``origin`` is how errors call it.

    Raises:
        BrokenPictureError: if the bytes are cut short or no picture.
    """
    if data[:3] == b"\xff\xd8\xff":
        try:
            return simplejpeg.decode_jpeg(data, colorspace="RGB", strict=True)  # type: ignore[no-any-return]
        except ValueError as error:
            if "colorspace" not in str(error).lower():
                raise BrokenPictureError(f"{origin}: {str(error).rstrip('.')}") from None
    return _decode_other(data, origin)


def _decode_other(data: bytes, origin: str) -> Pixels:
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(data)) as image:
            return np.array(image.convert("RGB"))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        reason = "not a picture" if isinstance(error, UnidentifiedImageError) else str(error).rstrip(".")
        raise BrokenPictureError(f"{origin}: {reason or 'empty'}") from None


def resize(pixels: Pixels, height: int, width: int) -> Pixels:
    """Resize H x W x 3 to height x width: by area where it shrinks, linearly where it grows."""
    if pixels.shape[:2] == (height, width):
        return pixels
    shrinks = pixels.shape[0] * pixels.shape[1] > height * width
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return cv2.resize(pixels, (width, height), interpolation=method)  # type: ignore[return-value]

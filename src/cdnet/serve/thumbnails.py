"""Pictures of entries as browsers show them: JPEG of a bounded size, with nothing of the file but its pixels."""

from __future__ import annotations

import cv2
import numpy as np

from cdnet.data.decode import decode

LONGEST = 640
"""Pixels of the longer side."""


def thumbnail(data: bytes, origin: str) -> bytes:
    """Return the bytes of a JPEG of a picture file's bytes, at most 640 pixels high and wide.

    Raises:
        BrokenPictureError: if it is no picture that can be read; ``origin`` is how it is called then.
    """
    pixels = decode(data, origin)
    scale = LONGEST / max(pixels.shape[:2])
    if scale < 1:
        size = (max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale)))
        pixels = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
    made = cv2.imencode(".jpg", np.ascontiguousarray(pixels[..., ::-1]), [cv2.IMWRITE_JPEG_QUALITY, 90])[1]
    return bytes(made.tobytes())

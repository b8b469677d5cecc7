"""Boxes of persons on a frame, in the forms that detectors and trackers have them, and the parts that they cut out."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from cdnet.data.decode import Pixels
from cdnet.errors import CdnetError

FORMATS = ("xyxy", "ltwh", "cxcywh", "mot")
"""Left, top, right, bottom; left, top, width, height; centre, width, height; and whole rows of a MOT file."""

_MOT_COLUMNS = range(7, 11)


def to_xyxy(boxes: Any, form: str = "xyxy") -> npt.NDArray[np.float64]:
    """Return boxes as N x 4 numbers: left, top, right, bottom.

    Args:
        boxes: an array, tensor or list N x 4 in the form that ``form`` says; or what has them as ``xyxy``, such as
            ultralytics' ``Results`` and ``Boxes`` and supervision's ``Detections``.
        form: one of ``FORMATS``. ``mot`` takes rows of 7 to 10 numbers as MOTChallenge's files have them (frame,
            identity, left, top, width, height, confidence, ...), whose pixels are counted from 1.

    Raises:
        CdnetError: if they are of another shape, or a number is not finite.
    """
    if form not in FORMATS:
        raise CdnetError(f"{form!r} is no form of boxes; known are {', '.join(FORMATS)}")
    found = boxes
    for name in ("boxes", "xyxy"):
        found = getattr(found, name, found)
    if found is not boxes and form != "xyxy":
        raise CdnetError(f"these boxes say themselves that they are xyxy; leave out {form!r}")
    found = found.detach().cpu().numpy() if hasattr(found, "detach") else found
    try:
        # Complex numbers would lose their second half with no more than a warning.
        numbers = np.asarray(found).astype(np.float64, casting="same_kind")
    except (TypeError, ValueError):
        raise CdnetError("boxes are rows of four numbers, and these are not all numbers, or not equally many") from None
    if not numbers.size:
        return np.zeros((0, 4))
    numbers = numbers[None] if numbers.ndim == 1 else numbers
    if numbers.ndim != 2 or numbers.shape[1] not in (_MOT_COLUMNS if form == "mot" else (4,)):
        shape = " x ".join(map(str, numbers.shape))
        wanted = "N x 7 to N x 10" if form == "mot" else "N x 4"
        raise CdnetError(f"boxes of the form {form} are {wanted} numbers, not {shape}; give these columns alone")
    numbers = numbers[:, 2:6] if form == "mot" else numbers
    if not np.isfinite(numbers).all():
        raise CdnetError(f"box {int((~np.isfinite(numbers)).any(1).argmax())} has a number that is not finite")
    if form == "xyxy":
        return numbers
    first, sides = numbers[:, :2] - (form == "mot"), numbers[:, 2:]
    first = first - sides / 2 if form == "cxcywh" else first
    return np.concatenate([first, first + sides], axis=1)


def cut(frame: Pixels, boxes: npt.NDArray[np.float64]) -> list[Pixels]:
    """Return the part of a frame H x W x 3 in each box N x 4 (xyxy), cut off at the frame's edges.

    Fractions of pixels are dropped, as trackers do.

    Raises:
        CdnetError: if a box has no pixel within the frame; it says which.
    """
    height, width = frame.shape[:2]
    edges = np.clip(np.trunc(boxes), 0, (width, height, width, height)).astype(int)
    for number, (left, top, right, bottom) in enumerate(edges):
        if right <= left or bottom <= top:
            said = ", ".join(f"{value:g}" for value in boxes[number])
            raise CdnetError(
                f"box {number} ({said}) has no pixel within the frame, which is {width} wide and {height} high; boxes "
                "are left, top, right, bottom unless something else is said"
            )
    return [frame[top:bottom, left:right] for left, top, right, bottom in edges]

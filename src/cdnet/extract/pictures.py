"""Whatever holds a picture as H x W x 3 RGB bytes: a file, Pillow's, an array, a tensor."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from cdnet.data.decode import BrokenPictureError, Pixels, pixels_of_image, read_pixels
from cdnet.data.limits import refuse_many_pixels
from cdnet.errors import CdnetError

Read = Callable[[], Pixels]
"""Gives one picture's pixels when it is called, in whatever thread."""

KINDS = "a path, a PIL picture, an array H x W x 3 or a tensor 3 x H x W"


def readers(pictures: Any, bgr: bool = False) -> list[Read]:
    """Return what reads each of the pictures; nothing is decoded yet.

    Args:
        pictures: one or several: paths, Pillow's pictures, arrays H x W x 3 or N x H x W x 3, tensors 3 x H x W or
            N x 3 x H x W. Arrays and tensors hold bytes, 16-bit numbers, of which the upper half counts, or floats from
            0 to 1; a channel of grey is repeated and alpha is dropped.
        bgr: whether the channels of arrays and tensors are blue, green, red; files and Pillow's say it themselves.

    Raises:
        CdnetError: if there is none, or one is none of these kinds; it says which.
    """
    if isinstance(pictures, str | os.PathLike | np.ndarray | torch.Tensor) or _is_pil(pictures):
        found = _one_or_batch(pictures, bgr, "")
    elif isinstance(pictures, Iterable) and not isinstance(pictures, bytes | dict):
        found = []
        for number, picture in enumerate(pictures):
            found += _one_or_batch(picture, bgr, f"picture {number}: ")
    else:
        raise CdnetError(f"a {type(pictures).__name__} is no picture; give {KINDS}, or several of them")
    if not found:
        raise CdnetError("no pictures are given; give at least one")
    return found


def _is_pil(picture: object) -> bool:
    from PIL import Image

    return isinstance(picture, Image.Image)


def _one_or_batch(picture: Any, bgr: bool, where: str) -> list[Read]:
    if isinstance(picture, str | os.PathLike):
        path = Path(os.fsdecode(picture))
        return [lambda: _said(lambda: read_pixels(path), "")]
    if _is_pil(picture):
        return [lambda: _said(lambda: pixels_of_image(picture), where or "picture: ")]
    if isinstance(picture, torch.Tensor):
        array = _in_memory(picture, where)
        if array.ndim not in (3, 4) or array.shape[-3] not in (1, 3, 4):
            raise CdnetError(f"{where}a tensor of {_shape(array)} is no picture; tensors are 3 x H x W, or N of them")
        values = np.moveaxis(array.numpy(), -3, -1)
    elif isinstance(picture, np.ndarray):
        values = picture[:, :, None] if picture.ndim == 2 else picture
        if values.ndim not in (3, 4) or values.shape[-1] not in (1, 3, 4):
            raise CdnetError(f"{where}an array of {_shape(values)} is no picture; arrays are H x W x 3, or N of them")
    else:
        raise CdnetError(f"{where}a {type(picture).__name__} is no picture; give {KINDS}")
    each = values if values.ndim == 4 else values[None]
    return [_reader_of(one, bgr, where or "picture: ") for one in each]


def _in_memory(tensor: torch.Tensor, where: str) -> torch.Tensor:
    if tensor.layout != torch.strided or tensor.is_meta or tensor.is_quantized:
        raise CdnetError(
            f"{where}a tensor that is sparse, quantised or without data is no picture; make it a plain one"
        )
    array = tensor.detach().cpu()
    return array.float() if array.dtype in (torch.bfloat16, torch.float16) else array


def _reader_of(values: np.ndarray, bgr: bool, where: str) -> Read:
    if not values.size:
        raise CdnetError(f"{where}an array of {_shape(values)} has no pixels")
    return lambda: _said(lambda: as_bytes(values, bgr), where)


def as_bytes(values: np.ndarray, bgr: bool = False) -> Pixels:
    """Return an array H x W x 1, 3 or 4 as H x W x 3 RGB bytes.

    Raises:
        BrokenPictureError: if its numbers have no known range, or it has too many pixels.
    """
    try:
        refuse_many_pixels(values.shape[1], values.shape[0])
    except ValueError as error:
        raise BrokenPictureError(str(error)) from None
    if values.dtype == np.uint16:
        values = (values >> 8).astype(np.uint8)
    elif values.dtype.kind == "f":
        # Written so that NaN is refused too.
        if not (values.min() >= 0 and values.max() <= 1):
            raise BrokenPictureError(
                f"floats from {values.min():g} to {values.max():g}, and only those from 0 to 1 have a known meaning; "
                "give bytes, and nothing that is normalised"
            )
        values = np.round(values * 255).astype(np.uint8)
    elif values.dtype == bool or values.dtype != np.uint8:
        raise BrokenPictureError(f"numbers of the type {values.dtype} have no known range; give bytes (uint8)")
    if values.shape[2] == 1:
        values = np.repeat(values, 3, axis=2)
    values = values[:, :, 2::-1] if bgr else values[:, :, :3]
    return np.ascontiguousarray(values)


def _said(read: Read, where: str) -> Pixels:
    try:
        return read()
    except BrokenPictureError as error:
        raise CdnetError(f"{where}{error}") from None


def _shape(values: Any) -> str:
    return " x ".join(map(str, values.shape)) or "no axes"

"""Published weights in our form: the authors' CDNet and CNet, torchreid's OSNet, and torchvision's ResNet-50.

Only tensors are taken from a file (``tensors.py``). A module an origin says how its names differ from ours, and
``others.py`` names what is not read.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import torch

from cdnet.errors import CdnetError
from cdnet.published import release, torchreid, torchvision
from cdnet.published.file import PublishedFile
from cdnet.published.fit import Converted, see_that_it_works
from cdnet.published.others import name_other
from cdnet.published.tensors import printable, read_tensors
from cdnet.weights import TrainedOn

ORIGINS = (release, torchreid, torchvision)

__all__ = ["Converted", "convert"]


def convert(path: Path, size: tuple[int, int] | None = None, kind: str | None = None) -> Converted:
    """Read a published file and return the network that it holds.

    Args:
        path: a torch file of a state dict, perhaps within a training checkpoint, or safetensors.
        size: height and width of the pictures that the network gets; without it, those it was trained on as published.
        kind: ``reid`` or ``classes``; without it, the number of the release's classes tells.

    Raises:
        CdnetError: if the file is damaged, holds anything but tensors, or those of another network, or its numbers are
            not those of a trained one.
    """
    tensors = read_tensors(path)
    names = list(tensors)
    other = name_other(names)
    if other:
        raise CdnetError(f"{path}: {other}")
    for origin in ORIGINS:
        if origin.recognise(tensors):
            converted: Converted = origin.take(PublishedFile(path, tensors, _describe_file(path), size, kind))
            converted.try_on_shapes()
            see_that_it_works(converted, path)
            if any(tensor.dtype == torch.float64 for tensor in tensors.values()):
                rounded = "its 64-bit floats are rounded to 32 bits"
                converted = replace(converted, notes=(*converted.notes, rounded))
            return converted
    has = f"they begin with {printable(names[0])}" if names else "it has none"
    raise CdnetError(
        f"{path}: the names of its tensors are neither those of OSNet nor those of ResNet-50, and not those of the "
        f"authors' CDNet or CNet: {has}"
    )


def _describe_file(path: Path) -> TrainedOn:
    with path.open("rb") as file:
        return {"published": path.name, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}

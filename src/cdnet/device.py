"""Choosing where tensors live."""

from __future__ import annotations

import torch

from cdnet.errors import CdnetError


def choose_device(name: str = "auto") -> torch.device:
    """Return the device that ``auto``, ``cpu`` or ``cuda`` means here.

    Raises:
        CdnetError: if CUDA is asked for and there is none.
    """
    available = torch.cuda.is_available()
    if name == "cuda" and not available:
        raise CdnetError("no CUDA device is available here; use --device cpu or auto")
    return torch.device("cuda" if name != "cpu" and available else "cpu")

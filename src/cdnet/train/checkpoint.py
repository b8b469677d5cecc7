"""Training state on disk: written atomically, read back without unpickling anything but tensors and plain values."""

from __future__ import annotations

import io
import pickle
import zipfile
from pathlib import Path
from typing import Any

import torch

from cdnet.errors import CdnetError
from cdnet.files import write_atomically

FILE = "checkpoint.pt"
FORMAT = 1


def save_checkpoint(run: Path, state: dict[str, Any]) -> None:
    """Replace the run's checkpoint by ``state``: tensors, numbers, texts, and dicts and lists of them.

    Raises:
        CdnetError: if it cannot be written; the previous checkpoint is then still there, whole.
    """
    # In memory first: torch's writer hides a full disk behind an error of its own.
    content = io.BytesIO()
    torch.save({"format": FORMAT, **state}, content)
    write_atomically(run / FILE, lambda file: file.write(content.getbuffer()))


def load_checkpoint(run: Path) -> dict[str, Any]:
    """Read the run's checkpoint onto the CPU.

    Raises:
        CdnetError: if there is none, or it is cut short or no checkpoint of this version.
    """
    path = run / FILE
    if not path.is_file():
        raise CdnetError(f"{run}: nothing to resume, there is no {FILE}")
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        if state["format"] != FORMAT or not {"place", "source"} <= state.keys():
            raise CdnetError(f"{path}: a checkpoint of another version of cdnet")
    except (RuntimeError, EOFError, OSError, LookupError, TypeError, pickle.UnpicklingError, zipfile.BadZipFile):
        raise CdnetError(f"{path}: cut short or no checkpoint; remove the run's folder to start again") from None
    return state

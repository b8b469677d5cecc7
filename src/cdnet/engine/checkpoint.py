"""Training state on disk: written atomically, read back without unpickling anything but tensors and plain values."""

from __future__ import annotations

import io
import math
import zipfile
from pathlib import Path
from typing import Any, Required, TypedDict, cast

import torch
from torch import Tensor

from cdnet.engine.log_line import LogLine, check_line
from cdnet.errors import CdnetError
from cdnet.files import saying_what_was_not_read, write_atomically

FILE = "checkpoint.pt"
FORMAT = 1

WAY_OUT = "put a whole copy in its place, or start again in another folder; what else lies here is as it was"

Weights = dict[str, Tensor]
TorchState = dict[str, Any]
"""Of an optimiser, or of the scaler of mixed precision: what it is made of is torch's own."""


class PlaceState(TypedDict):
    """A :class:`~cdnet.engine.epoch.Place` as a checkpoint keeps it."""

    epoch: int
    step: int
    images: int
    seconds: float
    sums: Tensor | None


class Source(TypedDict, total=False):
    """What tells the pictures of a run from others: how many, and digests of their names or of what they hold."""

    pictures: int
    identities: int
    names: str
    classes: list[str]
    digest: str
    teacher: str


class WorkState(TypedDict, total=False):
    """What a session's work keeps in a checkpoint, beside the place: training's, and a search's."""

    source: Required[Source]
    model: Weights
    average: Weights
    optimizer: TorchState
    scaler: TorchState | None
    supernet: Weights
    w_optimizer: TorchState
    alpha_optimizer: TorchState
    latency: object


class Checkpoint(WorkState, total=False):
    """What a run goes on from.

    ``line`` is that of an epoch which is worked through and not yet ended, ``logged`` the last one that the log got.
    """

    place: Required[PlaceState]
    line: LogLine | None
    logged: LogLine | None
    threads: int


def save_checkpoint(run: Path, state: Checkpoint) -> None:
    """Replace the run's checkpoint by ``state``: tensors, numbers, texts, and dicts and lists of them.

    Raises:
        CdnetError: if it cannot be written; the previous checkpoint is then still there, whole.
    """
    # In memory first: torch's writer hides a full disk behind an error of its own.
    content = io.BytesIO()
    torch.save({"format": FORMAT, **state}, content)
    write_atomically(run / FILE, lambda file: file.write(content.getbuffer()))


def load_checkpoint(run: Path) -> Checkpoint:
    """Read the run's checkpoint onto the CPU.

    Returns:
        What :func:`save_checkpoint` was given, with at least ``place`` and ``source``. What it says of the run's place,
        its last log lines (``line``, ``logged``) and its ``threads`` has been seen to be possible.

    Raises:
        CdnetError: if there is none, or the system does not let it be read, or it is cut short or damaged, or no
            checkpoint of this version.
    """
    path = run / FILE
    with saying_what_was_not_read(path):
        if not path.is_file():
            raise CdnetError(f"{run}: nothing to resume, there is no {FILE}")
        with path.open("rb"):
            pass  # what the system says is passed on
    try:
        _check_sums(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception:  # what damaged bytes lead to inside torch is of no one kind
        raise CdnetError(f"{path}: cut short, damaged or no checkpoint; {WAY_OUT}") from None
    if not isinstance(state, dict) or state.get("format") != FORMAT or not {"place", "source"} <= state.keys():
        raise CdnetError(f"{path}: a checkpoint of another version of cdnet, or none of cdnet")
    try:
        _check(state)
    except ValueError as error:
        raise CdnetError(f"{path}: damaged, {error}; {WAY_OUT}") from None
    return cast("Checkpoint", state)


def _check_sums(path: Path) -> None:
    """See that each part is stored plainly and has the check sum written down for it; torch looks at none.

    Raises:
        ValueError: if one has not.
        zipfile.BadZipFile: if it is no archive.
    """
    with zipfile.ZipFile(path) as archive:
        parts = archive.infolist()
        plain = all(part.compress_type == zipfile.ZIP_STORED for part in parts)
        # Before the sums are computed: parts may lie over each other, any number of times.
        if not plain or sum(part.file_size for part in parts) > path.stat().st_size or archive.testzip() is not None:
            raise ValueError


def _check(state: dict[str, Any]) -> None:  # of any kind, until it is looked at
    if not isinstance(state["source"], dict):
        raise ValueError("the pictures it was trained on are not told")
    place = state["place"]
    if not isinstance(place, dict) or not {"epoch", "step", "images", "seconds", "sums"} <= place.keys():
        raise ValueError("its place in training is none")
    counts = [place[key] for key in ("epoch", "step", "images")]
    if not all(type(count) is int and 0 <= count < 2**53 for count in counts):
        raise ValueError("its place in training is not counted in whole numbers")
    seconds, sums = place["seconds"], place["sums"]
    if type(seconds) is not float or not 0 <= seconds < math.inf:
        raise ValueError("its time in training is none")
    if (sums is None) != (place["step"] == 0) or (sums is not None and not _are_sums(sums)):
        raise ValueError("the sums of its unfinished epoch are none")
    for key in ("line", "logged"):
        line = state.get(key)
        if line is not None:
            try:
                check_line(line)
            except ValueError as error:
                raise ValueError(f"its line of the log is none ({error})") from None
            # Where an epoch is worked through and not yet ended, what is logged is the one before.
            ended = place["epoch"] - (key == "logged" and state.get("line") is not None)
            if line["epoch"] != ended:
                raise ValueError(f"its line of the log is of epoch {line['epoch']}, not of {ended}")
    threads = state.get("threads", 1)
    if type(threads) is not int or threads < 1:
        raise ValueError("its number of threads is none")


def _are_sums(value: object) -> bool:
    return (
        isinstance(value, Tensor) and value.dtype == torch.double and value.dim() == 1 and bool(value.isfinite().all())
    )

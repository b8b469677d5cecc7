"""Whether two runs came to the same, bit for bit."""

from __future__ import annotations

from pathlib import Path

import torch

from cdnet.engine.checkpoint import load_checkpoint
from cdnet.engine.record import read_log

OF_THE_PLACE = {"place", "line", "logged", "threads"}
TIMES = {"seconds", "images_per_second", "evaluation_seconds", "milliseconds_per_image"}


def same_run(one: Path, other: Path) -> bool:
    """Compare two runs' checkpoints, logs and weights, all but how long it took."""
    states = [{k: v for k, v in load_checkpoint(run).items() if k not in OF_THE_PLACE} for run in (one, other)]
    logs = [[{k: v for k, v in line.items() if k not in TIMES} for line in read_log(run)] for run in (one, other)]
    files = [run / "weights.safetensors" for run in (one, other)]
    weights = [file.read_bytes() if file.exists() else None for file in files]
    return _same(*states) and logs[0] == logs[1] and weights[0] == weights[1]


def _same(one: object, other: object) -> bool:
    if isinstance(one, torch.Tensor) and isinstance(other, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(_same, one, other))
    return one == other

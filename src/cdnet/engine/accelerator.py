"""The device, precision and processes of a run, by accelerate."""

from __future__ import annotations

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState

from cdnet.device import choose_device
from cdnet.errors import CdnetError


def make_accelerator(device: str, precision: str) -> Accelerator:
    """Return accelerate's front for this process.

    Args:
        device: auto, cpu or cuda.
        precision: fp32, bf16 or fp16.

    Raises:
        CdnetError: if the device is not there, or cannot compute in that precision.
    """
    on_cpu = choose_device(device).type == "cpu"
    if precision == "fp16" and on_cpu:
        raise CdnetError("fp16 needs a GPU; on a CPU use fp32 or bf16")
    if not on_cpu:
        torch.backends.cudnn.benchmark = True
    if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
        # accelerate remembers the first run's device and precision for the whole process; each run has its own.
        AcceleratorState._reset_state(reset_partial_state=True)
    return Accelerator(cpu=on_cpu, mixed_precision="no" if precision == "fp32" else precision)

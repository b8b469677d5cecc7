"""Random numbers that are a pure function of where they are drawn: seed, epoch, step, purpose."""

from __future__ import annotations

import numpy as np
import torch


def seed_of(*numbers: int) -> int:
    """Return a seed of 63 bits that belongs to these numbers (each at least 0), in their order, alone."""
    state = np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0]
    return int(state >> np.uint64(1))


def generator_of(*numbers: int) -> torch.Generator:
    """Return a generator of torch's, on the CPU, seeded by :func:`seed_of`."""
    return torch.Generator().manual_seed(seed_of(*numbers))

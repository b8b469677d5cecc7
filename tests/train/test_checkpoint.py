"""A checkpoint that cannot be written whole leaves the one before."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest
import torch

from cdnet.errors import CdnetError
from cdnet.train.checkpoint import FILE, load_checkpoint, save_checkpoint


def test_a_write_that_breaks_off_in_the_middle_is_one_sentence_and_leaves_the_old_checkpoint(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, {"place": 1, "source": "here", "model": torch.ones(3)})
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))  # as on a disk that fills up
    try:
        with pytest.raises(CdnetError, match=rf"{FILE} could not be written"):
            save_checkpoint(tmp_path, {"place": 2, "source": "here", "model": torch.ones(100_000)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert load_checkpoint(tmp_path)["place"] == 1
    assert [path.name for path in tmp_path.iterdir()] == [FILE]

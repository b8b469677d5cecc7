"""A small drawn data set that the tests of training, evaluation and the command line share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

# Two workers share two cores; more threads than that only get in each other's way.
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Market-1501's layout with 8 training and 4 test identities, 64 x 32 pixels, to be read only."""
    from cdnet.draw.market import draw_market1501

    root = tmp_path_factory.mktemp("market") / "drawn"
    draw_market1501(
        root,
        identities_train=8,
        identities_test=4,
        cameras=3,
        pictures_per_camera=3,
        distractors=3,
        junk=2,
        seed=1,
        size=(64, 32),
    )
    return root


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the tests out of the user's cache of decoded pictures."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))

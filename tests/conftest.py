"""A small drawn data set that the tests of training, evaluation and the command line share."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

# The same examples in every run, however slow the machine: other ones are tried by `make fuzz`.
settings.register_profile(
    "same", derandomize=True, database=None, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("same")

# Two workers share two cores; more threads than that only get in each other's way.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Bars and colours are for terminals, and no variable says that a file is one.
for variable in ("FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
    os.environ.pop(variable, None)


def _draw_alike() -> None:
    # What is drawn without a seed of its own hangs on nothing that happened before, so on no order of the tests.
    import numpy as np
    import torch

    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)


@pytest.hookimpl(tryfirst=True)
def pytest_fixture_setup() -> None:
    """Seed the generators of the whole process for a fixture."""
    _draw_alike()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_call() -> None:
    """Seed the generators of the whole process for a test."""
    _draw_alike()


@pytest.fixture(scope="session")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Market-1501's layout with 8 training and 4 test identities, 64 x 32 pixels, to be read only."""
    return _drawn(tmp_path_factory.mktemp("market") / "drawn", 8, 4)


@pytest.fixture(scope="session")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with 20 training and 6 test identities, for batches of 16."""
    return _drawn(tmp_path_factory.mktemp("crowd") / "drawn", 20, 6)


def _drawn(root: Path, training: int, test: int) -> Path:
    from cdnet.draw.market import draw_market1501

    draw_market1501(
        root,
        identities_train=training,
        identities_test=test,
        cameras=3,
        pictures_per_camera=3,
        distractors=3,
        junk=2,
        seed=1,
        size=(64, 32),
    )
    return root


COLOURS = {"blue": (60, 60, 190), "green": (60, 190, 60), "red": (190, 60, 60)}


@pytest.fixture(scope="session")
def colours(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Noisy pictures of three colours, a folder each: 48 to train on and 12 to test on, 32 x 32, to be read only."""
    import cv2
    import numpy as np

    root = tmp_path_factory.mktemp("colours")
    rng = np.random.default_rng(0)
    for split, count in (("train", 16), ("val", 4)):
        for name, colour in COLOURS.items():
            for number in range(count):
                pixels = np.clip(rng.normal(colour, 50, (32, 32, 3)), 0, 255).astype(np.uint8)
                path = root / split / name / f"{number}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                assert cv2.imwrite(str(path), pixels[:, :, ::-1])
    return root


def press_ctrl_c() -> None:
    """Do what a terminal does on Ctrl-C."""
    os.kill(os.getpid(), signal.SIGINT)


@pytest.fixture
def at_step(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[int]]:
    """Has something done when a function that takes a step begins one, Ctrl-C if nothing else is said.

    Takes the function's module or class, its name, the step's number from 1 over all epochs, and what is to be done;
    returns a list that gets the number of every step that is taken.
    """

    def watch(owner: Any, name: str, number: int, do: Callable[[], object] = press_ctrl_c) -> list[int]:
        taken: list[int] = []
        real = getattr(owner, name)

        def stepping(*given: Any) -> Any:
            taken.append(len(taken) + 1)
            if len(taken) == number:
                do()
            return real(*given)

        monkeypatch.setattr(owner, name, stepping)
        return taken

    return watch


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the tests, and the fixtures that several of them share, out of the user's cache of decoded pictures."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))
        yield

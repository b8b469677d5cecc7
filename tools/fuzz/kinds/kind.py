"""What a kind of input is to the fuzzer, and the small pictures that several share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tools.fuzz.damage import Draw


@dataclass(frozen=True)
class Kind:
    """One kind of input.

    Args:
        name: of the kind.
        prepare: a function of a module, which makes whole inputs in a folder, once for all kinds that name it.
        case: damages something of a copy of that folder, and returns the words of the command that reads it.
        changes: patterns of files that the command may write where it ends with 0; ``-`` in front, or remove.
        statuses: that it may end with.
        whole: words of the command that reads the inputs while they are whole; none if the case makes them itself.
        says: what that command has to say, by which it is known to have read all of it; nothing if it ends with 0.
    """

    name: str
    prepare: Callable[[Path], None]
    case: Callable[[Draw, Path], list[str]]
    changes: tuple[str, ...] = ()
    statuses: tuple[int, ...] = (0, 1, 2)
    whole: tuple[str, ...] = ()
    says: str = ""


def nothing(_folder: Path) -> None:
    """Prepare nothing."""


def draw_people(root: Path) -> None:
    """Draw a small data set in Market-1501's layout."""
    from cdnet.draw.market import draw_market1501

    few = {"cameras": 2, "pictures_per_camera": 2, "distractors": 1, "junk": 1}
    draw_market1501(root, identities_train=4, identities_test=3, seed=1, size=(64, 32), **few)


def pixels(number: int = 0, height: int = 40, width: int = 20) -> np.ndarray:
    """Return a picture H x W x 3, another for each number."""
    import cv2

    coarse = np.random.default_rng(number).integers(0, 256, (5, 3, 3), dtype=np.uint8)
    return np.ascontiguousarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC))


def run_quietly(words: list[str]) -> None:
    """Run a command that prepares inputs, which has to end with 0."""
    from cdnet.cli import main

    status = main(words)
    assert status == 0, f"{words} ended with {status}"

"""The demo's pictures: drawn once, and used again by the next demo of the same settings."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from cdnet.draw.market import draw_market1501
from cdnet.errors import CdnetError
from cdnet.files import write_text
from cdnet.json_file import read_json
from cdnet.progress import notes

log = notes(__name__)

DRAWN = "drawn.json"
MAX_BYTES = 2**16
"""Of it; it has some 300."""


@dataclass(frozen=True)
class Drawing:
    """What to draw, as :func:`cdnet.draw.market.draw_market1501` takes it; ``size`` is height and width."""

    identities_train: int = 200
    identities_test: int = 100
    cameras: int = 4
    pictures_per_camera: int = 4
    distractors: int = 100
    junk: int = 50
    seed: int = 0
    size: tuple[int, int] = (128, 64)


def drawn_pictures(out: Path, drawing: Drawing) -> tuple[Path, float]:
    """Return the folder below ``out`` with the pictures, drawn now or before, and the seconds that drawing took.

    Raises:
        CdnetError: if the drawing makes no sense, or the folder cannot be written.
    """
    root = numbered(out / "pictures", lambda folder: _seconds(folder, drawing) is not None)
    seconds = _seconds(root, drawing)
    if seconds is not None:
        return root, seconds
    log.info(f"drawing {drawing.identities_train + drawing.identities_test} pedestrians, in {root}")
    started = time.perf_counter()
    try:
        draw_market1501(root, **asdict(drawing))
    except OSError as error:
        raise CdnetError(f"{root} could not be written: {error.strerror or error}") from error
    seconds = round(time.perf_counter() - started, 2)
    # Written last: a folder with this file was drawn to its end.
    write_text(root / DRAWN, json.dumps({"drawing": asdict(drawing), "seconds": seconds}, indent=1) + "\n")
    return root, seconds


def numbered(folder: Path, fits: Callable[[Path], bool]) -> Path:
    """Return the first of ``folder``, ``folder-2``, ``folder-3`` ... that fits, is empty, or is not there yet."""
    number, found = 1, folder
    while not (fits(found) or not found.exists() or (found.is_dir() and not any(found.iterdir()))):
        number += 1
        found = folder.with_name(f"{folder.name}-{number}")
    return found


def _seconds(folder: Path, drawing: Drawing) -> float | None:
    """Return how long it took to draw a folder, None if it is not a whole drawing of these settings."""
    try:
        found = read_json(folder / DRAWN, MAX_BYTES)
        same = found["drawing"] == json.loads(json.dumps(asdict(drawing)))
        return float(found["seconds"]) if same else None
    except (OSError, ValueError, KeyError, TypeError):
        return None

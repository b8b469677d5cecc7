"""What a run writes down as it goes: ``log.jsonl``, one line an epoch, and the same for TensorBoard."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cdnet.errors import CdnetError
from cdnet.files import saying_what_failed, write_text

LOG = "log.jsonl"


def read_log(run: Path) -> list[dict[str, Any]]:
    """Return the lines of a run's log, oldest first; a last line that was cut short is left out."""
    lines: list[dict[str, Any]] = []
    path = run / LOG
    for line in path.read_text("utf-8").splitlines() if path.is_file() else []:
        try:
            lines.append(json.loads(line))
        except json.JSONDecodeError:
            break
    return lines


def read_whole_log(run: Path) -> list[dict[str, Any]]:
    """Return the lines of a finished run's log, at least one.

    Raises:
        CdnetError: if it is missing, or empty.
    """
    lines = read_log(run)
    if not lines:
        raise CdnetError(
            f"{run / LOG} is missing or empty, and what is made of it cannot be made; run it anew elsewhere"
        )
    return lines


class Record:
    """Appends to a run's log.

    Args:
        run: the run's folder.
        epochs: epochs already done; what an interrupted run wrote after them is taken back.
    """

    def __init__(self, run: Path, epochs: int = 0) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._path = run / LOG
        kept = [line for line in read_log(run) if line["epoch"] <= epochs]
        write_text(self._path, "".join(json.dumps(line) + "\n" for line in kept))
        self._board = SummaryWriter(run / "tensorboard", purge_step=epochs + 1)

    def add(self, line: Mapping[str, Any]) -> None:
        """Append one line; it needs an ``epoch``, and its numbers go to TensorBoard too.

        Raises:
            CdnetError: if the log cannot be written.
        """
        with saying_what_failed(self._path), self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        for key, value in line.items():
            values = value if isinstance(value, list) else [value]
            for number, item in enumerate(values, start=1):
                if isinstance(item, int | float) and key != "epoch":
                    name = f"{key}{number}" if isinstance(value, list) else key
                    self._board.add_scalar(name, item, line["epoch"])

    def close(self) -> None:
        """Flush TensorBoard's file."""
        self._board.close()

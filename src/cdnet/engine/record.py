"""What a run writes down as it goes: ``log.jsonl``, one line an epoch, and the same for TensorBoard."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from cdnet.engine.board import Board
from cdnet.engine.log_line import LogLine, parse_line, refuse_lacking, unlike
from cdnet.errors import CdnetError
from cdnet.files import refuse_no_file, saying_what_failed, saying_what_was_not_read, write_text

LOG = "log.jsonl"
MAX_BYTES = 64 * 2**20
"""The most bytes a log may have; one of a long search has some 2 million."""


@dataclass(frozen=True)
class FoundLines:
    """What a log's file holds: its lines up to the first that is none, and which that is and why, or nothing.

    ``last`` says that nothing follows the damaged line, and ``torn`` that it does not even end as lines do.
    """

    lines: list[LogLine]
    damage: str = ""
    last: bool = False
    torn: bool = False


def find_lines(run: Path) -> FoundLines:
    """Read a run's log as far as it can be read.

    Raises:
        CdnetError: if the system does not let it be read, or it is larger than any log.
    """
    path = run / LOG
    lines: list[LogLine] = []
    shapes: dict[str, tuple[int, ...]] = {}
    with saying_what_was_not_read(path):
        if not path.exists():
            return FoundLines([])
        refuse_no_file(path)
        if path.stat().st_size > MAX_BYTES:
            raise CdnetError(f"{path} has more than the {MAX_BYTES:,} bytes that a log may have; it is no log of a run")
        pieces = path.read_bytes().split(b"\n")
    torn = pieces.pop()
    for number, text in enumerate([*pieces, *([torn] if torn else [])], start=1):
        try:
            line = parse_line(text)
            if lines and line["epoch"] <= lines[-1]["epoch"]:
                raise ValueError(f"epoch {line['epoch']} after epoch {lines[-1]['epoch']}")
            if key := unlike(line, shapes):
                raise ValueError(f"{key} has other lengths than in the lines before")
        except ValueError as error:
            damage = f"{path}, line {number}: not a line of a run's log ({error})"
            return FoundLines(lines, damage, number == len(pieces) + bool(torn), number > len(pieces))
        lines.append(line)
    return FoundLines(lines)


def read_log(run: Path) -> list[LogLine]:
    """Return the lines of a run's log, oldest first; a last line that is being written, or was cut short, is left out.

    Raises:
        CdnetError: if another line is none, or the log cannot be read.
    """
    found = find_lines(run)
    if found.damage and not found.torn:
        raise CdnetError(f"{found.damage}; put that line right, or move the file away and have what it tells made anew")
    return found.lines


def read_whole_log(run: Path, wanted: Collection[str] = (), epochs: int = 0) -> list[LogLine]:
    """Return the lines of a finished run's log, at least one.

    Args:
        run: the run's folder.
        wanted: keys that every line has to have.
        epochs: that the run has; 0 if that is not known. Its last line must be there.

    Raises:
        CdnetError: if it is missing, or empty, or lacks what is wanted.
    """
    lines, path = read_log(run), run / LOG
    if not lines:
        raise CdnetError(f"{path} is missing or empty, and what is made of it cannot be made; run it anew elsewhere")
    if epochs and lines[-1]["epoch"] < epochs:
        raise CdnetError(
            f"{path} ends with epoch {lines[-1]['epoch']} of {epochs}, and what is made of it cannot be made; go on "
            "with the run by --resume, or run it anew elsewhere"
        )
    for line in lines:
        refuse_lacking(line, wanted, str(path))
    return lines


def missing_epochs(lines: Iterable[LogLine], epochs: int) -> list[int]:
    """Return which of so many epochs a log has no line of."""
    return sorted(set(range(1, epochs + 1)) - {line["epoch"] for line in lines})


class Record:
    """Appends to a run's log.

    Args:
        run: the run's folder.
        epochs: epochs already done; what an interrupted run wrote after them is taken back.
        last: the line of the last of them, as the checkpoint keeps it, to mend a log that lost it.

    ``missing`` are those of the epochs already done that the log has no line of.

    Raises:
        CdnetError: if a line of the epochs already done is damaged, and it is not the last.
    """

    def __init__(self, run: Path, epochs: int = 0, last: LogLine | None = None) -> None:
        self._path = run / LOG
        found = find_lines(run)
        kept = [line for line in found.lines if line["epoch"] <= epochs]
        reached = kept[-1]["epoch"] if kept else 0
        if found.damage and not found.last and reached < epochs:
            raise CdnetError(
                f"{found.damage}; put that line right, or move the file away, and the run goes on without the log "
                f"of the epochs before"
            )
        if last is not None and reached < last["epoch"] <= epochs:
            kept.append(last)
        self.missing = missing_epochs(kept, epochs)
        write_text(self._path, "".join(json.dumps(line) + "\n" for line in kept))
        self._board = Board(run / "tensorboard", epochs)

    def add(self, line: LogLine) -> None:
        """Append one line; it needs an ``epoch``, and its numbers go to TensorBoard too.

        Raises:
            CdnetError: if the log cannot be written.
        """
        with saying_what_failed(self._path), self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
            file.flush()
            os.fsync(file.fileno())  # before the checkpoint that says that the epoch is done
        self._board.add(line)

"""A run's figures for TensorBoard: a file of events, to which every epoch's are appended at once.

PyTorch's own writer leaves that to a thread, which fails aloud where the run's folder is gone.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from cdnet.engine.log_line import LogLine
from cdnet.files import make_folder, saying_what_failed

VERSION = "brain.Event:2"


class Board:
    """Appends to a new file of events.

    Args:
        folder: that TensorBoard is pointed at; made if need be.
        epochs: already done; what other files there tell of later ones is no longer shown.

    Raises:
        CdnetError: if the file cannot be written.
    """

    def __init__(self, folder: Path, epochs: int) -> None:
        from tensorboard.compat.proto.event_pb2 import Event, SessionLog

        name = f"events.out.tfevents.{time.time_ns() // 10**9:010}.{socket.gethostname()}.{os.getpid()}"
        with saying_what_failed(folder):
            make_folder(folder)
            number = next(number for number in range(10**6) if not (folder / f"{name}.{number}").exists())
        self._path, first = folder / f"{name}.{number}", epochs + 1
        started = Event(wall_time=time.time(), step=first, session_log=SessionLog(status=SessionLog.START))
        self._append([Event(wall_time=time.time(), step=first, file_version=VERSION), started])

    def add(self, line: LogLine) -> None:
        """Append the numbers of an epoch's log line, and those of its lists, each with its place behind its key.

        Raises:
            CdnetError: if the file cannot be written.
        """
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary

        values = [Summary.Value(tag=name, simple_value=number) for name, number in _numbers(line)]
        self._append([Event(wall_time=time.time(), step=line["epoch"], summary=Summary(value=values))])

    def _append(self, events: Iterable[Any]) -> None:
        from tensorboard.summary.writer.record_writer import RecordWriter

        with saying_what_failed(self._path), self._path.open("ab") as file:
            writer = RecordWriter(file)
            for event in events:
                writer.write(event.SerializeToString())


def _numbers(line: LogLine) -> Iterable[tuple[str, float]]:
    for key, value in line.items():
        for number, item in enumerate(value if isinstance(value, list) else [value], start=1):
            if isinstance(item, int | float) and key != "epoch":
                yield (f"{key}{number}" if isinstance(value, list) else key), item

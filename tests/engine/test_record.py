"""A run's log: a damaged one is told in a sentence, and a torn one is mended from the checkpoint."""

from __future__ import annotations

import json
import os
import random
import shutil
import threading
from pathlib import Path
from typing import Any

import pytest

from cdnet.engine.record import LOG, Record, missing_epochs, read_log, read_whole_log
from cdnet.errors import CdnetError


def line(epoch: int) -> dict[str, Any]:
    return {"epoch": epoch, "lr": 0.1, "loss": 2.5, "triplet": [0.5, 1], "softmax": [1, 0], "seconds": 2.0}


def write(run: Path, *lines: bytes) -> None:
    (run / LOG).write_bytes(b"".join(lines))


def encoded(epoch: int) -> bytes:
    return json.dumps(line(epoch)).encode() + b"\n"


DAMAGED = [
    (b"\xff\n", "not UTF-8"),
    (b"5\n", "not an object"),
    (b'{"a":1}\n', "no epoch"),
    (b'{"epoch": 2.0}\n', "no epoch"),
    (b'{"epoch": 2, "loss": NaN}\n', "NaN"),
    (b'{"epoch": 2, "loss": 1e999}\n', "beyond any number"),
    (b'{"epoch": 2, "loss": 1' + b"0" * 400 + b"}\n", "401 digits"),
    (b'{"epoch": 2, "loss": ' + b"1" * 5000 + b"}\n", "5000 digits"),
    (b'{"epoch": 2, "seconds": "2"}\n', "seconds: neither a number"),
    (b'{"epoch": 2, "seconds": -2}\n', "less than 0"),
    (b'{"epoch": 2, "top1": 1.5}\n', "more than 1"),
    (b'{"epoch": 2, "triplet": [1]}\n', "triplet has other lengths"),
    (b'{"epoch": 2, "alpha": [[1, 2]], "chosen": [2]}\n', "a branch"),
    (b'{"epoch": 1}\n', "epoch 1 after epoch 1"),
    (b"[" * 100_000 + b"\n", "without end"),
    (b"\n", "not JSON"),
]


def test_a_pipe_or_a_device_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / LOG)
    with pytest.raises(CdnetError, match="a pipe or a device"):
        read_log(tmp_path)
    (tmp_path / LOG).unlink()
    (tmp_path / LOG).symlink_to("/dev/zero")
    with pytest.raises(CdnetError, match="a pipe or a device"):
        read_log(tmp_path)


@pytest.mark.parametrize(("damaged", "said"), DAMAGED, ids=[said for _, said in DAMAGED])
def test_a_damaged_line_is_named_and_nothing_is_made_of_the_rest(tmp_path: Path, damaged: bytes, said: str) -> None:
    write(tmp_path, encoded(1), damaged, encoded(3))
    with pytest.raises(CdnetError, match=rf"log\.jsonl, line 2: not a line of a run's log .*{said}"):
        read_log(tmp_path)
    before = (tmp_path / LOG).read_bytes()
    with pytest.raises(CdnetError, match=r"line 2: .* move the file away"):
        Record(tmp_path, 3, line(3))
    assert (tmp_path / LOG).read_bytes() == before


def test_a_torn_last_line_is_mended_from_the_checkpoint(tmp_path: Path) -> None:
    for torn in (encoded(3)[:-20], b"\xff\n", b""):
        write(tmp_path, encoded(1), encoded(2), torn)
        record = Record(tmp_path, 3, line(3))
        assert (record.missing, read_log(tmp_path)) == ([], [line(1), line(2), line(3)])


def test_what_neither_log_nor_checkpoint_has_is_missing(tmp_path: Path) -> None:
    write(tmp_path, encoded(1), encoded(4)[:9])
    record = Record(tmp_path, 4, line(4))
    record.add(line(5))
    assert (record.missing, read_log(tmp_path)) == ([2, 3], [line(1), line(4), line(5)])
    assert missing_epochs(read_log(tmp_path), 6) == [2, 3, 6]


def test_a_finished_log_has_its_last_epoch_and_what_is_wanted(tmp_path: Path) -> None:
    write(tmp_path, encoded(1), encoded(2), encoded(3)[:9])
    assert read_whole_log(tmp_path, ["loss"], epochs=2) == [line(1), line(2)]
    with pytest.raises(CdnetError, match="ends with epoch 2 of 3"):
        read_whole_log(tmp_path, epochs=3)
    with pytest.raises(CdnetError, match="epoch 1 has no alpha"):
        read_whole_log(tmp_path, ["alpha"])


def test_changed_bytes_are_a_sentence_or_a_log(tmp_path: Path) -> None:
    whole, chance, said = b"".join(map(encoded, (1, 2, 3))), random.Random(0), 0
    for _ in range(500):
        damaged = bytearray(whole)
        at = chance.randrange(len(whole))
        damaged[at : at + chance.randrange(3)] = chance.choice([b"", b"\xff", b"5", b"[", b"NaN", b"\n", b"null"])
        write(tmp_path, bytes(damaged))
        try:
            lines = read_log(tmp_path)
        except CdnetError:
            said += 1
            continue
        epochs = [found["epoch"] for found in lines]
        assert epochs == sorted(set(epochs))
    assert said > 200


def test_tensorboard_shows_what_the_log_has_and_not_what_was_taken_back(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    record = Record(tmp_path)
    for epoch in (1, 2, 3):
        record.add({**line(epoch), "loss": 10.0 * epoch, "alpha": [[1.0, 2.0]], "undefined": "why", "rank1": None})
    again = Record(tmp_path, 1, line(1))  # a run that was killed in its second epoch
    again.add({**line(2), "loss": 0.5})
    shown = EventAccumulator(str(tmp_path / "tensorboard"))
    shown.Reload()
    assert [(event.step, event.value) for event in shown.Scalars("loss")] == [(1, 10.0), (2, 0.5)]
    assert [(event.step, event.value) for event in shown.Scalars("triplet2")] == [(1, 1.0), (2, 1.0)]
    assert set(shown.Tags()["scalars"]) == {"lr", "loss", "triplet1", "triplet2", "softmax1", "softmax2", "seconds"}


def test_a_folder_that_is_gone_is_told_by_the_call_that_writes(tmp_path: Path) -> None:
    threads = set(threading.enumerate())
    record = Record(tmp_path / "run")
    shutil.rmtree(tmp_path / "run")
    with pytest.raises(CdnetError, match="could not be written"):
        record.add(line(1))
    assert set(threading.enumerate()) <= threads  # nobody is left who could fail later

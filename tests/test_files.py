from __future__ import annotations

import errno
import os
import stat
import threading
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from cdnet.errors import CdnetError
from cdnet.files import (
    refuse_input,
    refuse_unwritable,
    saying_what_failed,
    sweep,
    write_atomically,
    write_text,
)
from cdnet.half_written import TOKEN


def fails_with(error: BaseException) -> Any:
    def fail(*_: object) -> Any:
        raise error

    return fail


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_links_stay_and_pipes_and_devices_are_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    link = tmp_path / "link.json"
    link.symlink_to(tmp_path / "there" / "it.json")
    for text in ("one", "other"):  # what it leads to is not there at first
        refuse_unwritable(link)
        write_text(link, text)
        assert link.is_symlink()
        assert (tmp_path / "there" / "it.json").read_text() == text
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "null").symlink_to(os.devnull)
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for name, said in (("pipe", "a pipe or a device"), ("null", "a pipe or a device"), ("there", "a folder")):
        for use in (refuse_unwritable, lambda path: write_text(path, "text")):
            with pytest.raises(CdnetError, match=f"{name} is {said}"):
                use(tmp_path / name)
    with pytest.raises(CdnetError, match="loop could not be written"):
        write_text(tmp_path / "loop", "text")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link.json", "loop", "null", "pipe", "there"]


def test_writes_and_replaces_and_makes_folders(tmp_path: Path) -> None:
    path = tmp_path / "new" / "deep" / "file.bin"
    write_atomically(path, lambda file: file.write(b"\0\1"))
    assert path.read_bytes() == b"\0\1"
    write_text(path, "Grüße\n")
    assert path.read_bytes() == b"Gr\xc3\xbc\xc3\x9fe\n"
    assert names(path.parent) == ["file.bin"]


@pytest.mark.parametrize("error", [RuntimeError("a bug"), KeyboardInterrupt(), SystemExit(3)])
def test_an_interruption_passes_through_and_leaves_the_old_file(tmp_path: Path, error: BaseException) -> None:
    path = tmp_path / "file"
    path.write_text("old")

    def write(file: BinaryIO) -> None:
        file.write(b"n" * 100_000)
        raise error

    with pytest.raises(type(error)) as caught:
        write_atomically(path, write)
    assert caught.value is error
    assert path.read_text() == "old"
    assert names(tmp_path) == ["file"]


@pytest.mark.parametrize("call", ["fsync", "replace"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_one_sentence_and_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, code: int
) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    monkeypatch.setattr(os, call, fails_with(OSError(code, os.strerror(code))))
    with pytest.raises(CdnetError, match=r"the disk is full: .*file could not be written and is as it was"):
        write_text(path, "new")
    assert path.read_text() == "old"
    assert names(tmp_path) == ["file"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_truly_full_device() -> None:
    device = Path("/dev/full")
    said = pytest.raises(CdnetError, match="the disk is full")
    with said, saying_what_failed(device), device.open("wb", buffering=0) as file:
        file.write(b"x")


def test_an_interruption_in_the_last_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    monkeypatch.setattr(os, "fsync", fails_with(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        write_text(path, "new")
    assert path.read_text() == "old"
    assert names(tmp_path) == ["file"]


def test_the_content_is_on_the_disk_before_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[tuple[str, int]] = []
    fsync, replace = os.fsync, os.replace

    def noted_fsync(file: int) -> None:
        done.append(("fsync", os.fstat(file).st_size))
        fsync(file)

    def noted_replace(source: Path, target: Path) -> None:
        done.append(("replace", os.stat(source).st_size))
        replace(source, target)

    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(os, "replace", noted_replace)
    write_text(tmp_path / "file", "four")
    assert done == [("fsync", 4), ("replace", 4)]


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CdnetError, match="below could not be written: "):
        write_text(tmp_path / "file" / "below", "x")
    (tmp_path / "folder").mkdir()
    with pytest.raises(CdnetError, match="folder is a folder; name a file"):
        write_text(tmp_path / "folder", "x")
    assert names(tmp_path) == ["file", "folder"]


@pytest.mark.parametrize("mask", [0o022, 0o077, 0o002])
def test_permissions_follow_the_umask(tmp_path: Path, mask: int) -> None:
    before = os.umask(mask)
    try:
        write_text(tmp_path / "file", "x")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o666 & ~mask


def test_the_umask_is_never_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # It belongs to the whole process: changed for a moment, another thread's files would be open to everybody.
    monkeypatch.setattr(os, "umask", fails_with(AssertionError("os.umask was called")))
    write_text(tmp_path / "file", "x")


def test_a_reader_sees_one_version_or_the_other(tmp_path: Path) -> None:
    path = tmp_path / "file"
    versions = [letter * 200_000 for letter in "ab"]
    write_text(path, versions[0])
    stop = threading.Event()
    torn: list[int] = []

    def read() -> None:
        while not stop.is_set():
            text = path.read_text()
            if text not in versions:
                torn.append(len(text))

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(40):
        write_text(path, versions[number % 2])
    stop.set()
    reader.join()
    assert torn == []


def test_two_writers_at_once_do_not_mix(tmp_path: Path) -> None:
    path = tmp_path / "file"

    def write(file: BinaryIO) -> None:
        file.write(b"a" * 50_000)
        write_text(path, "b" * 70_000)
        assert path.read_text() == "b" * 70_000
        file.write(b"a" * 50_000)

    write_atomically(path, write)
    assert path.read_text() == "a" * 100_000
    assert names(tmp_path) == ["file"]


def test_other_exceptions_of_a_block_pass() -> None:
    with pytest.raises(KeyError), saying_what_failed(Path("x")):
        raise KeyError("x")
    with pytest.raises(CdnetError, match="x could not be written: Permission denied"), saying_what_failed(Path("x")):
        raise PermissionError(errno.EACCES, "Permission denied")


def test_a_folder_is_made_however_deep(tmp_path: Path) -> None:
    parts = (4000 - len(str(tmp_path))) // 2
    deep = Path(tmp_path, *["d"] * parts)
    assert parts > 1500
    write_text(deep / "f", "x")
    assert (deep / "f").read_text() == "x"
    # Removed here, for pytest's own clean-up calls itself for each level.
    (deep / "f").unlink()
    for folder in (deep, *deep.parents):
        if folder == tmp_path:
            break
        folder.rmdir()
    (tmp_path / "file").touch()
    with pytest.raises(CdnetError, match="could not be written"):
        write_text(tmp_path / "file" / "a" / "f", "x")


def test_what_write_raises_passes_through_though_the_temporary_file_has_gone(tmp_path: Path) -> None:
    def write(file: BinaryIO) -> None:
        os.unlink(file.name)
        raise LookupError("the writer's own")

    with pytest.raises(LookupError, match="the writer's own"):
        write_atomically(tmp_path / "kept", write)


def test_sweeping_beside_another_that_sweeps_is_no_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / f".log.{'0' * 2 * TOKEN}").write_bytes(b"half")
    real = Path.unlink

    def late(self: Path, missing_ok: bool = False) -> None:
        os.unlink(self)
        real(self, missing_ok)

    monkeypatch.setattr(Path, "unlink", late)
    sweep(tmp_path, ["log"])
    assert not list(tmp_path.iterdir())


def test_what_is_read_is_not_written_over(tmp_path: Path) -> None:
    folder, picture, other = tmp_path / "pictures", tmp_path / "pictures" / "a.jpg", tmp_path / "b.npz"
    folder.mkdir()
    picture.touch()
    other.touch()
    (tmp_path / "link.csv").symlink_to(other)
    for out in (picture, other, tmp_path / "link.csv"):
        with pytest.raises(CdnetError, match="is what is read, or a part of it, and would be lost"):
            refuse_input(out, [folder, other, tmp_path / "not-there"])
    refuse_input(folder / "new.png", [folder])
    refuse_input(other, [folder, picture])

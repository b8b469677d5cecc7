"""A gallery in a folder: its server comes with the first user and goes with the last, whatever kills either."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import closing, suppress
from pathlib import Path

import numpy as np
import psutil
import pytest

from cdnet.errors import CdnetError


@pytest.fixture
def folder(copied, tmp_path: Path) -> Path:
    return copied(tmp_path / "g")


def server_of(folder: Path) -> int | None:
    from cdnet.gallery.folder import GalleryFolder

    return GalleryFolder(folder)._server()


def wait_for(what):
    for _ in range(1200):  # two minutes, not counting those in which a busy machine lets this process stand still
        if what():
            return
        time.sleep(0.1)
    raise AssertionError("waited in vain")


def test_the_server_goes_with_its_last_user(folder):
    from cdnet.gallery import open_gallery

    with open_gallery(folder) as one:
        with open_gallery(folder) as other:
            assert len(one.entries()) == len(other.entries()) == 5
        assert server_of(folder) is not None
        assert len(one.entries()) == 5
    wait_for(lambda: server_of(folder) is None)


@pytest.fixture
def no_keeper(monkeypatch):
    from cdnet.gallery.embedded import EmbeddedDatabase

    monkeypatch.setattr(EmbeddedDatabase, "_keep", lambda _: None)


def test_a_server_that_the_keeper_stops_first_is_waited_for(folder, no_keeper):
    from cdnet.gallery.embedded import EmbeddedDatabase
    from cdnet.gallery.folder import GalleryFolder

    database = EmbeddedDatabase(folder)
    user, keeper = database._user, GalleryFolder(folder)

    class GivesTheKeeperTheLockFirst:
        def __init__(self):
            self.users, self.done = None, threading.Event()

        def release(self):
            user.release()
            self.users = self.users or keeper.lock("users")
            self.done.set()

    released = GivesTheKeeperTheLockFirst()
    database._user = released
    thread = threading.Thread(target=database.close)
    thread.start()
    assert released.done.wait(600)
    thread.join(0.3)
    assert thread.is_alive()
    keeper.stop_server()
    released.users.release()
    thread.join(600)
    assert not thread.is_alive()
    assert keeper.processes() == []


def test_of_two_that_close_at_once_one_stops_the_server(folder, no_keeper, monkeypatch):
    from cdnet.gallery.embedded import EmbeddedDatabase

    one, other = EmbeddedDatabase(folder), EmbeddedDatabase(folder)
    thread = threading.Thread(target=other.close)
    real = one.folder.lock

    def lock(name, *, shared=False):
        taken = real(name, shared=shared)
        if (name, shared) == ("users", True):  # it looks whether another one uses it, which closes just then
            thread.start()
            thread.join(0.3)
        return taken

    monkeypatch.setattr(one.folder, "lock", lock)
    one.close()
    thread.join(600)
    assert one.folder.processes() == []


@pytest.mark.parametrize("how", [KeyboardInterrupt, SystemExit])
def test_closing_that_is_interrupted_is_done_first(folder, no_keeper, monkeypatch, how):
    from cdnet.gallery.embedded import EmbeddedDatabase
    from cdnet.gallery.folder import GalleryFolder

    database = EmbeddedDatabase(folder)
    real = GalleryFolder._wait_until
    interruptions = [how()]

    def wait(*given):
        if interruptions:
            raise interruptions.pop()
        return real(*given)

    monkeypatch.setattr(GalleryFolder, "_wait_until", staticmethod(wait))
    with pytest.raises(how):
        database.close()
    assert database.folder.processes() == []
    with closing(EmbeddedDatabase(folder)) as again:  # nothing is locked
        assert again.folder.socket_folder() is not None


def test_what_is_closed_does_not_start_the_server_again(folder):
    from cdnet.gallery import open_gallery

    gallery = open_gallery(folder)
    gallery.close()
    with pytest.raises(CdnetError, match="was closed"):
        gallery.entries()
    assert gallery._databases[0].folder.processes() == []


def test_the_server_listens_on_a_private_socket_alone(folder):
    from cdnet.gallery import open_gallery
    from cdnet.gallery.folder import GalleryFolder

    with open_gallery(folder):
        process = psutil.Process(server_of(folder))
        assert process.uids().effective != 0
        assert [c for c in process.net_connections("inet") if c.status == psutil.CONN_LISTEN] == []
        (name,) = Path(GalleryFolder(folder).socket_folder()).glob(".s.PGSQL.*[0-9]")
        assert name.stat().st_mode & 0o077 == 0
        assert (folder / "data").stat().st_mode & 0o077 == 0
        assert (folder / "server.log").stat().st_mode & 0o077 == 0


def test_the_server_keeps_as_much_in_memory_as_this_place_has(folder, monkeypatch):
    from cdnet.gallery import open_gallery
    from cdnet.gallery.folder import buffers

    monkeypatch.setattr(psutil, "virtual_memory", lambda: type("Memory", (), {"total": 1 << 30}))
    assert buffers() <= 256
    with open_gallery(folder) as gallery, gallery.reading() as connection:
        row = connection.execute("SELECT setting::int * 8 / 1024 FROM pg_settings WHERE name = 'shared_buffers'")
        assert row.fetchone() == (buffers(),)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: type("Memory", (), {"total": 1 << 20}))
    assert buffers() == 128


USER = """
import sys, time
from cdnet.gallery import open_gallery
gallery = open_gallery(sys.argv[1])
print("open", flush=True)
time.sleep(600)
"""


def test_a_killed_user_is_none(folder):
    user = subprocess.Popen([sys.executable, "-c", USER, str(folder)], stdout=subprocess.PIPE, text=True)
    assert user.stdout is not None
    assert user.stdout.readline() == "open\n"
    assert server_of(folder) is not None
    user.kill()
    user.wait()
    user.stdout.close()
    wait_for(lambda: server_of(folder) is None)


def keepers_of(folder: Path) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.cmdline()[-2:] == ["cdnet.gallery.keeper", str(folder)]:
                found.append(process)
    return found


def test_a_killed_keeper_is_replaced_by_the_next_user(folder):
    from cdnet.gallery.folder import GalleryFolder

    place = GalleryFolder(folder)
    users = []
    for _ in range(2):
        user = subprocess.Popen([sys.executable, "-c", USER, str(folder)], stdout=subprocess.PIPE, text=True)
        users.append(user)
        assert user.stdout is not None
        assert user.stdout.readline() == "open\n"
        wait_for(lambda: not place.has_no_keeper())
        if len(users) == 1:
            for keeper in keepers_of(folder):
                keeper.kill()
            wait_for(place.has_no_keeper)
    for user in users:
        user.kill()
        user.wait()
        assert user.stdout is not None
        user.stdout.close()
    wait_for(lambda: place.processes() == [])


TERMINATED = """
import sys, time
from cdnet.cli.termination import closing_when_terminated
from cdnet.gallery import open_gallery
with closing_when_terminated(), open_gallery(sys.argv[1]):
    print("open", flush=True)
    time.sleep(600)
"""


def test_a_command_that_is_terminated_ends_after_its_server(folder):
    from cdnet.gallery.folder import GalleryFolder

    user = subprocess.Popen([sys.executable, "-c", TERMINATED, str(folder)], stdout=subprocess.PIPE, text=True)
    assert user.stdout is not None
    assert user.stdout.readline() == "open\n"
    user.terminate()
    assert user.wait(120) == 143
    user.stdout.close()
    assert GalleryFolder(folder).processes() == []


def test_a_killed_server_comes_back_with_all_that_was_acknowledged(folder, new_entry):
    from cdnet.gallery import open_gallery

    with open_gallery(folder) as gallery:
        for number in range(5, 8):
            gallery.add([new_entry(number)], np.eye(1, 24, number))
            process = psutil.Process(server_of(folder))
            for one in [*process.children(), process]:
                with suppress(psutil.NoSuchProcess):
                    one.send_signal(signal.SIGKILL)
        assert len(gallery.entries()) == 8
        assert gallery.search(np.eye(1, 24, 6)[0], 1).matches[0].entry.place == "/p/6.jpg"


def test_a_number_that_another_process_has_by_now_is_no_server(folder):
    from cdnet.gallery import open_gallery

    (folder / "data" / "postmaster.pid").write_text(f"{os.getpid()}\n{folder / 'data'}\n1\n5432\n/tmp\n\n1 2\nready\n")
    with open_gallery(folder) as gallery:
        assert len(gallery.entries()) == 5


def test_a_long_path_and_a_strange_one_work(copied, tmp_path):
    from cdnet.gallery import open_gallery

    place = copied(tmp_path / ("l" * 100) / "it's ä 'gallery'")
    with open_gallery(place) as gallery:
        assert len(gallery.entries()) == 5
        sockets = Path(gallery._databases[0].folder.socket_folder())
        assert sockets.stat().st_mode & 0o077 == 0
    assert not sockets.exists()


def _newer(folder: Path) -> None:
    (folder / "data" / "PG_VERSION").write_text("19\n")


def _no_version(folder: Path) -> None:
    (folder / "data" / "PG_VERSION").unlink()


def _cut_control(folder: Path) -> None:
    os.truncate(folder / "data" / "global" / "pg_control", 100)


def _no_settings(folder: Path) -> None:
    (folder / "data" / "postgresql.conf").unlink()


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (_newer, "of PostgreSQL 19"),
        (_no_version, "cut short"),
        (_cut_control, "could not be started"),
        (_no_settings, "could not be started"),
    ],
)
def test_what_is_not_whole_or_not_ours_is_said_in_a_sentence(folder, damage, says):
    from cdnet.gallery import open_gallery

    damage(folder)
    with pytest.raises(CdnetError, match=says) as raised:
        open_gallery(folder)
    assert "\n" not in str(raised.value)
    wait_for(lambda: server_of(folder) is None)


def test_other_places_are_refused(tmp_path, network):
    from cdnet.gallery import create_gallery, open_gallery

    (tmp_path / "file").write_text("x")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("x")
    for address, says in (
        (tmp_path / "none", "no gallery"),
        (tmp_path / "file", "no gallery"),
        (tmp_path / "full", "no gallery"),
        ("mysql://x", "postgresql://"),
    ):
        with pytest.raises(CdnetError, match=says):
            open_gallery(address)
    with pytest.raises(CdnetError, match="is a file"):
        create_gallery(tmp_path / "file", network)
    with pytest.raises(CdnetError, match=r"letter\.txt"):
        create_gallery(tmp_path / "full", network)
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["letter.txt"]
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("where", ["users", "data"])
def test_without_rights_it_says_so(folder, monkeypatch, where):
    from cdnet.gallery import open_gallery

    # Root may do everything, and so the system's refusal is put in its place.
    def refuse(real):
        def done(path, *given, **known):
            if path == folder / where:
                raise PermissionError(13, "Permission denied", str(path))
            return real(path, *given, **known)

        return done

    for name in ("open", "is_dir"):
        monkeypatch.setattr(Path, name, refuse(getattr(Path, name)))
    with pytest.raises(CdnetError, match=r"may not write|Permission denied"):
        open_gallery(folder)


@pytest.mark.slow
def test_a_disk_that_fills_while_it_adds(tmp_path, network):
    import hashlib

    from cdnet.errors import DiskFullError
    from cdnet.gallery import NewEntry, create_gallery, open_gallery

    place = tmp_path / "disk"
    place.mkdir()
    try:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=110m", "tmpfs", place], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("only root can mount a small disk")
    try:
        added = 0

        def add_without_end() -> None:
            nonlocal added
            while added < 10_000:
                digests = [hashlib.sha256(f"{added + number}".encode()).digest() for number in range(5)]
                entries = [NewEntry(digest, data=os.urandom(100_000)) for digest in digests]
                gallery.add(entries, np.random.default_rng(added).normal(size=(5, 24)))
                added += 5

        with create_gallery(place / "g", network) as gallery, pytest.raises(DiskFullError):
            add_without_end()
        assert added > 0
        subprocess.run(["mount", "-o", "remount,size=400m", place], check=True)
        with open_gallery(place / "g") as gallery:
            known = gallery.known([hashlib.sha256(f"{number}".encode()).digest() for number in range(added)])
            assert len(known) == added
            assert gallery.stats().entries % 5 == 0  # whole batches
        wait_for(lambda: server_of(place / "g") is None)
    finally:
        subprocess.run(["umount", "-l", place], check=True)


def test_a_gallery_is_not_made_twice(folder, network):
    from cdnet.gallery import create_gallery, open_gallery

    with pytest.raises(CdnetError, match="already"):
        create_gallery(folder, network)
    with open_gallery(folder) as gallery:
        assert len(gallery.entries()) == 5


def test_a_server_that_is_not_there_is_said_without_waiting_for_it(monkeypatch):
    from types import SimpleNamespace

    from cdnet.gallery import UnreachableError, connections, open_gallery

    def sleep(seconds):
        raise AssertionError(f"it waited for {seconds} s")

    monkeypatch.setattr(connections, "time", SimpleNamespace(monotonic=time.monotonic, sleep=sleep))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        with pytest.raises(UnreachableError) as raised:
            open_gallery(f"postgresql://anna:secret@127.0.0.1:{port}/gallery")
    assert "secret" not in str(raised.value)


def test_a_folder_that_another_container_uses_is_refused(folder):
    from cdnet.gallery import open_gallery
    from cdnet.gallery.folder import GalleryFolder

    before = (folder / "data" / "PG_VERSION").stat().st_mtime_ns
    held = GalleryFolder(folder).lock("keeper")
    held.write("elsewhere pid:[1]")
    with pytest.raises(CdnetError, match="in use by elsewhere"):
        open_gallery(folder)
    wait_for(lambda: server_of(folder) is None)
    held.release()
    with open_gallery(folder) as gallery:
        assert len(gallery.entries()) == 5
    assert (folder / "data" / "PG_VERSION").stat().st_mtime_ns == before


def test_a_server_that_says_it_has_gone_and_has_not_is_waited_for(folder, monkeypatch):
    from cdnet.gallery import open_gallery
    from cdnet.gallery.folder import GalleryFolder

    gallery, served = open_gallery(folder), GalleryFolder(folder)
    real = os.kill

    def kill(process, number):
        real(process, number)
        if number == signal.SIGINT:
            (folder / "data" / "postmaster.pid").unlink(missing_ok=True)

    monkeypatch.setattr(os, "kill", kill)
    gallery.close()
    assert served.processes() == []

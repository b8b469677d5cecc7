"""A hostile client, against the real server: what it sends is refused with the right status, and nothing is lost."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit
from urllib.request import ProxyHandler, build_opener

import pytest

from .conftest import TinyNetwork, coloured, listening


@contextmanager
def server(served, seconds: float) -> Iterator[str]:
    """Where a server listens that waits so long for a body, and takes 64 KiB."""
    from cdnet.serve.app import create_app
    from cdnet.serve.settings import Settings

    with listening(create_app(served, TinyNetwork(), Settings(most_bytes=1 << 16, seconds=seconds, rate=1e6))) as made:
        yield made


@pytest.fixture(scope="module")
def address(served) -> Iterator[str]:
    """Where a patient server listens: on a busy machine a body, too, may take a moment."""
    with server(served, 600.0) as made:
        yield made


def say(address: str, *parts: bytes) -> tuple[int, dict[str, str]]:
    """Send bytes as they are, and return the status and the JSON of the answer."""
    place = urlsplit(address)
    with socket.create_connection((place.hostname, place.port), timeout=120) as made:
        for part in parts:
            made.sendall(part)
        found = b""
        while part := made.recv(65536):
            found += part
            head, _, body = found.partition(b"\r\n\r\n")
            length = next(
                (int(line[15:]) for line in head.split(b"\r\n") if line.lower()[:15] == b"content-length:"), -1
            )
            if 0 <= length <= len(body):
                break
    return int(head.split()[1]), json.loads(body)


def head(way: str, *lines: str) -> bytes:
    return "\r\n".join([f"POST {way} HTTP/1.1", "Host: localhost", *lines, "", ""]).encode("latin-1")


@pytest.mark.parametrize("way", ["/api/search", "/api/entries"])
def test_a_body_that_comes_too_slowly(served, way: str) -> None:
    before = served.stats().entries
    picture = coloured(700)
    with server(served, 1.0) as impatient:
        status, said = say(impatient, head(way, f"Content-Length: {len(picture)}"), picture[:100])
    assert status == 408
    assert said == {"error": "a picture has to arrive within 1 seconds"}
    assert served.stats().entries == before


@pytest.mark.parametrize("way", ["/api/search", "/api/entries"])
def test_a_body_that_stops_half_way(address: str, served, way: str) -> None:
    before = served.stats().entries
    picture = coloured(701)
    place = urlsplit(address)
    with socket.create_connection((place.hostname, place.port), timeout=120) as made:
        made.sendall(head(way, f"Content-Length: {len(picture)}") + picture[: len(picture) // 2])
    counted = f'cdnet_requests_total{{method="POST",route="{way}",status="400"}} 1.0'
    ask = build_opener(ProxyHandler({})).open
    for _ in range(2400):  # two minutes, not counting those in which a busy machine lets this process stand still
        if counted in ask(f"{address}metrics").read().decode():  # nobody is left to be told
            break
        time.sleep(0.05)
    else:
        raise AssertionError("it was not counted")
    assert served.stats().entries == before


@pytest.mark.parametrize(
    "lines",
    [
        ["Content-Length: 65537"],
        ["Content-Length: 99999999999999999999"],
        ["Transfer-Encoding: chunked"],
    ],
)
def test_a_body_that_is_too_large(address: str, lines: list[str]) -> None:
    body = b"" if "Length" in lines[0] else b"10001\r\n" + b"x" * 0x10001 + b"\r\n0\r\n\r\n"
    status, said = say(address, head("/api/entries", *lines), body)
    assert status == 413
    assert said == {"error": "a picture may have 65,536 bytes"}


def test_what_needs_no_token_takes_no_picture(address: str) -> None:
    status, said = say(address, head("/login", "Content-Length: 65537"))
    assert (status, said) == (413, {"error": "a form may have 65,536 bytes"})
    form = "Content-Type: application/x-www-form-urlencoded"
    body = b"10001\r\n" + b"x" * 0x10001 + b"\r\n0\r\n\r\n"
    status, said = say(address, head("/login", form, "Transfer-Encoding: chunked"), body)
    assert (status, list(said)) == (400, ["error"])


def test_pictures_that_come_together_are_not_more_than_is_held(served, monkeypatch) -> None:
    from cdnet.serve import guard

    monkeypatch.setattr(guard, "MOST_HELD", 4 << 16)  # four of the largest
    part, one_more = b"x" * 60_000, head("/api/search", "Content-Length: 65000")
    with server(served, 600.0) as made:
        place = urlsplit(made)
        open_ones = [socket.create_connection((place.hostname, place.port), timeout=120) for _ in range(4)]
        for one in open_ones:
            one.sendall(one_more + part)
        for _ in range(2400):  # until what they sent has arrived
            status, said = say(made, one_more, part)
            if status == 503:
                break
        assert (status, said) == (503, {"error": "too many pictures come at once; try again"})
        for one in open_ones:
            one.close()
        for _ in range(2400):  # until it is known that they are gone
            picture = coloured(704)
            status, said = say(made, head("/api/search", f"Content-Length: {len(picture)}"), picture)
            if status == 200:
                break
        assert status == 200


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"GET /ready HTTP/1.1\r\nHost: localhost\r\n",
        b"GET /ready HTTP/1.1\r\nHost: localhost\r\n\r\nGET /rea",
        head("/login", "Content-Length: 65537") + b"x" * 10,
    ],
    ids=["nothing", "half a head", "half of a second head", "half a body that was refused"],
)
def test_a_client_that_falls_silent_is_not_waited_for(served, sent: bytes) -> None:
    from cdnet.serve.app import create_app
    from cdnet.serve.punctual import punctual
    from cdnet.serve.settings import Settings

    app = create_app(served, TinyNetwork(), Settings(rate=1e6))
    with listening(app, http=punctual(head=0.5)) as address:
        place = urlsplit(address)
        with socket.create_connection((place.hostname, place.port), timeout=120) as made:
            made.sendall(sent)
            with suppress(ConnectionResetError):
                while made.recv(65536):
                    pass


def test_a_client_that_does_not_take_its_answer_is_not_waited_for(served) -> None:
    from cdnet.serve.punctual import punctual

    async def endless(scope, receive, send) -> None:
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            while not left.is_set():
                await send({"type": "http.response.body", "body": b"x" * 65536, "more_body": True})
                await asyncio.sleep(0)

    left, taken = threading.Event(), 0
    with listening(endless, http=punctual(answer=0.5), lifespan="off") as address:
        place = urlsplit(address)
        with socket.create_connection((place.hostname, place.port), timeout=120) as made:
            made.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            time.sleep(2)
            try:
                while taken < 1 << 30 and (part := made.recv(1 << 20)):
                    taken += len(part)
            except ConnectionResetError:
                pass
            finally:
                left.set()
    assert taken < 1 << 30  # no more than was on its way when the connection ended


NOTES = {
    "a null character": ("note=a%00b", 422),
    "half of a surrogate pair": ("note=%ED%A0%80", 422),
    "Latin-1": ("camera=%E9", 422),
    "a long note": ("note=" + "x" * 60_000 + "x" * 3_000 + "%F0%9F%98%80" * 10, 200),
    "a camera that is too long": ("camera=" + "x" * 5_000, 422),
    "a camera without a name": ("camera=", 422),
    "two cameras": ("camera=1&camera=2", 422),
    "a time of a large number": ("time=1e400", 422),
    "a time that counts seconds": ("time=1763625600", 422),
    "year 0": ("time=0000-01-01T00:00:00Z", 422),
    "year 1": ("time=0001-01-01T00:00:00%2B14:00", 422),
    "before 1970": ("time=1969-12-31T23:59:59Z", 422),
    "in the future": ("time=9999-12-31T23:59:59-14:00", 422),
    "a time that is none": ("time=2026-02-30", 422),
    "a plus that became a blank": ("time=2026-01-01T00:00:00+01:00", 422),
    "an hour that is none": ("time=2026-01-01T25:00:00Z", 422),
    "a name that nothing asks for": ("persn=anna", 422),
    "a box of three": ("box=1,2,3", 422),
    "a box of no height": ("box=1,2,3,0", 422),
    "a box beyond the integers": ("box=1,2,3,9999999999", 422),
    "a box in words": ("box=a,b,c,d", 422),
    "a box": ("box=0,20,64,128&source=door.mp4", 200),
    "a place on the server": ("place=/etc/passwd", 422),
}


@pytest.mark.parametrize("what", NOTES)
def test_what_is_said_of_a_picture(address: str, served, what: str) -> None:
    query, wanted = NOTES[what]
    picture = coloured(702)
    before = served.stats().entries
    sent = head(f"/api/entries?{query}", f"Content-Length: {len(picture)}") + picture
    status, said = say(address, sent)
    assert status == wanted, said
    if wanted == 200:
        assert served.remove([said["id"]]).entries == 1
    else:
        assert list(said) == ["error"]
        assert "\n" not in said["error"]
        assert len(said["error"]) < 400
    assert served.stats().entries == before


def test_an_address_of_ten_megabytes(address: str) -> None:
    place = urlsplit(address)
    with socket.create_connection((place.hostname, place.port), timeout=120) as made:
        try:
            made.sendall(head("/api/entries?note=" + "x" * 10_000_000, "Content-Length: 1") + b"x")
            answer = made.recv(65536)
        except ConnectionError:  # it is cut off while it still comes
            answer = b"HTTP/1.1 400 "
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert say(address, b"GET /ready HTTP/1.1\r\nHost: localhost\r\n\r\n")[0] == 200


@pytest.mark.parametrize("way", ["query", "filter"])
def test_filters_are_not_dropped(client, way: str) -> None:
    wrong = {"query": "/api/search?entry=1&cammera=2", "filter": "/api/entries?sinse=2026-01-01"}[way]
    answer = client.get(wrong)
    assert answer.status_code == 422
    assert answer.json()["error"].startswith("this address takes no parameter")
    assert client.get("/api/stats?camera=1").status_code == 422
    assert client.get("/api/search?entry=1&k=1&k=20").status_code == 422


def test_a_disk_that_is_full(address: str, served) -> None:
    # The database says itself that its disk is full, at the moment when it would write the entry.
    before = served.stats().entries
    with served.reading() as connection:
        connection.execute(
            "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100'; END $$"
        )
        connection.execute("CREATE TRIGGER full_disk BEFORE INSERT ON entry FOR EACH ROW EXECUTE FUNCTION full_disk()")
    picture = coloured(703)
    sent = head("/api/entries", f"Content-Length: {len(picture)}") + picture
    try:
        status, said = say(address, sent)
    finally:
        with served.reading() as connection:
            connection.execute("DROP FUNCTION full_disk CASCADE")
    assert (status, said) == (507, {"error": "the gallery's disk is full; nothing was added"})
    assert served.stats().entries == before
    status, said = say(address, sent)  # once there is space
    assert status == 200
    assert said["new"]
    assert served.remove([said["id"]]).entries == 1

"""Who may ask, by what name, from which page, and how often."""

from __future__ import annotations

import asyncio

import pytest

pytest.importorskip("fastapi", reason="the extra serve is not installed")
pytest.importorskip("httpx", reason="the extra serve is not installed")
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from cdnet.serve.guard import Guard, Rates, TooSlowError
from cdnet.serve.sessions import COOKIE, SESSION_SECONDS, Sessions
from cdnet.serve.settings import Settings

TOKEN = "a token of some length"


async def _echo(request: Request) -> PlainTextResponse:
    return PlainTextResponse(f"{len(await request.body())}")


def made(clock=None, sessions: Sessions | None = None, **given) -> TestClient:
    settings = Settings(**given)
    app = Starlette(routes=[Route("/{path:path}", _echo, methods=["GET", "POST", "DELETE"])])
    rates = Rates(settings.rate) if clock is None else Rates(settings.rate, clock)
    guard = Guard(app, settings, sessions or Sessions(settings.token), rates)
    return TestClient(guard, base_url="http://127.0.0.1:8000")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:8000", "localhost:1", "[::1]:80", "LOCALHOST", "Cam.example"])
def test_names_that_are_the_servers(host: str) -> None:
    assert made(names=("cam.Example",)).get("/api/stats", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "[::2]"])
def test_names_that_are_not(host: str) -> None:
    assert made().get("/api/stats", headers={"Host": host}).status_code == 421


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:9000"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_another_sites_page_drives_nothing(headers: dict[str, str]) -> None:
    client = made()
    assert client.post("/api/entries", headers=headers, content=b"x").status_code == 403
    assert client.get("/api/search", headers=headers).status_code == 403


def test_our_own_page_and_a_link_to_it() -> None:
    client = made()
    own = {"Origin": "http://127.0.0.1:8000", "Sec-Fetch-Site": "same-origin"}
    assert client.post("/api/entries", headers=own, content=b"x").status_code == 200
    linked = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "document"}
    assert client.get("/", headers=linked).status_code == 200
    framed = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "iframe"}
    assert client.get("/", headers=framed).status_code == 403


@pytest.mark.parametrize("given", ["", TOKEN + "x", TOKEN[:-1], "é" * 20])
def test_a_wrong_token(given: str) -> None:
    client = made(token=TOKEN)
    header = {"Authorization": f"Bearer {given}".encode()}
    assert client.get("/api/stats", headers=header).status_code == 401
    assert client.get("/api/stats", headers={"Cookie": f"{COOKIE}={TOKEN}"}).status_code == 401
    assert client.get("/metrics").status_code == 401
    assert client.get("/health").status_code == 200


def test_the_token_and_a_session() -> None:
    sessions = Sessions(TOKEN)
    client = made(sessions=sessions, token=TOKEN)
    assert client.get("/api/stats", headers={"Authorization": f"bearer {TOKEN}"}).status_code == 200
    begun = sessions.begin()
    assert begun != TOKEN
    assert client.get("/api/stats", headers={"Cookie": f"a=b; {COOKIE}={begun}"}).status_code == 200


def test_a_session_ends() -> None:
    now = [1e9]
    sessions = Sessions(TOKEN, lambda: now[0])
    client = made(sessions=sessions, token=TOKEN)
    cookie = {"Cookie": f"{COOKIE}={sessions.begin()}"}
    for later, status in ((SESSION_SECONDS - 1, 200), (SESSION_SECONDS, 401), (-1, 401)):
        now[0] = 1e9 + later
        assert client.get("/api/stats", headers=cookie).status_code == status


def test_a_session_holds_for_every_server_with_its_token_and_for_no_other() -> None:
    cookie = {"Cookie": f"{COOKIE}={Sessions(TOKEN).begin()}"}
    assert made(token=TOKEN).get("/api/stats", headers=cookie).status_code == 200
    assert made(token=TOKEN + "x").get("/api/stats", headers=cookie).status_code == 401


def test_a_cookie_is_not_made_up() -> None:
    client = made(token=TOKEN)
    ends, chance, seal = Sessions(TOKEN).begin().split(".")
    later = str(int(ends) - 1)
    other = seal[:-1] + ("0" if seal[-1] != "0" else "1")
    for parts in ((later, chance, seal), (ends, chance, other), (ends, chance, ""), ("", "", ""), ("x", "y", "é")):
        cookie = f"{COOKIE}={'.'.join(parts)}".encode()
        assert client.get("/api/stats", headers={"Cookie": cookie}).status_code == 401
    assert client.get("/api/stats", headers={"Cookie": f"{COOKIE}={ends}.{chance}.{seal}"}).status_code == 200


def test_every_answer_says_what_a_browser_may_do() -> None:
    client = made()
    for answer in (client.get("/"), client.get("/api/stats", headers={"Host": "evil.example"})):
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_rates_fill_up_again() -> None:
    now = [0.0]
    rates = Rates(2, lambda: now[0])
    assert [rates.wait("a") for _ in range(4)] == [0, 0, 0, 0]  # two seconds' worth
    assert rates.wait("a") == pytest.approx(0.5)
    assert rates.wait("b") == 0
    now[0] = 0.5
    assert rates.wait("a") == 0
    assert rates.wait("a") > 0


def test_too_many_requests() -> None:
    client = made(clock=lambda: 0.0, rate=1)
    assert [client.get("/api/search").status_code for _ in range(3)] == [200, 200, 429]
    assert client.get("/api/search").headers["retry-after"] == "2"
    pictures = [client.get("/api/entries/1/picture").status_code for _ in range(101)]
    assert pictures == [200] * 100 + [429]  # a page shows many
    assert client.get("/page.js").status_code == client.get("/health").status_code == 200


def test_tokens_are_not_tried_without_end() -> None:
    client = made(clock=lambda: 0.0, rate=1, token=TOKEN)
    wrong = {"Authorization": "Bearer of another one"}
    assert [client.get("/api/entries", headers=wrong).status_code for _ in range(3)] == [401, 401, 429]


@pytest.mark.parametrize("length", ["-1", "1e3", "9" * 26, "0" * 20 + "9" * 9, "²"])
def test_a_length_that_is_none(length: str) -> None:
    client = made()
    request = client.build_request("POST", "/api/entries", content=b"x", headers={"Content-Length": length.encode()})
    assert client.send(request).status_code == 413


def test_a_body_that_does_not_come() -> None:
    settings = Settings(seconds=0.05)

    async def app(scope, receive, send) -> None:
        await receive()

    async def silent():
        await asyncio.sleep(60)

    async def drop(_) -> None:
        pass

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/api/entries",
        "headers": [(b"host", b"localhost")],
        "client": None,
    }
    guard = Guard(app, settings, Sessions(None), Rates(1))
    with pytest.raises(TooSlowError):
        asyncio.run(guard(scope, silent, drop))

"""What stands before every request: who may ask, how often, how much, and what a browser may do with the answer."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from importlib.resources import files

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cdnet.serve.sessions import Sessions
from cdnet.serve.settings import Settings

PAGE_FILES = {"/": "index.html"} | {
    f"/{file.name}": file.name for file in (files("cdnet.serve") / "page").iterdir() if file.name != "index.html"
}
"""Addresses of the page's parts, and the files that they are."""
OPEN = (*PAGE_FILES, "/health", "/ready", "/login", "/logout")
"""What shows nothing of the gallery and needs no token."""

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    # Nobody else is told where one comes from; with none at all a browser would not say that a form is our own page's.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "geolocation=(), microphone=()",
}
CLIENTS = 20_000
"""Clients whose rates are kept in mind, twice each: for work, and for reading."""
MOST_HELD = 1 << 29
"""Bytes of bodies that are held at once, or four of the largest pictures if those have more."""
FORM_BYTES = 1 << 16
"""The most bytes of a body that is no picture, for which nobody has to show a token."""
READING = 50
"""How many pictures or lists may be read for each search or change: a page shows many pictures at once."""


class Rates:
    """A bucket of tokens a client, filled at ``rate`` a second up to two seconds' worth."""

    def __init__(self, rate: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._most, self._clock = rate, max(1.0, 2 * rate), clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, client: str, cost: float = 1.0) -> float:
        """Take a token, or a part of one, and return 0; or the seconds until there is as much."""
        now = self._clock()
        left, then = self._left.pop(client, (self._most, now))
        left = min(self._most, left + (now - then) * self._rate)
        wait = 0.0 if left >= cost - 1e-9 else (cost - left) / self._rate  # parts do not add up exactly
        self._left[client] = (left if wait else left - cost, now)
        if len(self._left) > CLIENTS:
            self._left.popitem(last=False)
        return wait


class Guard:
    """An ASGI application before another: refuses what it should not see, and adds the headers of its answers."""

    def __init__(self, app: ASGIApp, settings: Settings, sessions: Sessions, rates: Rates) -> None:
        self._app, self._settings, self._sessions, self._rates = app, settings, sessions, rates
        self._held, self._most_held = 0, max(MOST_HELD, 4 * settings.most_bytes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or hand it on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        refusal = self._refusal(scope)
        if refusal is not None:
            await refusal(scope, receive, send_with_headers)
            return
        taken = [0]
        try:
            await self._app(scope, self._bounded(receive, taken, self._too_large(scope)), send_with_headers)
        finally:
            self._held -= taken[0]

    def _refusal(self, scope: Scope) -> JSONResponse | None:
        headers = Headers(scope=scope)
        path, method = scope["path"], scope["method"]
        if not self._settings.answers_to(_without_port(headers.get("host", ""))):
            return refuse(421, "this server is not called by that name; --name lets it be")
        if not _same_site(headers, path, method):
            return refuse(403, "a page of another site may not use this gallery")
        admitted = path in OPEN or self._sessions.admits(headers)
        wait = self._wait(scope, admitted)
        if wait:
            return refuse(429, "too many requests; wait a little", {"Retry-After": str(int(wait) + 1)})
        if not admitted:
            return refuse(401, "show the token: Authorization: Bearer TOKEN", {"WWW-Authenticate": "Bearer"})
        length, too_large = headers.get("content-length", "0"), self._too_large(scope)
        if not length.isascii() or not length.isdigit() or len(length) > 20 or int(length) > too_large.most:
            return refuse(413, str(too_large))
        return None

    def _too_large(self, scope: Scope) -> TooLargeError:
        if scope["path"].startswith("/api/"):
            return TooLargeError("a picture", self._settings.most_bytes)
        return TooLargeError("a form", FORM_BYTES)

    def _wait(self, scope: Scope, admitted: bool) -> float:
        """Return the seconds that a client has to wait with this: searches, changes, counts and tokens that are wrong
        are work, and what else needs a token is read; the page itself is free."""
        path, client = scope["path"], scope["client"][0] if scope.get("client") else ""
        if scope["method"] not in ("GET", "HEAD") or path in ("/api/search", "/api/stats") or not admitted:
            return self._rates.wait(client)
        if path not in OPEN or path == "/ready":
            return self._rates.wait(f"{client} reads", 1 / READING)
        return 0.0

    def _bounded(self, receive: Receive, taken: list[int], too_large: TooLargeError) -> Receive:
        whole, until = False, time.monotonic() + self._settings.seconds

        async def bounded() -> Message:
            nonlocal whole
            if whole:
                return await receive()
            try:
                message = await asyncio.wait_for(receive(), max(0.01, until - time.monotonic()))
            except TimeoutError:
                raise TooSlowError from None
            if message["type"] == "http.request":
                size = len(message.get("body", b""))
                taken[0] += size
                self._held += size
                if taken[0] > too_large.most:
                    raise too_large
                if self._held > self._most_held:
                    raise TooManyError
                whole = not message.get("more_body")  # what is awaited then is that the client leaves
            return message

        return bounded


class TooLargeError(Exception):
    """A body is larger than it said, or than it may be."""

    def __init__(self, what: str, most: int) -> None:
        super().__init__(f"{what} may have {most:,} bytes")
        self.most = most


class TooManyError(Exception):
    """Bodies that come at once are more than are held."""


class TooSlowError(Exception):
    """A body did not arrive in time."""


def refuse(status: int, why: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """Return an answer of one sentence."""
    return JSONResponse({"error": why}, status, headers)


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.partition(":")[0].lower()


def _same_site(headers: Headers, path: str, method: str) -> bool:
    """Tell whether a browser says that our own page asks; other programs say nothing of it."""
    site = headers.get("sec-fetch-site", "same-origin")
    followed = path == "/" and method == "GET" and headers.get("sec-fetch-dest", "document") == "document"
    if site not in ("same-origin", "none") and not followed:
        return False
    origin = headers.get("origin")
    return origin is None or origin.partition("://")[2].lower() == headers.get("host", "").lower()

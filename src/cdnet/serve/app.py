"""The application: what each address of the API answers."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from importlib.resources import files
from typing import Annotated, Any

import numpy as np
from fastapi import FastAPI, Form, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from cdnet import __version__
from cdnet.data.decode import BrokenPictureError
from cdnet.errors import CdnetError, DiskFullError
from cdnet.gallery import Gallery, NewEntry, NotThereError, UnreachableError
from cdnet.runtime.network import Network
from cdnet.serve.features import BusyError, FeaturePool
from cdnet.serve.guard import COOKIE, HEADERS, Guard, Rates, Sessions, TooLargeError, TooSlowError, refuse
from cdnet.serve.metrics import Metrics
from cdnet.serve.settings import Settings
from cdnet.serve.thumbnails import thumbnail

log = logging.getLogger(__name__)


PAGE = {
    "/": ("index.html", "text/html"),
    "/page.css": ("page.css", "text/css"),
    "/page.js": ("page.js", "text/javascript"),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
}
PICTURE = {
    "requestBody": {"required": True, "content": {"image/*": {"schema": {"type": "string", "format": "binary"}}}}
}
MOST_K, MOST_ENTRIES = 1_000, 100
LARGEST = 2**63 - 1


K = Annotated[int, Query(ge=1, le=MOST_K, description="entries at most")]
Threshold = Annotated[float | None, Query(ge=-1, le=1, description="least similarity of a match")]
Texts = Annotated[list[str] | None, Query(max_length=100)]
Text = Annotated[str | None, Query(max_length=4096)]
Time = Annotated[datetime | None, Query(description="ISO 8601; UTC without a zone")]


def create_app(gallery: Gallery, network: Network, settings: Settings) -> FastAPI:
    """Return the application that serves a gallery.

    Args:
        gallery: open; whoever opened it closes it.
        network: the gallery's, for the features of what is uploaded.
        settings: to whom, and within which limits.
    """
    pool, metrics, sessions = FeaturePool(network, settings.waiting), Metrics(), Sessions(settings.token)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await asyncio.to_thread(pool.close)

    app = FastAPI(title="cdnet gallery", version=__version__, lifespan=lifespan, docs_url=None, redoc_url=None)
    app.add_middleware(Guard, settings=settings, sessions=sessions, rates=Rates(settings.rate))
    app.middleware("http")(metrics.count)  # around the guard, to count what it refuses, too
    _answer_errors(app, settings)

    @app.get("/health", summary="Whether the server is at work")
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/ready", summary="Whether searches can be answered")
    async def ready() -> dict[str, str]:
        await asyncio.to_thread(gallery.entries, limit=1)
        return {"status": "ready"}

    @app.get("/metrics", summary="Counts and times in Prometheus' form", response_class=PlainTextResponse)
    async def show_metrics() -> PlainTextResponse:
        return PlainTextResponse(metrics.text(pool.waiting), media_type="text/plain; version=0.0.4")

    for path, (name, kind) in PAGE.items():
        app.add_api_route(path, _page(name, kind), include_in_schema=False)

    @app.post("/login", include_in_schema=False)
    async def login(token: Annotated[str, Form(max_length=4096)]) -> Response:
        if not sessions.is_token(token):
            await asyncio.sleep(0.5)
            return RedirectResponse("/?wrong-token", 303)
        answer = RedirectResponse("/", 303)
        answer.set_cookie(COOKIE, sessions.begin(), httponly=True, samesite="strict")
        return answer

    @app.get("/api/stats", summary="What is in the gallery")
    async def stats() -> dict[str, Any]:
        found = (await asyncio.to_thread(gallery.stats)).to_json()
        return {key: value for key, value in found.items() if key != "index"}

    @app.post("/api/search", summary="Search for the person of an uploaded picture", openapi_extra=PICTURE)
    async def search_picture(
        request: Request,
        k: K = 40,
        threshold: Threshold = None,
        camera: Texts = None,
        person: Texts = None,
        since: Time = None,
        until: Time = None,
        exact: bool = False,
    ) -> dict[str, Any]:
        digest, feature = await pool.describe(await _body(request))
        return await _search(request, feature, digest, k, threshold, camera, person, since, until, exact)

    @app.get("/api/search", summary="Search for the person of an entry, or of several entries' mean")
    async def search_entries(
        request: Request,
        entry: Annotated[list[int], Query(min_length=1, max_length=MOST_ENTRIES)],
        k: K = 40,
        threshold: Threshold = None,
        camera: Texts = None,
        person: Texts = None,
        since: Time = None,
        until: Time = None,
        exact: bool = False,
    ) -> dict[str, Any]:
        numbers = list(dict.fromkeys(entry))
        if not all(1 <= number <= LARGEST for number in numbers):
            raise NotThereError(f"there is no entry {min(numbers)}")
        features = await asyncio.to_thread(gallery.features, numbers)
        lost = [str(number) for number in numbers if number not in features]
        if lost:
            raise NotThereError(f"there is no entry {', '.join(lost)} (any more)")
        mean = np.mean([features[number] for number in numbers], axis=0)
        return await _search(request, mean, None, k, threshold, camera, person, since, until, exact)

    async def _search(
        request: Request,
        feature: Any,
        digest: bytes | None,
        k: int,
        threshold: float | None,
        camera: list[str] | None,
        person: list[str] | None,
        since: datetime | None,
        until: datetime | None,
        exact: bool,
    ) -> dict[str, Any]:
        with metrics.search_seconds.time():
            found = await asyncio.to_thread(
                gallery.search,
                feature,
                k,
                threshold,
                camera or None,
                _zoned(since),
                _zoned(until),
                person or None,
                exact=exact,
                digest=digest,
                who=_who(request),
            )
        matches = [_shown(match.to_json()) for match in found.matches]
        return {"matches": matches, "exact": found.exact, "threshold": found.threshold}

    @app.get("/api/entries", summary="Entries by their numbers")
    async def entries(
        after: Annotated[int, Query(ge=0, le=LARGEST)] = 0,
        limit: Annotated[int, Query(ge=1, le=MOST_K)] = 100,
        camera: Texts = None,
        person: Texts = None,
        since: Time = None,
        until: Time = None,
    ) -> list[dict[str, Any]]:
        filters = (camera or None, _zoned(since), _zoned(until), person or None)
        return [_shown(entry.to_json()) for entry in await asyncio.to_thread(gallery.entries, *filters, after, limit)]

    @app.get("/api/entries/{number}", summary="An entry")
    async def entry(number: int) -> dict[str, Any]:
        _refuse_number(number)
        return _shown((await asyncio.to_thread(gallery.entry, number)).to_json())

    @app.get("/api/entries/{number}/picture", summary="Its picture, as a JPEG", response_class=Response)
    async def picture(number: int, request: Request) -> Response:
        _refuse_number(number)
        tag = f'"{(await asyncio.to_thread(gallery.entry, number)).digest.hex()[:32]}"'
        kept = {"ETag": tag, "Cache-Control": "private, no-cache"}
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=kept)
        try:
            data = await asyncio.to_thread(gallery.picture, number)
            shown = await asyncio.to_thread(thumbnail, data, "the picture")
        except (NotThereError, BrokenPictureError) as error:
            log.warning("entry %d: %s", number, error)
            raise NotThereError(f"the picture of entry {number} is not where it was") from None
        return Response(shown, media_type="image/jpeg", headers=kept)

    @app.post("/api/entries", summary="Add a picture, which the gallery then keeps", openapi_extra=PICTURE)
    async def add(
        request: Request,
        camera: Text = None,
        person: Text = None,
        time: Time = None,
        note: str = "",
    ) -> dict[str, Any]:
        data = await _body(request)
        new = NewEntry(hashlib.sha256(data).digest(), "", camera, _zoned(time), person, note, data=data)
        _, feature = await pool.describe(data)
        added = await asyncio.to_thread(gallery.add, [new], feature[None], _who(request))
        return {"id": added[0].id, "new": added[0].new}

    @app.delete("/api/entries/{number}", summary="Remove an entry for good")
    async def remove(number: int, request: Request) -> dict[str, int]:
        _refuse_number(number)
        removed = await asyncio.to_thread(gallery.remove, [number], who=_who(request))
        if not removed.entries:
            raise NotThereError(f"there is no entry {number} (any more)")
        return {"removed": removed.entries}

    return app


def _page(name: str, kind: str) -> Callable[[], Any]:
    text = (files("cdnet.serve") / "page" / name).read_text("utf-8")

    async def page() -> Response:
        return Response(text, media_type=kind)

    return page


async def _body(request: Request) -> bytes:
    parts = [part async for part in request.stream()]
    data = b"".join(parts)
    if not data:
        raise CdnetError("send the picture file as the body of the request")
    return data


def _who(request: Request) -> str:
    return f"web {request.client.host}" if request.client else "web"


def _zoned(time: datetime | None) -> datetime | None:
    return time.replace(tzinfo=UTC) if time is not None and time.tzinfo is None else time


def _refuse_number(number: int) -> None:
    if not 1 <= number <= LARGEST:
        raise NotThereError(f"there is no entry {number}")


def _shown(values: dict[str, Any]) -> dict[str, Any]:
    """Leave out where on the server's disk a picture lies; its name says enough."""
    place = values.pop("place")
    return values | {"name": place.replace("\\", "/").rpartition("/")[2]}


def _answer_errors(app: FastAPI, settings: Settings) -> None:
    """Answer each kind of failure with its status and one sentence; nothing of the server's inside is told."""

    def answer(
        kind: type[Exception], status: int, text: str | None = None, headers: dict[str, str] | None = None
    ) -> None:
        async def answered(_: Request, error: Exception) -> JSONResponse:
            if text is not None:
                log.warning("%s", error or kind.__name__)
            return refuse(status, text or str(error), headers)

        app.add_exception_handler(kind, answered)

    later = {"Retry-After": "2"}
    answer(CdnetError, 422)
    answer(NotThereError, 404)
    answer(DiskFullError, 507, "the gallery's disk is full; nothing was added")
    answer(UnreachableError, 503, "the gallery's database cannot be reached now; try again", later)
    answer(BusyError, 503, "too many pictures are waiting for their turn; try again", later)
    answer(TooLargeError, 413, f"a picture may have {settings.most_bytes:,} bytes")
    answer(TooSlowError, 408, f"a picture has to arrive within {settings.seconds:g} seconds")
    answer(ClientDisconnect, 400, "the picture did not arrive whole")

    async def invalid(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"][1:]) or "the request"
        return refuse(422, f"{where}: {first['msg']}")

    async def known(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        return refuse(error.status_code, str(error.detail), dict(error.headers or {}))

    async def unknown(_: Request, error: Exception) -> JSONResponse:
        log.error("a request failed", exc_info=error)
        return refuse(500, "the server failed at this; its log says more", HEADERS)  # outside the guard

    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, known)
    app.add_exception_handler(Exception, unknown)

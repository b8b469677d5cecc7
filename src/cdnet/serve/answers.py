"""How failures are answered: each kind with its status and one sentence; nothing of the server's inside is told."""

from __future__ import annotations

import logging

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse

from cdnet.errors import CdnetError, DiskFullError
from cdnet.gallery import NotThereError, UnreachableError
from cdnet.gallery.problems import RefusedError
from cdnet.serve.features import BusyError
from cdnet.serve.guard import HEADERS, TooLargeError, TooManyError, TooSlowError, refuse
from cdnet.serve.settings import Settings

log = logging.getLogger(__name__)


class Problem(BaseModel):
    """What went wrong, in one sentence."""

    error: str


REFUSALS: dict[int | str, dict[str, object]] = {
    "4XX": {"model": Problem, "description": "refused, and why"},
    "5XX": {"model": Problem, "description": "not possible now, and why"},
}
"""What every address may answer besides, for its description."""


def answer_errors(app: FastAPI, settings: Settings) -> None:
    """Make an application answer what its parts raise."""

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
    answer(RefusedError, 503, "the gallery's database does not do that now; the server's log says why", later)
    answer(BusyError, 503, "too many pictures are waiting for their turn; try again", later)
    answer(TooManyError, 503, "too many pictures come at once; try again", later)
    answer(TooLargeError, 413)
    answer(TooSlowError, 408, f"a picture has to arrive within {settings.seconds:g} seconds")
    answer(ClientDisconnect, 400, "the picture did not arrive whole")
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _known)
    app.add_exception_handler(Exception, _unknown)


async def _invalid(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = ".".join(str(part)[:40] for part in first["loc"][1:]) or "the request"
    if first["type"] == "extra_forbidden":
        return refuse(422, f"this address takes no parameter {where!r}")
    return refuse(422, f"{where}: {first['msg'].removeprefix('Value error, ')}")


async def _known(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    return refuse(error.status_code, str(error.detail), dict(error.headers or {}))


async def _unknown(_: Request, error: Exception) -> JSONResponse:
    log.error("a request failed", exc_info=error)
    return refuse(500, "the server failed at this; its log says more", HEADERS)  # outside the guard

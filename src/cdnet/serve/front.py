"""The page's files, and the way in: a token becomes a session that the browser keeps in a cookie."""

from __future__ import annotations

import asyncio
from importlib.resources import files
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from cdnet.serve.guard import PAGE_FILES
from cdnet.serve.sessions import COOKIE, MARK, SESSION_SECONDS, Sessions

KINDS = {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}


def front_routes(sessions: Sessions) -> APIRouter:
    """Return the addresses of the page, of logging in, and of logging out."""
    router = APIRouter(include_in_schema=False)
    for path, name in PAGE_FILES.items():
        _serve(router, path, name)

    @router.post("/login")
    async def login(request: Request, token: Annotated[str, Form(max_length=4096)]) -> Response:
        if not sessions.is_token(token):
            await asyncio.sleep(0.5)
            return RedirectResponse("/?wrong-token", 303)
        answer = RedirectResponse("/", 303)
        encrypted = request.url.scheme == "https"
        for name, value, hidden in ((COOKIE, sessions.begin(), True), (MARK, "1", False)):
            answer.set_cookie(
                name, value, max_age=SESSION_SECONDS, httponly=hidden, samesite="strict", secure=encrypted
            )
        return answer

    @router.post("/logout")
    async def logout() -> Response:
        answer = RedirectResponse("/", 303)
        answer.delete_cookie(COOKIE)
        answer.delete_cookie(MARK)
        return answer

    return router


def _serve(router: APIRouter, path: str, name: str) -> None:
    text = (files("cdnet.serve") / "page" / name).read_text("utf-8")
    kind = KINDS[name.rpartition(".")[2]]

    @router.get(path)
    async def page() -> Response:
        # Looked at anew each time: after an update no browser goes on with a part of the page before.
        return Response(text, media_type=kind, headers={"Cache-Control": "no-cache"})

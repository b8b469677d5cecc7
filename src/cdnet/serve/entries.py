"""The addresses of entries: reading them and their pictures, adding, removing, and what is in the gallery."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from cdnet.data.decode import BrokenPictureError
from cdnet.gallery import Gallery, NewEntry, NotThereError
from cdnet.serve.features import FeaturePool
from cdnet.serve.index_keeper import IndexKeeper
from cdnet.serve.questions import PICTURE, Labels, Listing, Whole, picture_of, refuse_number, shown, who_asks
from cdnet.serve.thumbnails import thumbnail

log = logging.getLogger(__name__)


def entry_routes(gallery: Gallery, pool: FeaturePool, keeper: IndexKeeper) -> APIRouter:
    """Return them.

    Args:
        gallery: whose entries.
        pool: computes the features of what is uploaded.
        keeper: told when something was added.
    """
    router = APIRouter()

    @router.get("/api/stats", summary="What is in the gallery")
    async def stats() -> dict[str, object]:
        found = await asyncio.to_thread(gallery.stats)
        network = found.network.to_json() | {"weights": Path(found.network.weights).name}  # not where it lies
        return found.to_json() | {"network": network}

    @router.get("/api/entries", summary="Entries by their numbers")
    async def entries(asked: Annotated[Listing, Query()]) -> list[dict[str, object]]:
        found = await asyncio.to_thread(gallery.entries, **asked.filters(), after=asked.after, limit=asked.limit)
        return [shown(entry.to_json()) for entry in found]

    @router.get("/api/entries/{number}", summary="An entry")
    async def entry(number: Whole) -> dict[str, object]:
        refuse_number(number)
        return shown((await asyncio.to_thread(gallery.entry, number)).to_json())

    @router.get(
        "/api/entries/{number}/picture",
        summary="Its picture, as a JPEG",
        response_class=Response,
        responses={200: {"content": {"image/jpeg": {}}}, 304: {"description": "the client has it already"}},
    )
    async def picture(number: Whole, request: Request) -> Response:
        refuse_number(number)
        tag = f'"{(await asyncio.to_thread(gallery.entry, number)).digest.hex()[:32]}"'
        kept = {"ETag": tag, "Cache-Control": "private, no-cache"}
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=kept)
        try:
            data = await asyncio.to_thread(gallery.picture, number)
            made = await asyncio.to_thread(thumbnail, data, "the picture")
        except (NotThereError, BrokenPictureError) as error:
            log.warning("entry %d: %s", number, error)
            raise NotThereError(f"the picture of entry {number} is not where it was") from None
        return Response(made, media_type="image/jpeg", headers=kept)

    @router.post("/api/entries", summary="Add a picture, which the gallery then keeps", openapi_extra=PICTURE)
    async def add(request: Request, labels: Annotated[Labels, Query()]) -> dict[str, object]:
        data = await picture_of(request)
        new = NewEntry(hashlib.sha256(data).digest(), data=data, **labels.known())
        _, feature = await pool.describe(data)
        added = await asyncio.to_thread(gallery.add, [new], feature[None], who_asks(request))
        if added[0].new:
            keeper.added()
        return {"id": added[0].id, "new": added[0].new}

    @router.delete("/api/entries/{number}", summary="Remove an entry for good")
    async def remove(number: Whole, request: Request) -> dict[str, int]:
        refuse_number(number)
        removed = await asyncio.to_thread(gallery.remove, [number], who=who_asks(request))
        if not removed.entries:
            raise NotThereError(f"there is no entry {number} (any more)")
        return {"removed": removed.entries}

    return router

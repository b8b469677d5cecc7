"""The addresses that search: for an uploaded picture, for an entry, or for several entries' mean."""

from __future__ import annotations

import asyncio
from typing import Annotated

import numpy as np
from fastapi import APIRouter, Query, Request

from cdnet.gallery import Gallery, NotThereError
from cdnet.gallery.writing import Features
from cdnet.serve.features import FeaturePool
from cdnet.serve.metrics import Metrics
from cdnet.serve.questions import PICTURE, EntrySearch, Search, picture_of, shown, who_asks


def search_routes(gallery: Gallery, pool: FeaturePool, metrics: Metrics) -> APIRouter:
    """Return them.

    Args:
        gallery: what is searched.
        pool: computes the features of what is uploaded.
        metrics: told how long the database takes.
    """
    router = APIRouter()

    async def search(request: Request, feature: Features, digest: bytes | None, asked: Search) -> dict[str, object]:
        with metrics.search_seconds.time():
            found = await asyncio.to_thread(
                gallery.search,
                feature,
                asked.k,
                asked.threshold,
                **asked.filters(),
                exact=asked.exact,
                digest=digest,
                who=who_asks(request),
            )
        matches = [shown(match.to_json()) for match in found.matches]
        return {"matches": matches, "exact": found.exact, "threshold": found.threshold}

    @router.post("/api/search", summary="Search for the person of an uploaded picture", openapi_extra=PICTURE)
    async def search_picture(request: Request, asked: Annotated[Search, Query()]) -> dict[str, object]:
        digest, feature = await pool.describe(await picture_of(request))
        return await search(request, feature, digest, asked)

    @router.get("/api/search", summary="Search for the person of an entry, or of several entries' mean")
    async def search_entries(request: Request, asked: Annotated[EntrySearch, Query()]) -> dict[str, object]:
        numbers = list(dict.fromkeys(asked.entry))
        features = await asyncio.to_thread(gallery.features, numbers)
        lost = [str(number) for number in numbers if number not in features]
        if lost:
            raise NotThereError(f"there is no entry {', '.join(lost)} (any more)")
        mean = np.mean([features[number] for number in numbers], axis=0)
        return await search(request, mean, None, asked)

    return router

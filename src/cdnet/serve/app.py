"""The application that serves a gallery, put together from its parts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import APIRouter, Depends, FastAPI
from fastapi.responses import PlainTextResponse

from cdnet import __version__
from cdnet.gallery import Gallery
from cdnet.runtime.network import Network
from cdnet.serve.answers import REFUSALS, answer_errors
from cdnet.serve.entries import entry_routes
from cdnet.serve.features import FeaturePool
from cdnet.serve.front import front_routes
from cdnet.serve.guard import Guard, Rates
from cdnet.serve.index_keeper import IndexKeeper
from cdnet.serve.metrics import Metrics
from cdnet.serve.questions import refuse_unasked
from cdnet.serve.searching import search_routes
from cdnet.serve.sessions import Sessions
from cdnet.serve.settings import Settings


def create_app(gallery: Gallery, network: Network, settings: Settings) -> FastAPI:
    """Return the application that serves a gallery.

    Args:
        gallery: open; whoever opened it closes it.
        network: the gallery's, for the features of what is uploaded.
        settings: to whom, and within which limits.
    """
    pool, metrics, sessions = FeaturePool(network, settings.waiting), Metrics(), Sessions(settings.token)
    keeper = IndexKeeper(gallery)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        keeper.start()
        yield
        await asyncio.gather(asyncio.to_thread(keeper.close), asyncio.to_thread(pool.close))

    app = FastAPI(
        title="cdnet gallery",
        version=__version__,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        responses=REFUSALS,
    )
    app.add_middleware(Guard, settings=settings, sessions=sessions, rates=Rates(settings.rate))
    app.middleware("http")(metrics.count)  # around the guard, to count what it refuses, too
    answer_errors(app, settings)
    app.include_router(front_routes(sessions))
    asked = [Depends(refuse_unasked)]
    app.include_router(_operation_routes(gallery, pool, metrics), dependencies=asked)
    app.include_router(search_routes(gallery, pool, metrics), dependencies=asked)
    app.include_router(entry_routes(gallery, pool, keeper), dependencies=asked)
    return app


def _operation_routes(gallery: Gallery, pool: FeaturePool, metrics: Metrics) -> APIRouter:
    """Return the addresses that tell an operator's programs how the server is."""
    router = APIRouter()

    @router.get("/health", summary="Whether the server is at work")
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    @router.get("/ready", summary="Whether searches can be answered")
    async def ready() -> dict[str, str]:
        await asyncio.to_thread(gallery.entries, limit=1)
        return {"status": "ready"}

    @router.get("/metrics", summary="Counts and times in Prometheus' form", response_class=PlainTextResponse)
    async def show_metrics() -> PlainTextResponse:
        return PlainTextResponse(metrics.text(pool.waiting), media_type="text/plain; version=0.0.4")

    return router

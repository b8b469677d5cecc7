"""What a server counts, in Prometheus' form."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

from fastapi import Request, Response
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


class Metrics:
    """Counters of one server; several in one process do not share them."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "cdnet_requests", "Answered requests", ["method", "route", "status"], registry=self._registry
        )
        self._seconds = Histogram("cdnet_request_seconds", "From request to answer", ["route"], registry=self._registry)
        self.search_seconds = Histogram("cdnet_search_seconds", "The database's part", registry=self._registry)
        self._waiting = Gauge("cdnet_waiting_pictures", "In the queue or at work", registry=self._registry)

    async def count(self, request: Request, answer: Callable[[Request], Awaitable[Response]]) -> Response:
        """Answer a request and count it, by its route and not by what it names."""
        begun = time.perf_counter()
        answered = await answer(request)
        route = request.scope.get("route")
        path = getattr(route, "path", "none")
        method = request.method if request.method in METHODS else "other"  # a client may invent any number of them
        self._requests.labels(method, path, str(answered.status_code)).inc()
        self._seconds.labels(path).observe(time.perf_counter() - begun)
        return answered

    def text(self, waiting: int) -> str:
        """Return all of it, with ``waiting`` pictures in the queue now."""
        self._waiting.set(waiting)
        return generate_latest(self._registry).decode()

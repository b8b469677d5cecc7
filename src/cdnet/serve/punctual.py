"""Connections that end where a client takes too long, so that silent ones do not use up all that a server may have."""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_SECONDS = 30.0
ANSWER_SECONDS = 600.0


def punctual(head: float = HEAD_SECONDS, answer: float = ANSWER_SECONDS) -> type[H11Protocol]:
    """Return uvicorn's protocol with two limits that it has not.

    Args:
        head: seconds in which the head of a request has to be there, from the connection or the last answer on.
        answer: seconds in which a client has to have sent its request and taken its answer.
    """

    class Punctual(H11Protocol):
        _limit: asyncio.TimerHandle | None = None
        _of: object = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self._watch()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            self._watch()

        def on_response_complete(self) -> None:
            super().on_response_complete()
            self._watch()

        def connection_lost(self, exc: Exception | None) -> None:
            if self._limit is not None:
                self._limit.cancel()
            super().connection_lost(exc)

        def _watch(self) -> None:
            at_work = self.cycle if self.cycle is not None and not self.cycle.response_complete else None
            if self._limit is not None and at_work is self._of:
                return
            if self._limit is not None:
                self._limit.cancel()
            self._of = at_work
            self._limit = self.loop.call_later(head if at_work is None else answer, self.transport.abort)

    return Punctual

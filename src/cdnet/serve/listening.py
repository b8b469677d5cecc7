"""The socket that a server listens at, and the server.

The socket is taken before the gallery is opened, so that a taken port is said at once.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI

from cdnet.errors import CdnetError
from cdnet.serve.punctual import punctual
from cdnet.serve.settings import Settings


@contextmanager
def listen(settings: Settings) -> Iterator[socket.socket]:
    """Yield a socket that listens.

    Raises:
        CdnetError: if the address is not this machine's, or its port is taken.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            taken.bind((settings.host.strip("[]"), settings.port))
            taken.listen(256)
        except OSError as error:
            raise CdnetError(
                f"cannot listen at {settings.host}, port {settings.port}: {error.strerror or error}; --port 0 takes "
                "one that is free"
            ) from None
        yield taken


def shown_url(settings: Settings, taken: socket.socket) -> str:
    """Return the address to open in a browser."""
    host = f"[{settings.host.strip('[]')}]" if ":" in settings.host else settings.host
    return f"{'https' if settings.encrypted else 'http'}://{host}:{taken.getsockname()[1]}/"


def server_of(app: FastAPI, settings: Settings) -> uvicorn.Server:
    """Return the server of an application, to be run on a socket.

    Raises:
        CdnetError: if the certificate or its key cannot be read.
    """
    configured = uvicorn.Config(
        app,
        http=punctual(),
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=10,
        timeout_keep_alive=30,
        limit_concurrency=1_000,
        proxy_headers=bool(settings.proxies),
        forwarded_allow_ips=list(settings.proxies),
        ssl_certfile=settings.certificate,
        ssl_keyfile=settings.key,
        ssl_keyfile_password="-",  # a key that wants one is refused, and not asked for at the terminal
    )
    try:
        configured.load()
    except (OSError, ssl.SSLError) as error:
        why = getattr(error, "reason", None) or error.strerror or error
        raise CdnetError(f"{settings.certificate} and {settings.key} are no certificate and its key: {why}") from None
    return uvicorn.Server(configured)

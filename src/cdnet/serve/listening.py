"""The socket that a server listens at, taken before the gallery is opened, so that a taken port is said at once."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from cdnet.errors import CdnetError
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
    return f"http://{host}:{taken.getsockname()[1]}/"

"""One gallery of drawn colours a session, served in this process."""

from __future__ import annotations

import hashlib
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import numpy as np
import pytest

from cdnet.errors import CdnetError
from cdnet.runtime.preprocessing import Preprocessing

DIMENSIONS = 24


class TinyNetwork:
    """The mean colours of eight parts of a picture."""

    preprocessing = Preprocessing((32, 32))
    digest = hashlib.sha256(b"tiny").hexdigest()
    batch = 7

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        parts = pixels.reshape(len(pixels), 4, 8, 2, 16, 3).mean((2, 4)).reshape(len(pixels), DIMENSIONS)
        return (parts - 127).astype(np.float32)


class SlowNetwork(TinyNetwork):
    """The same, so slow that pictures that come at once wait for each other."""

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        time.sleep(0.2)
        return super().__call__(pixels)


def coloured(number: int) -> bytes:
    """A PNG whose colours are those of a person: numbers 0 to 3 are one, 4 to 7 another, and so on."""
    person = np.random.default_rng(number // 4).integers(40, 216, (4, 2, 3))
    noise = np.random.default_rng(1000 + number).integers(-20, 20, (64, 32, 3))
    pixels = np.clip(np.kron(person, np.ones((16, 16, 1), int)) + noise, 0, 255).astype(np.uint8)
    return bytes(cv2.imencode(".png", pixels)[1].tobytes())


@contextmanager
def filled(root: Path, count: int = 24) -> Iterator[object]:
    """An open gallery of 24 pictures of six people, seen by three cameras, in a folder of its own; or of fewer."""
    for name in ("psycopg", "pgvector", "fastapi", "httpx"):
        pytest.importorskip(name, reason="the extra serve is not installed")
    from cdnet.gallery import GalleryNetwork, NewEntry, create_gallery

    network = TinyNetwork()
    described = GalleryNetwork("tiny", network.digest, network.preprocessing, DIMENSIONS)
    try:
        gallery = create_gallery(root / "gallery", described)
    except CdnetError as error:
        pytest.skip(f"an embedded server cannot be started here: {error}")
    from cdnet.gallery.adding import describe

    with gallery:
        begun = datetime(2026, 11, 20, 8, tzinfo=UTC)
        entries, features = [], []
        for number in range(count):
            data = coloured(number)
            path = root / f"{number:02}.png"
            path.write_bytes(data)
            digest, feature = describe(data, network)
            known = {"camera": str(number % 3), "person": f"p{number // 4}", "time": begun + timedelta(minutes=number)}
            entries.append(NewEntry(digest, str(path), **known))
            features.append(feature)
        if entries:
            gallery.add(entries, np.stack(features))
        yield gallery


@contextmanager
def listening(app: object, **settings: object) -> Iterator[str]:
    """The address at which an application is served by the real server, in a thread."""
    import uvicorn

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen(64)  # so that a client may come before the server is ready
        # A connection that is not used for a while stays open, so that no client asks just as it is closed.
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", timeout_keep_alive=3600, **settings))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [taken]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{taken.getsockname()[1]}/"
        finally:
            server.should_exit = True
            thread.join(120)


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[object]:
    """A gallery as :func:`filled` makes it, for all tests of a session."""
    with filled(tmp_path_factory.mktemp("served")) as gallery:
        yield gallery


@pytest.fixture(scope="session")
def client(served):
    """A client of the gallery on loopback, without a token."""
    from starlette.testclient import TestClient

    from cdnet.serve.app import create_app
    from cdnet.serve.settings import Settings

    app = create_app(served, TinyNetwork(), Settings(most_bytes=1 << 20, rate=1e6))
    with TestClient(app, base_url="http://127.0.0.1:8000", raise_server_exceptions=False) as made:
        yield made

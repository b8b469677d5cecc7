"""One embedded server a session; each test has a database of its own on it, reached by its address."""

from __future__ import annotations

import hashlib
import itertools
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest

from cdnet.errors import CdnetError
from cdnet.runtime.preprocessing import Preprocessing

DIMENSIONS = 24
_numbers = itertools.count()


class TinyNetwork:
    """A network of no parts: the mean colours of eight parts of a picture, which tell drawn people apart somewhat."""

    preprocessing = Preprocessing((32, 32))
    digest = hashlib.sha256(b"tiny").hexdigest()
    batch = 7

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        assert len(pixels) <= self.batch
        parts = pixels.reshape(len(pixels), 4, 8, 2, 16, 3).mean((2, 4)).reshape(len(pixels), DIMENSIONS)
        return (parts - 127).astype(np.float32)


@pytest.fixture(scope="session")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a gallery of five entries whose server does not run; to be copied, not used."""
    pytest.importorskip("psycopg", reason="the extra gallery is not installed")
    pytest.importorskip("pgvector", reason="the extra gallery is not installed")
    from cdnet.gallery import GalleryNetwork, create_gallery
    from cdnet.gallery.folder import GalleryFolder

    path = tmp_path_factory.mktemp("gallery") / "stopped"
    network = GalleryNetwork("tiny", TinyNetwork.digest, TinyNetwork.preprocessing, DIMENSIONS)
    try:
        made = create_gallery(path, network)
    except CdnetError as error:
        pytest.skip(f"an embedded server cannot be started here: {error}")
    with made:
        made.add([_entry(number) for number in range(5)], np.eye(5, DIMENSIONS))
    assert GalleryFolder(path).processes() == []
    return path


def copy_of(stopped: Path, place: Path) -> Path:
    """Return a copy of a gallery's folder, the server's user still its owner."""
    shutil.copytree(stopped, place)
    from cdnet.gallery.server_user import hand_over

    hand_over(place / "server.log", place / "data", *(place / "data").rglob("*"))
    return place


@pytest.fixture
def copied(stopped: Path) -> Callable[[Path], Path]:
    """Copy that folder to a place."""
    return lambda place: copy_of(stopped, place)


@pytest.fixture(scope="session")
def cluster(stopped: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder whose server runs during the session."""
    from cdnet.gallery.embedded import EmbeddedDatabase

    database = EmbeddedDatabase(copy_of(stopped, tmp_path_factory.mktemp("gallery") / "server"))
    yield database.folder.path
    database.close()


@pytest.fixture
def address(cluster: Path) -> Iterator[str]:
    """The address of an empty database."""
    yield from new_database(cluster)


@pytest.fixture
def other_address(cluster: Path) -> Iterator[str]:
    """The address of another empty database."""
    yield from new_database(cluster)


def new_database(cluster: Path) -> Iterator[str]:
    import psycopg
    from psycopg.conninfo import conninfo_to_dict

    from cdnet.gallery.embedded import EmbeddedDatabase

    database = EmbeddedDatabase(cluster)
    name = f"test{next(_numbers)}"
    with psycopg.connect(database.conninfo(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
        host = quote(str(conninfo_to_dict(database.conninfo())["host"]), safe="")
        yield f"postgresql://cdnet@/{name}?host={host}"
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
    database.close()


@pytest.fixture
def tiny_network() -> TinyNetwork:
    """The network of the fixture ``gallery``."""
    return TinyNetwork()


@pytest.fixture
def network():
    from cdnet.gallery import GalleryNetwork

    return GalleryNetwork("tiny", TinyNetwork.digest, TinyNetwork.preprocessing, DIMENSIONS)


@pytest.fixture
def gallery(address: str, network):
    from cdnet.gallery import create_gallery

    with create_gallery(address, network, who="tester") as made:
        yield made


@pytest.fixture
def new_entry() -> Callable:
    """Make an entry whose digest is that of a number."""
    return _entry


def _entry(number, **known):
    from cdnet.gallery import NewEntry

    return NewEntry(hashlib.sha256(str(number).encode()).digest(), f"/p/{number}.jpg", **known)


@pytest.fixture
def clustered() -> Callable:
    """Draw features of people: each person has a centre, and pictures around it."""

    def draw(count: int, people: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
        generator = np.random.default_rng(seed)
        who = generator.integers(people, size=count)
        centres = generator.normal(size=(people, DIMENSIONS))
        return (centres[who] + 0.4 * generator.normal(size=(count, DIMENSIONS))).astype(np.float32), who

    return draw

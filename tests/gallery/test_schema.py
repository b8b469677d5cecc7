"""Versions of the tables, rights, and what a server lacks."""

from __future__ import annotations

import numpy as np
import psycopg
import pytest

from cdnet.errors import CdnetError, DiskFullError
from cdnet.gallery import schema
from cdnet.gallery.problems import said, shown_address


def test_an_older_gallery_is_brought_forward_and_a_newer_one_is_refused(gallery, new_entry, monkeypatch):
    from cdnet.gallery import open_gallery

    gallery.add([new_entry(1)], np.ones((1, 24)))
    made = []

    def step(connection):
        made.append(True)
        connection.execute("ALTER TABLE about ADD COLUMN of_tomorrow text DEFAULT 'x'")

    monkeypatch.setattr(schema, "VERSION", 2)
    monkeypatch.setitem(schema.MIGRATIONS, 1, step)
    for _ in range(2):
        with open_gallery(gallery.address) as opened:
            assert len(opened.entries()) == 1
            with opened.reading() as connection:
                assert connection.execute("SELECT version, of_tomorrow FROM about").fetchall() == [(2, "x")]
    assert made == [True]
    monkeypatch.undo()
    with pytest.raises(CdnetError, match="newer than this cdnet"):
        open_gallery(gallery.address)


def test_a_step_that_fails_changes_nothing(gallery, monkeypatch):
    from cdnet.gallery import open_gallery

    def step(connection):
        connection.execute("DROP TABLE setting")
        connection.execute("SELECT nothing_of_that_name")

    monkeypatch.setattr(schema, "VERSION", 2)
    monkeypatch.setitem(schema.MIGRATIONS, 1, step)
    with pytest.raises(CdnetError):
        open_gallery(gallery.address)
    monkeypatch.undo()
    assert gallery.stats().entries == 0


def test_an_empty_database_and_a_second_gallery_are_refused(address, network):
    from cdnet.gallery import create_gallery, open_gallery

    with pytest.raises(CdnetError, match="no gallery there"):
        open_gallery(address)
    create_gallery(address, network).close()
    with pytest.raises(CdnetError, match="already"):
        create_gallery(address, network)


def test_without_rights_it_says_so(gallery, network, other_address):
    from cdnet.gallery import create_gallery, open_gallery

    with gallery.reading() as connection:
        connection.execute("DROP ROLE IF EXISTS guest")
        connection.execute("CREATE ROLE guest LOGIN")
    try:
        with pytest.raises(CdnetError, match="rights"):
            create_gallery(other_address.replace("cdnet@", "guest@"), network)
        with pytest.raises(CdnetError, match="another user's"):
            open_gallery(gallery.address.replace("cdnet@", "guest@"))
    finally:
        with gallery.reading() as connection:
            connection.execute("DROP ROLE guest")


def test_a_server_without_pgvector_is_told_so(gallery):
    # By asking for an extension that no server has, whose name begins alike.
    with pytest.raises(CdnetError, match="has no pgvector"), gallery.reading() as connection:
        connection.execute("CREATE EXTENSION vector_of_nobody")


def test_a_replica_is_not_written_to(gallery, new_entry):
    from cdnet.gallery import open_gallery

    with gallery.reading() as connection:
        name = connection.info.dbname
        connection.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on".encode())
    with open_gallery(gallery.address) as opened:
        with pytest.raises(CdnetError, match="replica"):
            opened.add([new_entry(1)], np.ones((1, 24)))
        assert opened.entries() == []


def test_queries_go_to_the_address_that_is_read_from(gallery, new_entry, other_address, network):
    from cdnet.gallery import create_gallery, open_gallery

    create_gallery(other_address, network).close()
    gallery.add([new_entry(1)], np.ones((1, 24)))
    with open_gallery(other_address, read_from=gallery.address) as both:
        both.add([new_entry(2), new_entry(3)], np.ones((2, 24)))
        assert len(both.entries()) == 1  # of what is read from
        assert len(both.search(np.ones(24), 5).matches) == 1
    with open_gallery(other_address) as written:
        assert len(written.entries()) == 2
        assert [record.action for record in written.audit()] == ["create", "add", "query"]


def test_a_full_disk_is_one():
    error = psycopg.errors.DiskFull("could not extend file: No space left on device")
    assert isinstance(said(error, "/g"), DiskFullError)


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("postgresql://anna:secret@host:5432/db?sslmode=require", "postgresql://anna@host:5432/db"),
        ("postgresql://anna:se@cret@host/db", "postgresql://anna@host/db"),
        ("postgresql://host/db?password=secret", "postgresql://host/db"),
        ("/some/folder", "/some/folder"),
    ],
)
def test_no_password_is_shown(address, shown):
    assert shown_address(address) == shown


@pytest.mark.parametrize("rest", ["[", "[::1]x/db", "host:5432/db?nonsense=1"])
def test_an_address_that_is_none_does_not_show_its_password(rest):
    from cdnet.gallery import open_gallery

    with pytest.raises(CdnetError, match="the database refused") as raised:
        open_gallery(f"postgresql://anna:secret@{rest}")
    assert "secret" not in str(raised.value)


def test_what_comes_back_goes_on(gallery, new_entry):
    gallery.add([new_entry(1)], np.ones((1, 24)))
    for _ in range(3):
        with pytest.raises(CdnetError, match="cannot be reached"), gallery.reading() as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
            )
        assert len(gallery.search(np.ones(24), 1).matches) == 1
    assert gallery.add([new_entry(2)], np.ones((1, 24)))[0].new


def test_an_old_pgvector_is_refused(address, network):
    from cdnet.gallery import create_gallery, open_gallery

    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("CREATE EXTENSION vector")
        connection.execute("UPDATE pg_extension SET extversion = '0.7.4' WHERE extname = 'vector'")
    with pytest.raises(CdnetError, match=r"pgvector is 0\.7\.4"):
        create_gallery(address, network)
    with pytest.raises(CdnetError, match="no gallery there"):
        open_gallery(address)

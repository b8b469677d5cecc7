"""Queries to a streaming replica, as PostgreSQL itself feeds one."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from cdnet.errors import CdnetError


@pytest.mark.slow
def test_a_streaming_replica_answers_queries_and_is_not_written_to(copied, tmp_path: Path, new_entry):
    from cdnet.gallery import open_gallery
    from cdnet.gallery.folder import SUPERUSER, GalleryFolder
    from cdnet.gallery.server_user import hand_over

    replica = GalleryFolder(tmp_path / "replica")
    replica.data.mkdir(parents=True, mode=0o700)
    hand_over(replica.data)
    with open_gallery(copied(tmp_path / "g"), who="tester") as source:
        with source.reading() as connection:
            host = connection.info.host
        options = ["-h", host, "-U", SUPERUSER, "-D", str(replica.data), "-R", "-X", "stream", "-c", "fast"]
        done = replica._run("pg_basebackup", options)
        assert done.returncode == 0, done.stderr
        with open_gallery(source.address, read_from=str(replica.path)) as both:
            assert len(both.entries()) == 5
            number = both.add([new_entry("new")], np.ones((1, 24)))[0].id
            for _ in range(1200):  # two minutes, or more where the machine is busy
                if len(both.entries()) == 6:
                    break
                time.sleep(0.1)
            assert both.search(np.ones(24), 1).matches[0].entry.id == number
        assert source.audit()[-1].action == "query"  # the log is where it is written to
        with open_gallery(replica.path) as alone, pytest.raises(CdnetError, match="a replica, which is only read"):
            alone.add([new_entry("another")], np.ones((1, 24)))
    with open_gallery(replica.path) as alone:  # also while nobody feeds it
        assert len(alone.entries()) == 6

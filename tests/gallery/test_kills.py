"""``kill -9`` at random moments while pictures are added, of the client and of the server in turn."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

KILLS = int(os.environ.get("CDNET_KILLS", "10"))
"""How often; 100 take some ten minutes."""

ADDER = """
import hashlib, sys
import numpy as np
from cdnet.gallery import NewEntry, open_gallery

first = int(sys.argv[2])
with open_gallery(sys.argv[1]) as gallery:
    for number in range(first, first + 100_000):
        entries = [NewEntry(hashlib.sha256(f"{number} {n}".encode()).digest(), data=b"x" * 3000) for n in range(20)]
        gallery.add(entries, np.random.default_rng(number).normal(size=(20, 24)))
        print(number, flush=True)
"""


@pytest.mark.slow
def test_nothing_acknowledged_is_lost_and_nothing_is_half_there(copied, tmp_path: Path):
    from cdnet.gallery import open_gallery
    from cdnet.gallery.folder import GalleryFolder

    folder = copied(tmp_path / "g")
    chance = random.Random(0)
    acknowledged: list[int] = []
    for turn in range(KILLS):
        said = tmp_path / f"said{turn}"
        with said.open("w") as out:
            client = subprocess.Popen([sys.executable, "-c", ADDER, str(folder), str(1_000_000 * turn)], stdout=out)
        while not said.read_text():
            assert client.poll() is None
            time.sleep(0.02)
        time.sleep(chance.random() * 2)
        if turn % 2:
            client.kill()
        else:
            server = psutil.Process(GalleryFolder(folder)._server())
            for process in [*server.children(), server]:
                with suppress(psutil.NoSuchProcess):
                    process.send_signal(signal.SIGKILL)
            before = len(said.read_text().split())
            for _ in range(2400):  # two minutes, not counting those in which a busy machine lets this stand still
                if len(said.read_text().split()) > before + 2:  # the client goes on by itself
                    break
                assert client.poll() is None
                time.sleep(0.05)
            else:
                raise AssertionError("the client did not go on")
            client.kill()
        client.wait()
        acknowledged += map(int, said.read_text().split("\n")[:-1])
    with open_gallery(folder) as gallery, gallery.reading() as connection:
        import hashlib

        digests = [hashlib.sha256(f"{number} {n}".encode()).digest() for number in acknowledged for n in range(20)]
        assert len(gallery.known(digests)) == len(digests)
        both = connection.execute("SELECT count(*) FROM entry JOIN picture USING (digest, id, dated)").fetchone()[0]
        alone = connection.execute("SELECT (SELECT count(*) FROM entry), (SELECT count(*) FROM picture)").fetchone()
        assert alone == (both, both)
        assert (both - 5) % 20 == 0  # whole batches
        lacking = connection.execute("SELECT count(*) FROM picture WHERE data IS NULL").fetchone()[0]
        assert lacking == 5
    print(f"{KILLS} kills, {len(digests):,} entries acknowledged, {both:,} there")

"""A gallery as a file: all of it comes back, and a file that is not whole or not ours is refused."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from cdnet.errors import CdnetError


@pytest.fixture
def written(gallery, new_entry, clustered, tmp_path):
    from cdnet.gallery import Box
    from cdnet.gallery.transfer import export_gallery

    features, _ = clustered(700, 10)
    entries = [
        new_entry(n, camera=f"c{n % 3}", person=None if n % 2 else f"p{n % 9}", note=f"n{n}\n") for n in range(698)
    ]
    data = b"picture"
    odd = replace(new_entry(1), digest=hashlib.sha256(data).digest(), data=data, place="/\udcff", box=Box(1, 2, 3, 4))
    entries += [odd, new_entry(699, source="s", time=datetime(2020, 5, 1, tzinfo=UTC))]
    gallery.add(entries, features)
    gallery.calibrate({"threshold": 0.5, "false_match_rate": 0.001, "on": {"data": "x"}})
    path = tmp_path / "gallery.gz"
    assert export_gallery(gallery, path) == 700
    return gallery, path


def everything(gallery):
    entries = list(gallery.iterate())
    features = gallery.features([entry.id for entry in entries])
    return [(replace(entry, id=0), features[entry.id].tobytes()) for entry in entries]


def test_all_comes_back(written, other_address):
    from cdnet.gallery import open_gallery
    from cdnet.gallery.transfer import import_gallery

    gallery, path = written
    assert import_gallery(other_address, path) == (700, 0)
    with open_gallery(other_address) as other:
        assert everything(other) == everything(gallery)  # with the time when each was added, to be kept no longer
        assert other.network == gallery.network
        kept = next(entry for entry in other.iterate() if entry.kept)
        assert other.picture(kept.id) == b"picture"
        assert other.calibration()["on"] == {"data": "x"}
    assert import_gallery(other_address, path) == (0, 700)


def lines_of(path):
    return gzip.decompress(path.read_bytes()).split(b"\n")[:-1]


def _changed(line: bytes, **values) -> bytes:
    return json.dumps(json.loads(line) | values).encode()


NAN, ZEROS = (base64.b64encode(np.full(24, value, "<f4").tobytes()).decode() for value in (np.nan, 0))
BEYOND = {"threshold": 1e300, "on": {}}


@pytest.mark.parametrize(
    ("damage", "kept", "says"),
    [
        (lambda lines: lines[:-1], 700, "cut short after 700"),
        (lambda lines: lines[:600], 599, "cut short after 599"),
        (lambda lines: [*lines[:600], lines[-1]], 599, "cut short"),
        (lambda lines: [lines[0], b"{", *lines[2:]], 0, "line 2"),
        (lambda lines: [lines[0], b"[]", *lines[2:]], 0, "line 2"),
        (lambda lines: [lines[0], _changed(lines[1], digest="00"), *lines[2:]], 0, "digest"),
        (
            lambda lines: [lines[0], _changed(lines[1], feature="AAAA"), *lines[2:]],
            0,
            "cut off|numbers|line 2|refused|another",
        ),
        (lambda lines: [lines[0], _changed(lines[1], data="AAAA"), *lines[2:]], 0, "picture"),
        (lambda lines: [lines[0], _changed(lines[1], added="soon"), *lines[2:]], 0, "line 2"),
        (lambda lines: [*lines[:300], b"5", *lines[301:]], 299, "line 301"),
        (lambda lines: [*lines[:3], _changed(lines[3], camera=[]), *lines[4:]], 2, "its camera is no text"),
        (lambda lines: [*lines[:3], _changed(lines[3], note=None), *lines[4:]], 2, "its note is no text"),
        (lambda lines: [*lines[:3], _changed(lines[3], place=1), *lines[4:]], 2, "its place is no text"),
        (lambda lines: [*lines[:3], _changed(lines[3], place="\ud800"), *lines[4:]], 2, "line 4 is no entry"),
        (lambda lines: [*lines[:3], _changed(lines[3], person="\ud800"), *lines[4:]], 2, "line 4 is no entry"),
        (lambda lines: [*lines[:3], _changed(lines[3], box=[0, 0, 10**299, 1]), *lines[4:]], 2, "line 4 is no entry"),
        (lambda lines: [*lines[:3], _changed(lines[3], box=[0, 0, 1e299, 1]), *lines[4:]], 2, "line 4 is no entry"),
        (lambda lines: [*lines[:3], _changed(lines[3], added="2020-01-01"), *lines[4:]], 2, "its zone"),
        (lambda lines: [*lines[:3], _changed(lines[3], feature=NAN), *lines[4:]], 2, "24 finite numbers"),
        (lambda lines: [*lines[:3], _changed(lines[3], feature=ZEROS), *lines[4:]], 2, "24 finite numbers"),
        (
            lambda lines: [_changed(lines[0], calibration={"threshold": 1e300, "on": {}}), *lines[1:]],
            700,
            "calibration",
        ),
        (lambda lines: [_changed(lines[0], entries="many"), *lines[1:]], None, "no file"),
        (lambda lines: [_changed(lines[0], network={"size": 1e300}), *lines[1:]], None, "described"),
        (lambda lines: [_changed(lines[0], version=2), *lines[1:]], None, "update cdnet"),
        (lambda lines: [_changed(lines[0], format="x"), *lines[1:]], None, "no file"),
        (lambda lines: [], None, "no file"),
    ],
)
def test_a_file_that_is_not_whole_is_refused(written, other_address, tmp_path, damage, kept, says):
    from cdnet.gallery import open_gallery
    from cdnet.gallery.transfer import import_gallery

    _, path = written
    bad = tmp_path / "bad.gz"
    bad.write_bytes(gzip.compress(b"".join(line + b"\n" for line in damage(lines_of(path)))))
    with pytest.raises(CdnetError, match=says):
        import_gallery(other_address, bad)
    if kept:
        with open_gallery(other_address) as other:
            assert other.stats().entries == kept


def test_a_file_that_is_cut_in_its_bytes_or_is_no_gzip_is_refused(written, other_address, tmp_path):
    from cdnet.gallery.transfer import import_gallery

    _, path = written
    bad = tmp_path / "bad"
    for content in (path.read_bytes()[:-2000], path.read_bytes()[:5], b"hello\n", b""):
        bad.write_bytes(content)
        with pytest.raises(CdnetError):
            import_gallery(other_address, bad)
    with pytest.raises(CdnetError, match="could not be read"):
        import_gallery(other_address, tmp_path / "none")


def test_features_of_another_network_are_refused(written, other_address, tmp_path, network):
    from cdnet.gallery import create_gallery, open_gallery
    from cdnet.gallery.transfer import import_gallery

    _, path = written
    create_gallery(other_address, replace(network, digest="11" * 32)).close()
    with pytest.raises(CdnetError, match="another network"):
        import_gallery(other_address, path)
    with open_gallery(other_address) as other:
        assert other.stats().entries == 0


def test_an_export_that_cannot_be_written_leaves_what_was_there(written, tmp_path):
    from cdnet.gallery.transfer import export_gallery

    gallery, path = written
    before = path.read_bytes()
    with pytest.raises(CdnetError):
        export_gallery(gallery, path / "below")
    assert path.read_bytes() == before
    assert np.all([name.suffix == ".gz" for name in tmp_path.iterdir()])

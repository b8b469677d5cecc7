"""The API gives what the gallery gives, and refuses everything else in one sentence."""

from __future__ import annotations

import io
import struct
import threading
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from cdnet.errors import CdnetError

from .conftest import TinyNetwork, coloured


def test_a_picture_finds_what_the_gallery_finds(client, served) -> None:
    from cdnet.gallery.adding import describe

    found = client.post("/api/search", params={"k": 5}, content=coloured(9)).json()
    digest, feature = describe(coloured(9), TinyNetwork())
    wanted = served.search(feature, 5)
    assert [match["id"] for match in found["matches"]] == [match.entry.id for match in wanted.matches]
    assert found["matches"][0]["similarity"] == pytest.approx(1)
    assert {match["person"] for match in found["matches"][:4]} == {"p2"}
    assert found["exact"] is True
    assert found["threshold"] is None
    assert served.audit(last=2)[0].digest == digest


def test_filters_and_the_mean_of_entries(client, served) -> None:
    found = client.get("/api/search", params={"entry": [1, 2], "camera": ["0", "1"], "k": 24}).json()["matches"]
    assert {match["camera"] for match in found} == {"0", "1"}
    features = served.features([1, 2])
    wanted = served.search((features[1] + features[2]) / 2, 24, cameras=["0", "1"])
    assert [match["id"] for match in found] == [match.entry.id for match in wanted.matches]
    late = client.get("/api/search", params={"entry": 1, "since": "2026-11-20T08:20:00"}).json()["matches"]
    assert sorted(match["id"] for match in late) == [21, 22, 23, 24]
    person = client.get("/api/search", params={"entry": 1, "person": "p3"}).json()["matches"]
    assert [match["person"] for match in person] == ["p3"] * 4


def test_entries_and_their_pictures(client) -> None:
    page = client.get("/api/entries", params={"after": 3, "limit": 2}).json()
    assert [entry["id"] for entry in page] == [4, 5]
    assert page[0]["name"] == "03.png"
    assert "place" not in page[0]
    assert client.get("/api/entries/4").json() == page[0]
    answer = client.get("/api/entries/4/picture")
    assert answer.headers["content-type"] == "image/jpeg"
    shown = np.asarray(Image.open(io.BytesIO(answer.content))).astype(int)
    drawn = cv2.imdecode(np.frombuffer(coloured(3), np.uint8), cv2.IMREAD_COLOR)[..., ::-1].astype(int)
    assert shown.shape == drawn.shape
    assert abs(shown - drawn).mean() < 12  # JPEG
    again = client.get("/api/entries/4/picture", headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304


def test_a_phones_photograph_is_seen_upright(client) -> None:
    upright = Image.open(io.BytesIO(coloured(9)))
    turned, file = Image.Exif(), io.BytesIO()
    turned[0x112] = 6  # to be turned by a quarter, as phones write it
    upright.rotate(90, expand=True).save(file, "JPEG", quality=98, subsampling=0, exif=turned)
    found = client.post("/api/search", params={"k": 1}, content=file.getvalue()).json()["matches"][0]
    best = client.post("/api/search", params={"k": 1}, content=coloured(9)).json()["matches"][0]
    assert found["id"] == best["id"]
    assert found["similarity"] > 0.99
    added = client.post("/api/entries", content=file.getvalue()).json()["id"]
    shown = Image.open(io.BytesIO(client.get(f"/api/entries/{added}/picture").content))
    client.delete(f"/api/entries/{added}")
    assert shown.size == upright.size
    assert not shown.getexif()
    assert np.abs(np.asarray(shown, int) - np.asarray(upright.convert("RGB"), int)).mean() < 12


def test_adding_and_removing(client) -> None:
    before = client.get("/api/stats").json()["entries"]
    given = {"camera": "9", "person": "new", "time": "2026-11-20T09:00:00Z", "note": "by the door"}
    given |= {"source": "door.mp4", "box": "10,20,64,128"}
    added = client.post("/api/entries", params=given, content=coloured(400)).json()
    assert added["new"] is True
    assert client.post("/api/entries", params=given, content=coloured(400)).json() == {"id": added["id"], "new": False}
    kept = client.get(f"/api/entries/{added['id']}").json()
    assert (kept["camera"], kept["person"], kept["note"], kept["kept"]) == ("9", "new", "by the door", True)
    assert (kept["source"], kept["box"]) == ("door.mp4", [10, 20, 64, 128])
    assert client.get(f"/api/entries/{added['id']}/picture").status_code == 200
    assert client.delete(f"/api/entries/{added['id']}").json() == {"removed": 1}
    assert client.get(f"/api/entries/{added['id']}").status_code == 404
    assert client.delete(f"/api/entries/{added['id']}").status_code == 404
    assert client.get("/api/stats").json()["entries"] == before


def test_who_searched_is_in_the_audit_log(client, served) -> None:
    client.get("/api/search", params={"entry": 5, "k": 3})
    last = served.audit(last=1)[0]
    assert last.action == "query"
    assert last.who.startswith("web ")
    assert len(last.detail["returned"]) == 3


def test_health_readiness_and_metrics(client) -> None:
    assert client.get("/api/stats").status_code == 200
    assert client.get("/health").json() == {"status": "ok"}
    assert client.get("/ready").json() == {"status": "ready"}
    text = client.get("/metrics").text
    assert 'cdnet_requests_total{method="GET",route="/health",status="200"}' in text
    assert 'route="/api/stats"' in text
    assert "cdnet_waiting_pictures 0.0" in text
    assert client.get("/openapi.json").json()["paths"]["/api/search"]["post"]["requestBody"]["required"] is True


def bomb() -> bytes:
    """A PNG of 100,000 x 100,000 pixels in some hundred bytes."""

    def part(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + part(b"IHDR", header) + part(b"IDAT", zlib.compress(b"\0" * 100)) + part(b"IEND", b"")


@pytest.mark.parametrize("way", ["/api/search", "/api/entries"])
@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 422),
        (b"no picture", 422),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", 422),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", 422),
        (coloured(1)[:200], 422),
        (bomb(), 422),
        (b"\0" * ((1 << 20) + 1), 413),
    ],
)
def test_what_is_no_picture(client, served, way: str, body: bytes, status: int) -> None:
    before = served.stats().entries
    answer = client.post(way, content=body)
    assert answer.status_code == status
    assert list(answer.json()) == ["error"]
    assert "/" not in answer.json()["error"].replace("put a whole copy in its place, or save it anew", "")
    assert served.stats().entries == before


def test_a_body_that_does_not_say_how_long_it_is(client) -> None:
    answer = client.post("/api/search", content=(b"\0" * 65536 for _ in range(64)))
    assert answer.status_code == 413


@pytest.mark.parametrize(
    ("way", "given"),
    [
        ("/api/search", {}),
        ("/api/search", {"entry": "x"}),
        ("/api/search", {"entry": "1", "k": "0"}),
        ("/api/search", {"entry": "1", "k": "1001"}),
        ("/api/search", {"entry": "1", "threshold": "nan"}),
        ("/api/search", {"entry": "1", "threshold": "1e999"}),
        ("/api/search", {"entry": "1", "since": "yesterday"}),
        ("/api/search", {"entry": "1", "camera": "\0"}),
        ("/api/search", {"entry": "9" * 30}),
        ("/api/search", {"entry": "-1"}),
        ("/api/entries", {"after": "9" * 30}),
        ("/api/entries", {"limit": "0"}),
        ("/api/entries", {"limit": "1e1"}),
        ("/api/search", {"entry": "1_0"}),
        ("/api/search", {"entry": "1", "k": "5.0"}),
        ("/api/entries/1_0", {}),
        ("/api/entries/+1", {}),
        ("/api/entries/1.0/picture", {}),
        ("/api/entries", {"person": "x" * 5000}),
        ("/api/entries/x", {}),
        ("/api/entries/" + "9" * 40, {}),
        ("/api/entries/0/picture", {}),
        ("/api/entries/../../etc/passwd", {}),
        ("/page/../app.py", {}),
        ("/nothing", {}),
    ],
)
def test_senseless_requests(client, way: str, given: dict) -> None:
    answer = client.get(way, params=given)
    assert answer.status_code in (404, 422), answer.text
    assert list(answer.json()) == ["error"]


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "1600-01-01"])
@pytest.mark.parametrize("name", ["since", "until"])
def test_times_at_the_end_of_the_calendar(client, name: str, time: str) -> None:
    assert client.get("/api/search", params={"entry": 1, name: time}).status_code in (200, 422)


def test_a_text_that_looks_like_sql_or_script(client) -> None:
    given = {"person": "'; DROP TABLE entry; --<script>"}
    assert client.get("/api/search", params={"entry": 1, **given}).json()["matches"] == []
    assert client.get("/api/stats").json()["entries"] >= 24


def test_a_picture_that_is_gone_tells_no_path(client, served, tmp_path) -> None:
    from cdnet.gallery import NewEntry
    from cdnet.gallery.adding import describe

    path = tmp_path / "secret-place" / "gone.png"
    digest, feature = describe(coloured(500), TinyNetwork())
    number = served.add([NewEntry(digest, str(path))], feature[None])[0].id
    answer = client.get(f"/api/entries/{number}/picture")
    assert answer.status_code == 404
    assert "secret-place" not in answer.text
    served.remove([number])


class BrokenGallery:
    """A gallery whose database has gone."""

    def __getattr__(self, name: str):
        from cdnet.gallery import UnreachableError

        def fail(*_: object, **__: object) -> None:
            raise UnreachableError("postgresql://secret@host: the database cannot be reached")

        return fail


def other_client(gallery, network, **settings):
    from starlette.testclient import TestClient

    from cdnet.serve.app import create_app
    from cdnet.serve.settings import Settings

    app = create_app(gallery, network, Settings(**settings))
    return TestClient(app, base_url="http://127.0.0.1:8000", raise_server_exceptions=False)


def test_a_database_that_is_gone(client) -> None:
    with other_client(BrokenGallery(), TinyNetwork()) as broken:
        for way in ("/ready", "/api/stats", "/api/search?entry=1", "/api/entries/1"):
            answer = broken.get(way)
            assert answer.status_code == 503
            assert answer.headers["retry-after"]
            assert "secret" not in answer.text
        assert broken.get("/health").status_code == 200


def test_what_no_one_foresaw_is_one_sentence(client, served) -> None:
    def failing(_: object) -> None:
        raise RuntimeError("secret")

    network = TinyNetwork()
    with other_client(served, network) as made:
        network.__class__ = type(
            "Failing", (), {"preprocessing": network.preprocessing, "batch": 1, "__call__": failing}
        )
        answer = made.post("/api/search", content=coloured(1))
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert list(answer.json()) == ["error"]
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_a_full_queue_refuses_at_once(served) -> None:
    begun, go_on = threading.Event(), threading.Event()

    class Slow(TinyNetwork):
        def __call__(self, pixels: np.ndarray) -> np.ndarray:
            begun.set()
            assert go_on.wait(300)
            return super().__call__(pixels)

    with other_client(served, Slow(), waiting=1) as made:
        first: list = []
        thread = threading.Thread(target=lambda: first.append(made.post("/api/search", content=coloured(1))))
        thread.start()
        assert begun.wait(300)
        answer = made.post("/api/search", content=coloured(2))
        go_on.set()
        thread.join()
        assert first[0].status_code == 200
        assert made.post("/api/search", content=coloured(2)).status_code == 200
    assert answer.status_code == 503
    assert answer.headers["retry-after"]


def test_settings_that_would_open_the_gallery_to_anybody() -> None:
    from cdnet.serve.settings import Settings

    with pytest.raises(CdnetError, match="--token-file"):
        Settings(host="0.0.0.0")
    with pytest.raises(CdnetError, match="at least 16"):
        Settings(token="short")
    Settings(host="0.0.0.0", token="x" * 16)
    Settings(host="::1")


@pytest.mark.parametrize("content", [b"x" * 5000, b"\xff" * 16, b"short", None])
def test_a_file_without_a_token_is_refused(tmp_path: Path, content: bytes | None, capsys) -> None:
    from cdnet.cli import main

    file = tmp_path / "token" if content is not None else Path("/dev/zero")
    if content is not None:
        file.write_bytes(content)
    assert main(["serve", "--gallery", str(tmp_path / "none"), "--token-file", str(file)]) == 1
    assert "token" in capsys.readouterr().err

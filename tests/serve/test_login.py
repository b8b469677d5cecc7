"""The way in, end to end: the real command, the token, cookies, proxies, https; and nothing secret in what it says."""

from __future__ import annotations

import json
import re
import shutil
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from cdnet.errors import CdnetError

from .conftest import TinyNetwork, coloured, filled, listening

TOKEN = "the token of this test"
CURL = shutil.which("curl")
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
OPENSSL = shutil.which("openssl")

SERVER = """
import sys
import cdnet.gallery.network as network
from tests.serve.conftest import TinyNetwork
network.GalleryNetwork.open = lambda *_: TinyNetwork()
from cdnet.cli import main
sys.exit(main(["serve", *sys.argv[1:]]))
"""


@contextmanager
def command(folder: Path, log: Path, *words: str, ended: list[int] | None = None) -> Iterator[str]:
    """Run ``cdnet serve`` on a gallery's folder with a token, and yield its address; ``ended`` is given its status."""
    token = log.with_suffix(".token")
    token.write_text(TOKEN + "\n")
    root = Path(__file__).parents[2]
    given = ["--gallery", str(folder), "--port", "0", "--token-file", str(token), *words]
    with log.open("wb") as said:
        made = subprocess.Popen(
            [sys.executable, "-c", SERVER, *given], stdout=subprocess.PIPE, stderr=said, cwd=root, text=True
        )
        try:
            assert made.stdout is not None
            first = made.stdout.readline()
            found = re.search(r"https?://\S+/", first)
            assert found is not None, log.read_text()
            yield found[0]
        finally:
            made.terminate()
            assert made.stdout is not None
            rest = made.stdout.read()
            status = made.wait(120)
            made.stdout.close()
            if ended is not None:
                ended.append(status)
    with log.open("a") as said:
        said.write(rest)


def curl(*words: str) -> tuple[int, str]:
    """Return the status and the headers with the body that curl is answered with."""
    assert CURL is not None
    done = subprocess.run([CURL, "-s", "-i", "--noproxy", "*", *words], capture_output=True, text=True, check=True)
    return int(done.stdout.split()[1]), done.stdout


@pytest.mark.skipif(CURL is None, reason="curl is not installed")
def test_by_curl(served, tmp_path: Path) -> None:
    log, jar = tmp_path / "log", tmp_path / "jar"
    with command(Path(served.address), log) as address:
        assert curl(f"{address}api/stats")[0] == 401
        assert curl(f"{address}api/stats", "-H", f"Authorization: Bearer {TOKEN}")[0] == 200
        assert curl(f"{address}api/stats?token={TOKEN.replace(' ', '+')}")[0] == 401  # never in an address
        status, said = curl(f"{address}login", "-d", "token=a wrong token", "-c", str(jar))
        assert (status, "?wrong-token" in said, "set-cookie" in said.lower()) == (303, True, False)
        assert curl(f"{address}login", "-d", "other=1")[0] == 422
        status, said = curl(f"{address}login", "--data-urlencode", f"token={TOKEN}", "-c", str(jar))
        assert status == 303
        cookie = re.search(r"(?im)^set-cookie: (.*)$", said)
        assert cookie is not None
        for part in ("HttpOnly", "SameSite=strict", "Max-Age=43200", "Path=/"):
            assert part in cookie[1]
        assert "Secure" not in cookie[1]  # it is no https
        assert curl(f"{address}api/stats", "-b", str(jar))[0] == 200
        assert curl(f"{address}api/entries", "-b", str(jar), "-H", "Origin: http://evil.example")[0] == 403
        secret = cookie[1].partition("=")[2].partition(";")[0]
        assert curl(f"{address}api/entries", "-X", "POST", "-b", str(jar), "--data-binary", TOKEN)[0] == 422
    said = log.read_text()
    assert TOKEN not in said
    assert secret not in said


@pytest.mark.skipif(OPENSSL is None, reason="openssl is not installed")
def test_by_https(served, tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    made = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    named = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate]
    subprocess.run([OPENSSL, *made, *named], check=True, capture_output=True)
    with command(
        Path(served.address), tmp_path / "log", "--certificate", str(certificate), "--key", str(key)
    ) as address:
        assert address.startswith("https://")
        place = urlsplit(address)
        trusted = ssl.create_default_context(cafile=certificate)
        asked = HTTPSConnection(place.hostname, place.port, context=trusted, timeout=120)
        asked.request("POST", "/login", f"token={TOKEN.replace(' ', '+')}", FORM)
        answer = asked.getresponse()
        assert answer.status == 303
        assert "Secure" in answer.headers["set-cookie"]
        asked.close()


def test_a_server_that_is_terminated_ends_after_its_database(tmp_path: Path) -> None:
    with filled(tmp_path) as gallery:
        folder = gallery._databases[0].folder
    ended: list[int] = []
    with command(folder.path, tmp_path / "log", ended=ended):
        assert folder.processes() != []
    assert ended == [0]
    assert folder.processes() == []


def test_pictures_become_a_served_gallery_by_one_command(tmp_path: Path) -> None:
    """What ``cdnet demo`` says at its end."""
    for name in ("psycopg", "pgvector", "fastapi"):
        pytest.importorskip(name, reason="the extra serve is not installed")
    rows = ["path,camera,time,person"]
    for number in range(8):
        (tmp_path / f"{number}.png").write_bytes(coloured(number))
        rows.append(f"{number}.png,{number % 2},2025-06-02T08:00:0{number}+00:00,p{number // 4}")
    (tmp_path / "table.csv").write_text("\n".join(rows))
    words = [sys.executable, "-m", "cdnet", "serve", "--gallery", str(tmp_path / "g"), "--port", "0"]
    words += ["--add", str(tmp_path / "table.csv"), "--weights", "cdnet-x0.25-market1501", "--false-match-rate", "0.2"]
    for says in ("8 added, 0 were there already", "0 added, 8 were there already"):
        with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as made:
            assert made.stdout is not None
            assert made.stderr is not None
            said: list[str] = []
            while not (said and (said[-1] == "" or "http://" in said[-1])):
                said.append(made.stdout.readline())
            if "http://" not in said[-1]:
                pytest.fail("".join(said) + made.stderr.read())
            place = urlsplit(re.findall(r"http://\S+/", said[-1])[0])
            asked = HTTPConnection(place.hostname, place.port, timeout=120)
            asked.request("GET", "/api/search?entry=1&k=8")
            found = json.loads(asked.getresponse().read())
            asked.close()
            made.terminate()
            made.communicate(timeout=120)
        assert f"{says}\n" in said
        assert any("kept, measured on" in line for line in said) == says.startswith("8")
        assert len(found["matches"]) == 8
        assert found["matches"][0]["time"] == "2025-06-02T08:00:00+00:00"
        assert -1 < found["threshold"] < 1


def test_only_a_named_proxy_is_believed(served) -> None:
    from cdnet.serve.app import create_app
    from cdnet.serve.settings import Settings

    for proxies, secure, who in (((), False, "web 127.0.0.1"), (("127.0.0.1",), True, "web 203.0.113.9")):
        settings = Settings(port=0, token=TOKEN, proxies=proxies)
        app = create_app(served, TinyNetwork(), settings)
        with listening(app, proxy_headers=bool(proxies), forwarded_allow_ips=list(proxies)) as address:
            asked = HTTPConnection(urlsplit(address).netloc, timeout=120)
            forwarded = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.9"}
            asked.request("POST", "/login", f"token={TOKEN.replace(' ', '+')}", FORM | forwarded)
            answer = asked.getresponse()
            assert answer.read() == b""
            cookie = answer.headers["set-cookie"]
            assert ("Secure" in cookie) == secure
            asked.request("GET", "/api/search?entry=1", headers={"Cookie": cookie.partition(";")[0]} | forwarded)
            found = asked.getresponse()
            assert found.status == 200, found.read()
            assert found.read()
            asked.close()
            assert served.audit(last=1)[0].who == who


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"proxies": ("the proxy",)}, "by its address"),
        ({"certificate": Path("c.pem")}, "both"),
    ],
)
def test_settings_that_do_not_go_together(given: dict, says: str) -> None:
    from cdnet.serve.settings import Settings

    with pytest.raises(CdnetError, match=says):
        Settings(**given)


def test_a_certificate_that_is_none(tmp_path: Path) -> None:
    from fastapi import FastAPI

    from cdnet.serve.listening import server_of
    from cdnet.serve.settings import Settings

    for name, text in (("c.pem", "no certificate"), ("k.pem", "no key")):
        (tmp_path / name).write_text(text)
    for certificate, key in ((tmp_path / "c.pem", tmp_path / "k.pem"), (tmp_path / "none.pem", tmp_path / "k.pem")):
        with pytest.raises(CdnetError, match="are no certificate and its key") as raised:
            server_of(FastAPI(), Settings(certificate=certificate, key=key))
        assert "\n" not in str(raised.value)

"""``cdnet gallery`` as a script uses it, with the shipped network on drawn pictures."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from cdnet.cli import main

WEIGHTS = "cdnet-x0.25-market1501"


@pytest.fixture
def run(capsys):
    def call(*words: str) -> tuple[int, str, str]:
        status = main(["gallery", *map(str, words)])
        out, err = capsys.readouterr()
        return status, out, err

    return call


def test_an_errand_from_making_to_removing(run, address, other_address, market: Path, tmp_path: Path):
    gallery = ("--gallery", address)
    assert run("create", *gallery, "--weights", WEIGHTS)[0] == 0
    status, out, err = run("add", market / "bounding_box_test", *gallery)
    assert status == 0
    assert "junk" in err
    count = int(out.split()[0])
    picture = sorted((market / "query").glob("*.jpg"))[0]
    found = json.loads(run("query", picture, *gallery, "-k", "4", "--json")[1])
    assert len(found) == 4
    assert found[0]["similarity"] >= found[3]["similarity"]
    assert Path(found[0]["place"]).is_file()
    status, out, err = run("query", picture, *gallery, "--since", "2026-03-01", "--json")
    assert (status, json.loads(out)) == (0, [])
    assert err == f"{count} entries whose time is not known are left out by --since and --until\n"
    entry = found[0]["id"]
    same = json.loads(run("query", "--entry", entry, *gallery, "-k", "1", "--json")[1])
    assert same[0]["id"] == entry
    assert same[0]["similarity"] == pytest.approx(1, abs=1e-5)
    assert json.loads(run("stats", *gallery, "--json")[1])["entries"] == count
    camera = json.loads(run("list", *gallery, "--camera", found[0]["camera"], "--json")[1])
    assert {one["camera"] for one in camera} == {found[0]["camera"]}
    status, said, _ = run("calibrate", *gallery, "--false-match-rate", "0.05")
    assert status == 0
    kept = json.loads(run("stats", *gallery, "--json")[1])["calibration"]
    for text in (said, run("stats", *gallery)[1]):  # shares, wherever they stand
        assert f"true-match rate {kept['true_match_rate']:.4f}" in text
    assert 0 <= kept["false_match_rate"] <= 0.05
    assert run("export", *gallery, "--out", tmp_path / "x.gz")[0] == 0
    assert run("import", tmp_path / "x.gz", "--gallery", other_address)[:2] == (
        0,
        f"{count:,} added, 0 were there already\n",
    )
    assert json.loads(run("query", picture, "--gallery", other_address, "-k", "4", "--json")[1]) == [
        one | {"id": other["id"]}
        for one, other in zip(
            found, json.loads(run("query", picture, "--gallery", other_address, "-k", "4", "--json")[1]), strict=True
        )
    ]
    assert run("remove", *gallery, "--entry", entry)[0] == 0
    assert json.loads(run("stats", *gallery, "--json")[1])["entries"] == count - 1
    log = json.loads(run("audit", *gallery, "--json")[1])
    assert [line["action"] for line in log if line["action"] != "add"] == [
        "create",
        "query",
        "query",
        "query",
        "calibrate",
        "export",
        "remove",
    ]


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        (("query",), 2, "gallery"),
        (("find",), 2, "needs one of create, add"),
        (("query", "--gallery", "none", "--entry", "1", "x.jpg"), 2, "give a picture"),
        (("stats", "--gallery", "/none/at/all"), 1, "no gallery"),
        (("create", "--gallery", "g", "--weights", "none.safetensors"), 1, "none.safetensors"),
        (("remove", "--gallery", "g", "--older-than", "soon"), 1, "no age"),
        (("remove", "--gallery", "g", "--digest", "ab" * 32, "cd"), 1, "'cd' is no SHA-256"),
        (("list", "--gallery", "g", "--since", "soon"), 1, "no time"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(run, words, status, says, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found, _, err = run(*words)
    assert found == status
    assert says in err
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_another_network_is_refused(run, address, market):
    from cdnet.gallery import GalleryNetwork, create_gallery
    from cdnet.runtime.preprocessing import Preprocessing

    create_gallery(address, GalleryNetwork(WEIGHTS, "11" * 32, Preprocessing((128, 64)), 384)).close()
    status, _, err = run("add", market / "query", "--gallery", address)
    assert status == 1
    assert "not the network of this gallery" in err


def test_without_its_packages_it_says_what_to_install(tmp_path):
    code = "import sys; sys.modules['psycopg'] = None; from cdnet.cli import main; sys.exit(main(sys.argv[1:]))"
    words = ["gallery", "add", str(tmp_path), "--gallery", "g"]
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "cdnet: a gallery needs psycopg; install it with pip install 'cdnet-reid[gallery]'\n"

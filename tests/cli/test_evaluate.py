"""``cdnet evaluate`` with what is asked for beyond the plain protocol."""

from __future__ import annotations

import json
import re
from itertools import product
from pathlib import Path

import pytest
from PIL import Image

from cdnet.cli import main
from cdnet.nn.model import create_model
from cdnet.weights import ModelSpec, save_weights


def run(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    status = main([str(word) for word in words])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "fresh.safetensors"
    spec = ModelSpec("osnet", width=0.25, neck="bnneck", size=(64, 32), trained_on={"data": "elsewhere", "epochs": 3})
    save_weights(path, create_model("osnet", 0.25, "bnneck"), spec)
    return path


def test_weights_from_elsewhere_say_where_they_come_from(
    weights: Path, market: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, _ = run(capsys, "evaluate", weights, "--data.root", market, "--json", tmp_path / "e.json")
    assert status == 0
    assert out.splitlines()[0] == (
        f"weights {weights}, trained on elsewhere; evaluated on {market.name} (layout market1501)"
    )
    found = json.loads((tmp_path / "e.json").read_text())
    assert found["weights"] == str(weights)
    assert found["trained_on"] == {"data": "elsewhere", "epochs": 3}
    assert (found["data"], found["folder"]) == ("market1501", market.name)
    assert (found["flip"], found["rerank"], found["intervals"], found["thresholds"]) == (False, None, None, [])
    assert "[" not in out


def test_what_makes_figures_better_than_they_should_be_is_said(
    weights: Path, market: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["evaluate", weights, "--data.cache", tmp_path / "cache", "--runtime", "torch"]
    assert "camera" not in run(capsys, *words, "--data.root", market)[2]
    pictures = sorted((market / "bounding_box_test").glob("00*_c1*.jpg"))
    for number, (person, name) in enumerate(product("xy", ("1_c1.jpg", "2_c2.jpg", "3.jpg"))):
        (tmp_path / "own/test" / person).mkdir(parents=True, exist_ok=True)
        (tmp_path / "own/test" / person / name).write_bytes(pictures[number].read_bytes())
    copy = tmp_path / "own/test/x/4_c2.jpg"
    Image.open(tmp_path / "own/test/x/1_c1.jpg").save(copy, quality=90)
    status, _, err = run(capsys, *words, "--data.root", tmp_path / "own")
    assert status == 0
    # Of x, 1 and its copy, each to the other.
    assert "2 of 7 queries have a copy of themselves in the gallery" in err
    assert "no camera is known of 2 of 7 queries and of 2 of 7 gallery pictures" in err


def test_all_that_can_be_asked_for(
    weights: Path, market: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--flip", "--rerank", "--rerank-k1", 5, "--bootstrap", 200, "--seed", 3, "--false-match-rate", "2e-2", 0.1]
    status, out, _ = run(capsys, "evaluate", weights, "--data.root", market, "--json", tmp_path / "e.json", *words)
    assert status == 0
    found = json.loads((tmp_path / "e.json").read_text())
    assert (found["flip"], found["rerank"]) == (True, {"k1": 5, "k2": 6, "weight": 0.3})
    assert out.count("[flip; re-ranked with k1 5, k2 6, lambda 0.3]") == 3
    low, high = found["intervals"]["mAP"]
    assert f"mAP {100 * found['mAP']:.1f} ({100 * low:.1f}-{100 * high:.1f})" in out
    assert (found["intervals"]["samples"], found["intervals"]["seed"]) == (200, 3)
    assert [threshold["wanted"] for threshold in found["thresholds"]] == [0.02, 0.1]
    rates = re.findall(r"false-match rate (\S+): cosine similarity above (\S+), .* \[flip; not re-ranked\]", out)
    assert [rate for rate, _ in rates] == ["0.02", "0.1"]
    assert float(rates[0][1]) > float(rates[1][1])


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["--rerank-k1", "5"], 1, "add --rerank"),
        (["--rerank", "--rerank-k2", "0"], 1, "k1 and k2 from 1"),
        (["--rerank", "--rerank-k1", "201"], 1, "k1 and k2 from 1 to 200"),
        (["--rerank", "--rerank-lambda", "1.5"], 1, "from 0 to 1"),
        (["--bootstrap", "5"], 1, "100 to 100,000"),
        (["--bootstrap", "1000000000"], 1, "100 to 100,000"),
        (["--bootstrap", "1000", "--seed", "-1"], 1, "seed must be"),
        (["--seed", "4"], 1, "add --bootstrap"),
        (["--false-match-rate", "1e-9"], 1, "too small for"),
        (["--false-match-rate", "2"], 1, "between 0 and 1"),
        (["--false-match-rate", "few"], 2, "expected a value of type float, got few"),
        (["--false-match-rate"], 2, "--false-match-rate has no value"),
    ],
)
def test_mistakes_get_one_sentence(
    words: list[str], status: int, said: str, weights: Path, market: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found, out, err = run(capsys, "evaluate", weights, "--data.root", market, *words)
    assert (found, out) == (status, "")
    assert len(err.splitlines()) == 1
    assert said in err

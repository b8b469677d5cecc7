"""Evaluation, training and data timed beside a checkout of torchreid: what the rows say, and what is refused."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from cdnet.bench import torchvision_stand_in as stand_in
from cdnet.bench.evaluation import COLD, PARTS, WARM
from cdnet.bench.pictures import AUGMENTATION, DECODED, VARIED
from cdnet.bench.torchreid_parts import TorchreidParts
from cdnet.bench.training import WAITING, WHAT, _Waiting
from cdnet.bench.turns import Timing
from cdnet.cli import main
from cdnet.data.layout import read_data
from cdnet.errors import CdnetError
from cdnet.evaluate.evaluation import evaluate_model, read_test_pictures
from cdnet.nn.model import create_model
from cdnet.weights import ModelSpec, load_model, save_weights


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    path = tmp_path / "fresh.safetensors"
    torch.manual_seed(0)
    save_weights(path, create_model("osnet", 0.25, "bnneck"), ModelSpec("osnet", 0.25, neck="bnneck", size=(64, 32)))
    return path


def run(tmp_path: Path, *words: object) -> list[dict[str, Any]]:
    assert main(["bench", *map(str, words), "--rounds", "3", "--json", str(tmp_path / "rows.json")]) == 0
    found: list[dict[str, Any]] = json.loads((tmp_path / "rows.json").read_text())
    return found


def test_a_whole_evaluation_in_its_parts(
    tmp_path: Path, market: Path, weights: Path, torchreid: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["evaluate", weights, "--data.root", market, "--runtime", "torch", "--peer", f"torchreid={torchreid}"]
    rows = {row["what"]: row for row in run(tmp_path, *words)}
    model, spec = load_model(weights)
    pictures = read_test_pictures(read_data(market, "market1501"), spec.size)
    assert rows[COLD]["mAP"] == pytest.approx(evaluate_model(model, pictures).mAP, abs=1e-6)
    assert {COLD, WARM, *PARTS} <= rows.keys()
    assert rows[COLD]["peer"] > 0
    assert rows["making the network ready"]["peer"] is None
    assert "of no interest" not in capsys.readouterr().out
    assert not [name for name in sys.modules if name.split(".")[0] == "torchreid"]


def test_a_peer_that_finds_another_map_is_not_timed(
    tmp_path: Path, market: Path, weights: Path, torchreid: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    engine = torchreid / "torchreid" / "engine" / "engine.py"
    engine.write_text(engine.read_text().replace("OFF = 0.0", "OFF = 0.1"))
    words = ["bench", "evaluate", str(weights), "--data.root", str(market), "--runtime", "torch", "--rounds", "3"]
    assert main([*words, "--peer", f"torchreid={torchreid}"]) == 1
    assert "their times cannot be compared" in capsys.readouterr().err


def test_the_share_of_waiting_is_taken_step_by_step() -> None:
    waiting = _Waiting()
    waiting.waited = [9.0, 1.0, 1.0, 3.0]  # the first round does not count
    assert waiting.share(Timing((10.0, 4.0, 6.0), None)) == 0.25


def test_a_step_of_training_beside_torchreids(tmp_path: Path, market: Path, torchreid: Path) -> None:
    words = ["--data.root", market, "--size", "64x32", "--identities", "4", "--device", "cpu"]
    peer = ["--peer", f"torchreid={torchreid}"]
    step, waiting, *_ = run(tmp_path, "train", "osnet", "--width", "0.25", *words, *peer)
    assert (step["what"], waiting["what"], waiting["unit"]) == (WHAT, WAITING, "%")
    assert step["config"].startswith("osnet x0.25, 64x32, batch 16, ")
    assert step["ours"] > 0
    assert step["peer"] > 0
    assert 0 < waiting["ours"] < 100
    assert 0 < waiting["peer"] < 100
    assert main(["bench", "train", "cdnet", *map(str, words), *peer]) == 1


def test_another_network_is_not_trained_beside_ours(
    tmp_path: Path, market: Path, torchreid: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = torchreid / "torchreid" / "models" / "osnet.py"
    code.write_text(code.read_text().replace("fcneck", "bnneck"))
    words = ["bench", "train", "--width", "0.25", "--data.root", str(market), "--size", "64x32", "--identities", "4"]
    assert main([*words, "--device", "cpu", "--peer", f"torchreid={torchreid}"]) == 1
    assert "the times of their steps cannot be compared" in capsys.readouterr().err


def test_pictures_are_counted_by_the_second(tmp_path: Path, market: Path, torchreid: Path) -> None:
    words = ["data", "--data.root", market, "--size", "64x32", "--identities", "4", "--pictures", "20"]
    rows = run(tmp_path, *words, "--peer", f"torchreid={torchreid}")
    assert [row["what"] for row in rows] == [DECODED, VARIED, AUGMENTATION]
    assert all(row["unit"] == "pictures/s" and row["ours"] > 0 and row["peer"] > 0 for row in rows)
    assert [row["what"] for row in run(tmp_path, *words) if row["peer"] is None] == [DECODED, VARIED, AUGMENTATION]


def test_what_stands_for_torchvision_does_what_it_does() -> None:
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (7, 5, 3), np.uint8))
    mean, std = (0.1, 0.2, 0.3), (0.5, 0.25, 2.0)
    steps = [stand_in.Resize((14, 10)), stand_in.ToTensor(), stand_in.Normalize(mean, std)]
    found = stand_in.Compose(steps)(picture)
    resized = np.asarray(picture.resize((10, 14), Image.Resampling.BILINEAR), np.float64) / 255
    assert np.allclose(found.permute(1, 2, 0), (resized - mean) / std, atol=1e-6)
    torch.manual_seed(0)
    flipped = [np.asarray(stand_in.RandomHorizontalFlip()(picture)) for _ in range(20)]
    kinds = [np.array_equal(each, np.asarray(picture)[:, ::-1]) for each in flipped]
    assert 0 < sum(kinds) < 20
    assert all(kind or np.array_equal(each, np.asarray(picture)) for kind, each in zip(kinds, flipped, strict=True))


def test_a_checkout_that_cannot_be_loaded_is_told(torchreid: Path) -> None:
    (torchreid / "torchreid" / "data" / "sampler.py").unlink()
    with pytest.raises(CdnetError, match=r"could not be loaded: No module named"):
        TorchreidParts(torchreid / "torchreid")

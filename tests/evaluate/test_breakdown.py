"""An evaluation's parts against the same figures computed by loops, and against data that hold one part alone."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tests.evaluate.test_evaluation import Shifted

from cdnet.cli import main
from cdnet.data.layout import read_data
from cdnet.errors import CdnetError
from cdnet.evaluate.breakdown import Known, Part, brightness, check_known
from cdnet.evaluate.evaluation import (
    Evaluation,
    TestPictures,
    evaluate_model,
    evaluate_with_options,
    read_test_pictures,
)
from cdnet.evaluate.labels import UNKNOWN, Labels
from cdnet.evaluate.options import Options
from cdnet.evaluate.rerank import Rerank
from cdnet.nn.model import create_model
from cdnet.weights import ModelSpec, save_weights

SEED = 5
PEOPLE = 8


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures of noise by three cameras; two of one person by each, of another by the first two alone."""
    root, random = tmp_path_factory.mktemp("parts"), np.random.default_rng(SEED)
    for person in range(PEOPLE):
        for camera in (1, 2, 3) if person else (1, 2):
            for shot, split in enumerate(("query", "gallery", "gallery")):
                place = root / split / f"p{person}" / f"p{person}_c{camera}_{shot}.png"
                place.parent.mkdir(parents=True, exist_ok=True)
                top = int(random.integers(30, 256))
                Image.fromarray(random.integers(0, top, (16, 8, 3), dtype=np.uint8)).save(place)
    return root


@pytest.fixture(scope="module")
def pictures(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> TestPictures:
    return read_test_pictures(read_data(folder), (16, 8), tmp_path_factory.mktemp("cache"))


def found_by(pictures: TestPictures, *kinds: str, **more: object) -> Evaluation:
    return evaluate_with_options(Shifted(), pictures, Options(by=kinds, **more))  # type: ignore[arg-type]


def figures(part: Part) -> tuple[float, float]:
    assert part.metrics is not None
    return part.metrics.rank1, part.metrics.mAP


def test_the_cameras_average_to_the_whole(pictures: TestPictures) -> None:
    found = found_by(pictures, "camera")
    assert [part.name for part in found.parts] == ["camera 1", "camera 2", "camera 3"]
    assert [part.queries for part in found.parts] == [PEOPLE, PEOPLE, PEOPLE - 1]
    for place, whole in enumerate((found.metrics.rank1, found.metrics.mAP)):
        weighted = sum(figures(part)[place] * part.queries for part in found.parts) / found.metrics.queries
        assert weighted == pytest.approx(whole, abs=1e-12)
    assert len({figures(part) for part in found.parts}) == 3


def test_a_pair_of_cameras_is_what_data_of_these_cameras_alone_would_give(
    pictures: TestPictures, folder: Path, tmp_path: Path
) -> None:
    found = {part.name: part for part in found_by(pictures, "camera-pair").parts}
    assert list(found) == [f"camera {a} to camera {b}" for a in (1, 2, 3) for b in (1, 2, 3) if a != b]
    for own, other in ((1, 2), (3, 1), (1, 3)):
        root = tmp_path / f"{own}{other}"
        for split, camera in (("query", own), ("gallery", other)):
            for path in folder.glob(f"{split}/*/*_c{camera}_*.png"):
                (root / split / path.parent.name).mkdir(parents=True, exist_ok=True)
                (root / split / path.parent.name / path.name).write_bytes(path.read_bytes())
        alone = evaluate_model(Shifted(), read_test_pictures(read_data(root), (16, 8), tmp_path / "cache"))
        part = found[f"camera {own} to camera {other}"]
        assert part.metrics == alone
    told = found["camera 1 to camera 3"].as_text()
    assert told.startswith(
        f"camera 1 to camera 3: {PEOPLE} queries against {2 * (PEOPLE - 1)} gallery pictures, 1 of them"
    )


def test_brightness_is_the_mean_of_the_luma_and_its_quarters_are_of_equal_size(
    pictures: TestPictures, folder: Path
) -> None:
    paths = [picture.path for picture in pictures.query.pictures]
    by_pillow = [np.asarray(Image.open(path).convert("L"), dtype=float).mean() for path in paths]
    ours = brightness(pictures.query.pixels)
    assert np.abs(ours.numpy() - by_pillow).max() < 1
    parts = found_by(pictures, "brightness").parts
    assert sum(part.queries for part in parts) == len(paths)
    assert max(part.queries for part in parts) - min(part.queries for part in parts) <= 1
    assert parts[0].name.startswith(f"brightness {ours.min():.1f} to ")
    assert parts[-1].name.endswith(f" to {ours.max():.1f} of 255")


def test_matches_are_counted_without_the_own_camera(pictures: TestPictures) -> None:
    parts = {part.name: part for part in found_by(pictures, "matches").parts}
    assert {name: part.queries for name, part in parts.items()} == {"2 to 4 matches": 3 * PEOPLE - 1}


def test_intervals_and_reranking_reach_the_parts(pictures: TestPictures) -> None:
    asked = {"bootstrap": 100, "rerank": Rerank(3, 2, 0.3)}
    found = found_by(pictures, "camera", "camera-pair", **asked)
    assert len(found.parts) == 9
    for part in found.parts:
        assert part.metrics is not None
        assert part.intervals is not None
        assert part.intervals.mAP[0] <= part.metrics.mAP <= part.intervals.mAP[1]
        assert part.as_text(found.options.how).endswith("[re-ranked with k1 3, k2 2, lambda 0.3]")
    plain = found_by(pictures, "camera", "camera-pair").parts
    assert [figures(part) for part in plain] != [figures(part) for part in found.parts]


def test_a_part_without_a_match_has_no_figure(tmp_path: Path) -> None:
    for split, name in (
        ("query", "a/a_c1"),
        ("gallery", "a/a_c2"),
        ("gallery", "b/b_c2"),
        ("query", "b/b_c3"),
        ("gallery", "c/c_c4"),
    ):
        place = tmp_path / split / f"{name}_{split}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        Image.effect_noise((8, 16), 90).convert("RGB").save(place)
    pictures = read_test_pictures(read_data(tmp_path), (16, 8), tmp_path / "cache")
    parts = {part.name: part for part in found_by(pictures, "camera-pair").parts}
    nothing = parts["camera 1 to camera 4"]
    assert nothing.metrics is None
    assert nothing.as_text() == "camera 1 to camera 4: 1 queries against 1 gallery pictures, nothing to measure"
    assert nothing.to_json()["figures"] is None
    assert parts["camera 1 to camera 2"].metrics is not None


def test_what_is_not_known_is_refused_and_said() -> None:
    nobody = Labels(torch.tensor([0, 1]), torch.tensor([UNKNOWN, UNKNOWN]), torch.tensor([0, 1]))
    for kind in ("camera", "camera-pair"):
        with pytest.raises(CdnetError, match=f"--by {kind}: no picture's camera is known"):
            check_known([kind], nobody, nobody)
    check_known(["brightness", "matches"], nobody, nobody)
    with pytest.raises(CdnetError, match="twice"):
        check_known(["matches", "matches"], nobody, nobody)
    some = Known(nobody, nobody, {0: "lift"}, np.zeros((2, 4, 4, 3), dtype=np.uint8))
    assert (some.camera(UNKNOWN), some.camera(0)) == ("a camera not known", "camera lift")


def test_the_command_prints_and_writes_the_parts(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights, out = tmp_path / "fresh.safetensors", tmp_path / "e.json"
    torch.manual_seed(0)
    save_weights(weights, create_model("osnet", 0.25, "bnneck"), ModelSpec("osnet", 0.25, neck="bnneck", size=(64, 32)))
    words = ["evaluate", str(weights), "--data.root", str(folder), "--json", str(out), "--by", "camera", "brightness"]
    assert main([*words, "--runtime", "torch"]) == 0
    parts = json.loads(out.read_text())["parts"]
    assert [part["by"] for part in parts] == 3 * ["camera"] + 4 * ["brightness"]
    said = capsys.readouterr().out
    for part in parts:
        shown = f"{part['name']}: {part['queries']} queries against 46 gallery pictures, rank-1 "
        assert f"{shown}{100 * part['figures']['rank1']:.1f}, mAP {100 * part['figures']['mAP']:.1f}\n" in said
    assert main(["evaluate", str(weights), "--data.root", str(folder), "--by", "shade"]) == 2

"""``cdnet figure`` as a user meets it."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from PIL import Image

from cdnet.cli import main
from cdnet.data.layout import read_data
from cdnet.evaluate.evaluation import evaluate_model, read_test_pictures
from cdnet.weights import load_model


def draw(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    status = main(["figure", *map(str, words)])
    captured = capsys.readouterr()
    assert status == 0, captured.err
    return captured.out


def refused(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    status = main(["figure", *map(str, words)])
    err = capsys.readouterr().err
    assert status in (1, 2)
    assert err.count("cdnet: ") == 1
    assert "Traceback" not in err
    return err


def test_every_figure_is_drawn(
    fbl_run: Path, bn_run: Path, market: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = ("--data.root", market)
    figures = {
        "feature-maps": (fbl_run, *data, "--count", 3),
        "t-sne": (fbl_run, bn_run, *data, "--identities", 4, "--labels", "FBL", "BN"),
        "ranked": (fbl_run, *data, "--queries", 3, "--length", 5),
        "cmc": (fbl_run, bn_run, *data),
    }
    for name, words in figures.items():
        out = draw(capsys, name, *words, "--out", tmp_path / "f.png", "--dpi", 60)
        assert out.endswith(f"figure: {tmp_path / 'f.png'}\n")
        with Image.open(tmp_path / "f.png") as image:
            image.load()
            assert image.format == "PNG"
            assert len(set(image.convert("L").get_flattened_data())) > 5
        assert ("BN: silhouette" in out and "FBL, FNeck: silhouette" in out) is (name == "t-sne")


def test_pictures_of_ones_own(fbl_run: Path, market: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = sorted((market / "query").glob("*.jpg"))[:2]
    out = draw(capsys, "feature-maps", fbl_run, "--picture", *files, "--out", tmp_path / "f.png", "--dpi", 60)
    assert out.startswith("2 picture(s)")
    broken = tmp_path / "b.jpg"
    broken.write_bytes(files[0].read_bytes()[:300])
    assert "b.jpg" in refused(capsys, "feature-maps", fbl_run, "--picture", broken, "--out", tmp_path / "g.png")
    assert not (tmp_path / "g.png").exists()


def test_the_curves_are_those_of_the_evaluation_and_are_drawn_again_from_their_file(
    fbl_run: Path, market: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    saved = tmp_path / "c.json"
    draw(capsys, "cmc", fbl_run, "--data.root", market, "--json", saved, "--out", tmp_path / "1.svg", "--labels", "A")
    model, spec = load_model(fbl_run)
    metrics = evaluate_model(model, read_test_pictures(read_data(market), spec.size))
    (row,) = json.loads(saved.read_text())
    assert (row["name"], row["mAP"]) == ("A", metrics.mAP)
    assert row["cmc"] == {str(rank): share for rank, share in enumerate(metrics.cmc, start=1)}
    draw(capsys, "cmc", saved, "--out", tmp_path / "2.svg")
    assert ElementTree.parse(tmp_path / "1.svg").getroot().tag.endswith("svg")
    assert (tmp_path / "1.svg").read_bytes() == (tmp_path / "2.svg").read_bytes()


def test_mistakes_get_one_sentence(
    fbl_run: Path, market: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, data = ("--out", tmp_path / "f.png"), ("--data.root", market)
    weights = fbl_run / "weights.safetensors"
    for words, said in (
        ((), "feature-maps, t-sne, ranked, cmc"),
        (("tsne",), "feature-maps, t-sne, ranked, cmc"),
        (("cmc", weights, *data), "give one with --out"),
        (("cmc", *out), "networks"),
        (("cmc", weights, *out), "--data.root"),
        (("cmc", weights, *data, "--out", tmp_path / "f.jpg"), "use .png, .svg, .pdf"),
        (("cmc", weights, *data, *out, "--dpi", 5), "--dpi must be from 50"),
        (("cmc", weights, weights, *data, *out), "--labels"),
        (("cmc", weights, *data, *out, "--labels", "a", "b"), "2 names for 1"),
        (("cmc", tmp_path / "gone.json", *out), "could not be read"),
        (("cmc", "nothing", *data, *out), "no such weights"),
        (("t-sne", weights, *data, *out, "--identities", 4), "only in a training run's checkpoint.pt"),
        (("t-sne", fbl_run, *data, *out, "--identities", 8), "8 identities are asked for, and the split 'test' has 4"),
        (("t-sne", fbl_run, *data, *out, "--identities", 99), "2 to 8 identities"),
        (("t-sne", fbl_run, *data, *out, "--identities", 4, "--seed", -1), "seed"),
        (("feature-maps", weights, *out), "--picture"),
        (("feature-maps", weights, *data, *out, "--picture", "x.jpg"), "either"),
        (("feature-maps", weights, *out, "--picture", "gone.jpg"), "gone.jpg"),
        (("feature-maps", weights, *data, *out, "--count", 5), "5 identities are asked for"),
        (("feature-maps", weights, *data, *out, "--count", 25), "room for 24 pictures"),
        (("ranked", weights, *data, *out, "--queries", 0), "1 to 20 queries"),
        (("ranked", weights, *out), "--data.root"),
    ):
        assert said in refused(capsys, *words), words
    assert not list(tmp_path.iterdir())

"""Both sides of a neck, from a run's checkpoint, against what inference and plain layers give."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib.markers import MarkerStyle

from cdnet.data.layout import read_data
from cdnet.errors import CdnetError
from cdnet.evaluate.extract import extract
from cdnet.figures.heads import head_features, load_training_network
from cdnet.figures.pictures import pick, read_pictures
from cdnet.figures.style import POINT_MARKERS
from cdnet.figures.tsne import LEAST, Sight, check_identities, draw_tsne, see
from cdnet.weights import load_model


@pytest.fixture(scope="module")
def pixels(market: Path) -> np.ndarray:
    return read_pictures(sorted((market / "query").glob("*.jpg"))[:5], (64, 32))


def test_the_triplet_sides_of_fblneck_are_its_inference_feature(fbl_run: Path, pixels: np.ndarray) -> None:
    model, spec = load_training_network(fbl_run)
    sides = head_features(model, spec, pixels)
    assert [side.part for side in sides] == ["BLNeck", "FNeck"]
    inference, _ = load_model(fbl_run)
    torch.testing.assert_close(torch.cat([side.triplet for side in sides], 1), extract(inference, pixels))
    assert not model.training
    for side in sides:
        assert side.softmax.shape == (5, 512)
        assert (side.softmax >= 0).all()


def test_the_softmax_side_is_the_fc_of_the_checkpoint(fbl_run: Path, pixels: np.ndarray) -> None:
    model, spec = load_training_network(fbl_run)
    state = torch.load(fbl_run / "checkpoint.pt", weights_only=True)["model"]
    for side, part in zip(head_features(model, spec, pixels), ("blneck", "fneck"), strict=True):
        of = {key.removeprefix(f"neck.{part}.head."): value for key, value in state.items()}
        linear = side.triplet @ of["fc.weight"].T + of["fc.bias"]
        scaled = (linear - of["bn.running_mean"]) / (of["bn.running_var"] + 1e-5).sqrt()
        expected = (scaled * of["bn.weight"] + of["bn.bias"]).clamp_min(0)
        torch.testing.assert_close(side.softmax, expected, atol=1e-4, rtol=1e-3)


def test_the_softmax_side_of_bnneck_is_its_inference_feature(bn_run: Path, pixels: np.ndarray) -> None:
    (side,) = head_features(*load_training_network(bn_run), pixels)
    inference, _ = load_model(bn_run)
    torch.testing.assert_close(side.softmax, extract(inference, pixels))
    assert side.part == "head 1"
    assert not torch.allclose(side.triplet, side.softmax)


def test_weights_without_the_softmax_side_are_refused(fbl_run: Path, tmp_path: Path) -> None:
    shutil.copy(fbl_run / "weights.safetensors", tmp_path)
    for source in (fbl_run / "weights.safetensors", tmp_path, tmp_path / "nothing", "cdnet-x0.25-market1501"):
        with pytest.raises(CdnetError, match=r"only in a training run's checkpoint\.pt"):
            load_training_network(source)


def test_a_checkpoint_of_another_network_is_refused(fbl_run: Path, bn_run: Path, tmp_path: Path) -> None:
    shutil.copy(fbl_run / "weights.safetensors", tmp_path)
    shutil.copy(bn_run / "checkpoint.pt", tmp_path)
    with pytest.raises(CdnetError, match="of another network than the weights beside it"):
        load_training_network(tmp_path)
    (tmp_path / "checkpoint.pt").write_bytes((bn_run / "checkpoint.pt").read_bytes()[:3000])
    with pytest.raises(CdnetError, match="cut short"):
        load_training_network(tmp_path)


def test_what_is_seen_of_a_run_is_the_same_each_time(bn_run: Path, market: Path) -> None:
    people = pick(read_data(market), 3, split="train", least=LEAST)
    one, again = (see(bn_run, "tiny", people, seed=1) for _ in range(2))
    assert [sight.label for sight in one] == ["tiny"]
    for sight, same in zip(one, again, strict=True):
        assert (sight.triplet == same.triplet).all()
        assert (sight.softmax == same.softmax).all()
        assert (sight.silhouettes, sight.agreement) == (same.silhouettes, same.agreement)
        assert len(sight.triplet) == sum(map(len, people.values()))


def test_every_picture_is_drawn_with_the_marker_of_its_identity(market: Path) -> None:
    people = pick(read_data(market), 4)
    count = sum(map(len, people.values()))
    places = np.random.default_rng(0).normal(size=(4, count, 2))
    sights = [Sight("one", *places[:2], (0.5, -0.25), 0.75), Sight("two", *places[2:], (0, 0), 0)]
    figure, _, about = draw_tsne(sights, people)
    assert "one: silhouette 0.50 before and −0.25 after, distances correlate at 0.75" in about  # noqa: RUF001
    for ax, shown in zip(figure.axes, places, strict=True):
        assert [line.get_marker() for line in ax.lines] == list(POINT_MARKERS[:4])
        start = 0
        for line, entries in zip(ax.lines, people.values(), strict=True):
            np.testing.assert_array_equal(line.get_xydata(), shown[start : start + len(entries)])
            start += len(entries)
        (left, right), (low, high) = ax.get_xlim(), ax.get_ylim()
        assert right - left == pytest.approx(high - low)
        assert left < shown[:, 0].min() < shown[:, 0].max() < right
        assert low < shown[:, 1].min() < shown[:, 1].max() < high
    assert [text.get_text() for text in figure.legends[0].get_texts()] == list(people)
    assert all(MarkerStyle(marker).is_filled() for marker in POINT_MARKERS)  # else their edge is all that is seen


def test_numbers_of_identities_and_rows(market: Path) -> None:
    check_identities(8)
    for count in (1, 9):
        with pytest.raises(CdnetError, match=f"2 to 8 identities can be told apart in one figure, not {count}"):
            check_identities(count)
    places = np.zeros((2, 2, 2))
    with pytest.raises(CdnetError, match="room for 8 heads, not 9"):
        draw_tsne([Sight("x", *places, (0, 0), 0)] * 9, pick(read_data(market), 2))

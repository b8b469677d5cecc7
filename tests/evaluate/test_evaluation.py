"""Flip averaging, and that the options change what they say and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from cdnet.data.layout import read_data
from cdnet.errors import CdnetError
from cdnet.evaluate.evaluation import TestPictures, evaluate_model, evaluate_with_options, read_test_pictures
from cdnet.evaluate.extract import extract
from cdnet.evaluate.options import Options
from cdnet.evaluate.ranking import average, score_distances, score_features
from cdnet.evaluate.rerank import Rerank, rerank
from cdnet.evaluate.threshold import find_thresholds


class Shifted(nn.Module):
    """A network that sees left and right differently."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(3 * 8 * 4, 12, generator=torch.Generator().manual_seed(0)))

    def forward(self, pictures: Tensor) -> Tensor:
        return nn.functional.adaptive_avg_pool2d(pictures, (8, 4)).flatten(1) @ self.weight


@pytest.fixture(scope="module")
def pictures(market: Path, tmp_path_factory: pytest.TempPathFactory) -> TestPictures:
    return read_test_pictures(read_data(market), (64, 32), tmp_path_factory.mktemp("cache"))


def test_flip_averages_features_as_the_network_gives_them() -> None:
    pixels = torch.randint(256, (5, 64, 32, 3), generator=torch.Generator().manual_seed(1), dtype=torch.uint8).numpy()
    mirrored = pixels[:, :, ::-1].copy()
    model = Shifted()
    plain, mirror = extract(model, pixels), extract(model, mirrored)
    flipped = extract(model, pixels, flip=True, batch=2)
    assert not torch.allclose(plain, mirror, atol=1e-2)
    assert torch.allclose(flipped, (plain + mirror) / 2, atol=1e-5)
    assert torch.allclose(flipped, extract(model, mirrored, flip=True), atol=1e-5)


def test_nothing_asked_for_is_the_plain_protocol(pictures: TestPictures) -> None:
    found = evaluate_with_options(Shifted(), pictures, Options())
    plain = evaluate_model(Shifted(), pictures)
    assert found.metrics == plain
    assert found.as_text() == plain.as_text()
    assert found.to_json() == plain.to_json() | {
        "flip": False,
        "rerank": None,
        "intervals": None,
        "thresholds": [],
        "parts": [],
    }


def test_each_option_does_what_it_says(pictures: TestPictures) -> None:
    model, labels = Shifted(), pictures.labels()
    q, g = (extract(model, split.pixels, flip=True) for split in (pictures.query, pictures.gallery))
    asked = Options(flip=True, rerank=Rerank(5, 2, 0.5), bootstrap=100, seed=4, false_match_rates=(0.1, 0.2))
    found = evaluate_with_options(model, pictures, asked)
    assert found.metrics == average(score_distances(rerank(q, g, 5, 2, 0.5), *labels), len(g))
    assert found.metrics != average(score_features(q, g, *labels), len(g))
    assert found.thresholds == tuple(find_thresholds(q, g, *labels, (0.1, 0.2)))
    assert found.intervals is not None
    assert found.intervals.mAP[0] < found.metrics.mAP < found.intervals.mAP[1]
    how = "[flip; re-ranked with k1 5, k2 2, lambda 0.5]"
    lines = found.as_text().splitlines()
    assert [line.endswith(how) for line in lines] == [True, True, False, False, True, False, False]
    assert all(line.endswith("[flip; not re-ranked]") for line in lines[-2:])
    assert found.to_json()["rerank"] == {"k1": 5, "k2": 2, "weight": 0.5}


def test_a_rate_too_small_is_refused_before_anything_is_computed(pictures: TestPictures) -> None:
    with pytest.raises(CdnetError, match="too small"):
        evaluate_with_options(nn.Identity(), pictures, Options(false_match_rates=(1e-9,)))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"rerank": Rerank(k1=0)}, "k1 and k2 from 1"),
        ({"rerank": Rerank(weight=2)}, "from 0 to 1"),
        ({"bootstrap": 99}, "100 to 100,000"),
        ({"bootstrap": -5}, "100 to 100,000"),
        ({"bootstrap": 1_000_000_000}, "100 to 100,000 bootstrap samples, not 1,000,000,000"),
        ({"false_match_rates": 21 * (0.1,)}, "20 false-match rates at most"),
        ({"seed": -1}, "seed must be"),
    ],
)
def test_settings_out_of_range_are_refused(settings: dict[str, object], said: str) -> None:
    with pytest.raises(CdnetError, match=said):
        Options(**settings)  # type: ignore[arg-type]

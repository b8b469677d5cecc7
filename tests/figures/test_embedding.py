"""t-SNE by seed, and its numbers against scikit-learn's and SciPy's."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.spatial.distance import pdist
from scipy.stats import pearsonr

from cdnet.errors import CdnetError
from cdnet.figures.embedding import agreement, check_scikit_learn, embed, silhouette


def clusters(count: int = 4, each: int = 6, spread: float = 0.1) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(2)
    labels = torch.arange(count).repeat_interleave(each)
    centres = torch.randn(count, 16, generator=generator)
    lengths = 0.5 + 3 * torch.rand(count * each, 1, generator=generator)  # which must not matter
    return lengths * F.normalize(centres[labels] + spread * torch.randn(count * each, 16, generator=generator)), labels


def test_the_same_seed_gives_the_same_places_to_the_last_bit() -> None:
    features, _ = clusters()
    threads = torch.get_num_threads()
    one = embed(features, seed=3)
    torch.set_num_threads(threads + 1)
    assert (embed(features.clone(), seed=3) == one).all()
    torch.set_num_threads(threads)
    assert one.shape == (24, 2)
    assert np.isfinite(one).all()


def test_clusters_stay_together_whatever_the_lengths() -> None:
    features, labels = clusters()
    places = embed(features)
    distances = np.linalg.norm(places[:, None] - places, axis=2) + 1e9 * np.eye(len(places))
    assert (labels[distances.argmin(1)] == labels).all()
    stretched = features * 2.0 ** torch.arange(-3, 21)[:, None]  # powers of 2, which round nothing
    assert (embed(stretched) == places).all()


@pytest.mark.parametrize("spread", [0.1, 1.0, 10.0])
def test_silhouette_is_rousseeuws_picture_by_picture(spread: float) -> None:
    features, labels = clusters(spread=spread)
    unit = F.normalize(features.double())
    scores = []
    for row, label in enumerate(labels):
        others = {int(one): (unit[labels == one] - unit[row]).norm(dim=1) for one in labels.unique()}
        own = others.pop(int(label))
        a, b = own.sum() / (len(own) - 1), min(distances.mean() for distances in others.values())
        scores.append(float((b - a) / max(a, b)))
    assert silhouette(features, labels) == pytest.approx(sum(scores) / len(scores), abs=1e-9)


def test_agreement_is_scipys_correlation_of_all_pairs() -> None:
    one, _ = clusters(spread=1.0)
    other = one @ torch.randn(16, 9, generator=torch.Generator().manual_seed(4))
    expected = pearsonr(*(pdist(F.normalize(side.double()).numpy()) for side in (one, other)))[0]
    assert agreement(one, other) == pytest.approx(expected, abs=1e-9)
    rotation = torch.linalg.qr(torch.randn(16, 16, generator=torch.Generator().manual_seed(5)))[0]
    assert agreement(one, one @ rotation) == pytest.approx(1, abs=1e-5)


def test_too_few_pictures_are_refused() -> None:
    with pytest.raises(CdnetError, match="at least 4 pictures, not 3"):
        embed(torch.eye(3))


def test_without_scikit_learn_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.manifold", None)
    with pytest.raises(CdnetError, match=r"pip install 'cdnet-reid\[figures\]'"):
        check_scikit_learn()

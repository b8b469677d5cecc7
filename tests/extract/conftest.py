"""A network with weights of chance, and some drawn pictures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from cdnet.extract.extractor import FeatureExtractor


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of a narrow CDNet for pictures of 64 x 32."""
    from cdnet.genotype import read_genotype
    from cdnet.weights import ModelSpec, save_weights

    spec = ModelSpec(read_genotype("cdnet"), width=0.125, size=(64, 32))
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("network") / "weights.safetensors"
    save_weights(path, spec.build().eval(), spec)
    return path


@pytest.fixture(scope="session")
def extractor(weights: Path) -> FeatureExtractor:
    return FeatureExtractor(weights, batch=4)


@pytest.fixture(scope="session")
def pictures(market: Path) -> Path:
    """A folder of 24 or so pictures of pedestrians."""
    return market / "query"


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Return what makes parts of five pictures of a few."""

    def make() -> None:
        for module in ("listing", "job", "neighbours"):
            monkeypatch.setattr(f"cdnet.extract.{module}.PART", 5)

    return make

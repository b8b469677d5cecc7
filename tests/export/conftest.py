"""A small network with every part that CDNet has, exported once for all tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from cdnet import load_model
from cdnet.draw import draw_person, sample_camera, sample_identities
from cdnet.export.graph import to_onnx
from cdnet.genotype import Genotype
from cdnet.nn.inference_form import inference_form
from cdnet.nn.model import ReidModel
from cdnet.weights import ModelSpec, save_weights

SIZE = (64, 32)
SMALL = Genotype.from_json({"name": "small", "block": "CBlock", "stages": [[[3, 5, 1]], [[3, 7, 1]], [[5, 7, 1]]]})


def _lively(model: ReidModel, seed: int = 0) -> ReidModel:
    torch.manual_seed(seed)
    for layer in model.modules():
        if isinstance(layer, torch.nn.BatchNorm2d | torch.nn.BatchNorm1d) and layer.running_mean is not None:
            layer.running_mean.normal_(std=0.1)
            layer.running_var.uniform_(0.5, 1.5)  # type: ignore[union-attr]
            if layer.affine:
                layer.weight.data.uniform_(0.5, 1.5)
                layer.bias.data.normal_(std=0.1)
    return model.eval()


@pytest.fixture(scope="session")
def lively() -> Callable[[ReidModel], ReidModel]:
    """Gives batch norms statistics that are not those of a fresh network, as training does."""
    return _lively


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of the small network, with a mean and a deviation that are not ImageNet's."""
    path = tmp_path_factory.mktemp("weights") / "weights.safetensors"
    about = {"data": "Market-1501", "identities": 751, "seed": 0, "epochs": 1}
    spec = ModelSpec(SMALL, 0.25, size=SIZE, mean=(0.4, 0.5, 0.6), std=(0.2, 0.25, 0.3), trained_on=about)
    torch.manual_seed(0)
    save_weights(path, _lively(spec.build()), spec)
    return path


@pytest.fixture(scope="session")
def core(weights: Path) -> Any:
    """The small network as ONNX; what changes it must copy it."""
    model, spec = load_model(weights)
    return to_onnx(inference_form(model), spec.size)


@pytest.fixture(scope="session")
def people() -> np.ndarray:
    """64 drawn pedestrians, 96 x 40 x 3, RGB: four pictures each of sixteen."""
    rng = np.random.default_rng(3)
    cameras = [sample_camera(rng) for _ in range(2)]
    return np.stack(
        [draw_person(person, cameras[i % 2], rng, (96, 40)) for person in sample_identities(5, 16) for i in range(4)]
    )

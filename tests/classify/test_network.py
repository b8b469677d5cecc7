"""Classifiers cost what Tables 4 and 11 print, and score as their heads do."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from cdnet import CdnetError, load_model
from cdnet.classify.network import Classifier
from cdnet.classify.recipe import ClassifyRecipe
from cdnet.classify.weights import ClassifierSpec, load_classifier, save_classifier
from cdnet.cli.arguments import read_run
from cdnet.genotype import read_genotype
from cdnet.nn.backbone import FeatureMaps
from cdnet.nn.baselines import BASELINES
from cdnet.nn.counts import count, count_params
from cdnet.nn.necks import BLNeck
from cdnet.weights import ModelSpec, save_weights


def spec(classes: int, neck: str = "fblneck", stem: int = 4, width: float = 1.0, size: int = 32) -> ClassifierSpec:
    network = ModelSpec(read_genotype("cdnet"), width, neck, size=(size, size))
    return ClassifierSpec(network, tuple(f"class {number}" for number in range(classes)), stem)


@pytest.mark.parametrize("stem", [1, 2, 4])
def test_parameters_of_table_4(stem: int) -> None:
    assert f"{count_params(spec(100, stem=stem).build()) / 1e6:.2f}" == "2.30"


def test_parameters_and_macs_of_table_11() -> None:
    model = spec(1000, "blneck").build()
    assert f"{count_params(model) / 1e6:.2f}" == "2.52"
    assert round(count(model.backbone, 224, 224).macs / 1e6) == 1453


@pytest.mark.parametrize(
    ("name", "classes", "millions"), [("cifar100-cdnet", 100, "2.30"), ("imagenet-cdnet", 1000, "2.52")]
)
def test_the_recipes_are_of_those_networks(name: str, classes: int, millions: str) -> None:
    recipe, _, _ = read_run("classify", "", ClassifyRecipe, ["--config", name, "--out", "x"])
    assert f"{count_params(spec(classes, recipe.neck, recipe.stem, recipe.width).build()) / 1e6:.2f}" == millions


@pytest.mark.parametrize(("stem", "side"), [(1, 8), (2, 4), (4, 2)])
def test_the_stem_decides_the_last_map(stem: int, side: int) -> None:
    model = spec(3, stem=stem, width=0.1).build().eval()
    assert model.backbone(torch.zeros(1, 3, 32, 32)).fmap3.shape[2:] == (side, side)


@pytest.mark.parametrize("neck", ["fblneck", "blneck", "fneck", "bnneck", "fcneck"])
def test_scores_are_the_sum_of_the_heads_scores(neck: str) -> None:
    model = spec(5, neck, stem=1, width=0.1).build().eval()
    x = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        scores, heads = model(x), model.neck.heads(model.backbone(x))
    assert len(heads) == (2 if neck == "fblneck" else 1)
    assert torch.allclose(scores, torch.stack([head.scores for head in heads]).sum(0))
    assert scores.shape == (2, 5)
    assert [head.scores.shape for head in model.train()(x)] == [(2, 5)] * len(heads)


@pytest.mark.parametrize("genotype", BASELINES)
def test_baselines_classify_too(genotype: str) -> None:
    network = ModelSpec(genotype, 0.1, size=(32, 32))
    stem = 4 if genotype == "gdas" else 1  # whose stem is its own
    assert ClassifierSpec(network, ("a", "b"), stem).build().eval()(torch.zeros(1, 3, 32, 32)).shape == (1, 2)


def test_a_backbone_with_another_stem() -> None:
    class Own(nn.Module):
        def forward(self, x: torch.Tensor) -> FeatureMaps:
            return FeatureMaps(x, x, x)

    assert Classifier(Own(), BLNeck((3, 3, 3), 2)).eval()(torch.zeros(1, 3, 8, 8)).shape == (1, 2)
    with pytest.raises(CdnetError, match="use --stem 4"):
        Classifier(Own(), BLNeck((3, 3, 3), 2), stem=2)


def test_weights_come_back(tmp_path: Path) -> None:
    made = spec(3, stem=2, width=0.1)
    model = made.build().eval()
    save_classifier(tmp_path / "weights.safetensors", model, made)
    again, read = load_classifier(tmp_path)
    assert read == made
    x = torch.randn(2, 3, 32, 32)
    assert torch.equal(again(x), model(x))


def test_other_weights_are_refused(tmp_path: Path) -> None:
    made = spec(3, width=0.1)
    save_classifier(tmp_path / "classes.safetensors", made.build(), made)
    save_weights(tmp_path / "reid.safetensors", made.network.build(), made.network)
    with pytest.raises(CdnetError, match="not one of `cdnet classify`"):
        load_classifier(tmp_path / "reid.safetensors")
    with pytest.raises(CdnetError, match="not one with cdnet's inference weights"):
        load_model(tmp_path / "classes.safetensors")
    whole = (tmp_path / "classes.safetensors").read_bytes()
    (tmp_path / "classes.safetensors").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CdnetError, match="cut short"):
        load_classifier(tmp_path / "classes.safetensors")

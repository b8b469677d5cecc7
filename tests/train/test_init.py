"""Training that starts from trained weights: what is taken, what is dropped, what is refused."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch
import yaml
from safetensors.torch import load_file, save_file

from cdnet import CdnetError
from cdnet.classify.network import Classifier
from cdnet.classify.weights import ClassifierSpec, save_classifier
from cdnet.engine.checkpoint import load_checkpoint
from cdnet.genotype import read_genotype
from cdnet.train.init import read_start
from cdnet.train.recipe import TrainRecipe
from cdnet.train.run import train
from cdnet.weights import ModelSpec, load_model, save_weights


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """A classification run's weights of the recipe's network."""
    torch.manual_seed(7)
    spec = ClassifierSpec(ModelSpec(read_genotype("cnet-top3"), 0.1, "blneck", size=(64, 64)), ("a", "b"), stem=2)
    path = tmp_path / "pretrained" / "weights.safetensors"
    save_classifier(path, spec.build(), spec)
    return path


def test_the_backbone_is_taken_and_what_fits_of_the_neck(recipe: TrainRecipe, weights: Path, tmp_path: Path) -> None:
    # At so small a rate, without momentum and decay, training leaves the weights as they were.
    recipe.init, recipe.schedule.epochs = str(weights), 1
    recipe.optim.lr, recipe.optim.momentum, recipe.optim.weight_decay = 1e-30, 0.0, 0.0
    train(recipe, tmp_path / "run")
    given, trained = load_file(weights), load_checkpoint(tmp_path / "run")["model"]
    learned = [name for name in given if name.startswith("backbone.") and "running" not in name and "num_" not in name]
    assert len(learned) > 50
    assert all(torch.allclose(given[name], trained[name], rtol=0, atol=1e-20) for name in learned)
    train(dataclasses.replace(recipe, init=None), tmp_path / "scratch")
    scratch = load_checkpoint(tmp_path / "scratch")["model"]
    assert not torch.equal(scratch["backbone.stem.0.weight"], trained["backbone.stem.0.weight"])
    # BLNeck's fully connected layer stands in FBLNeck too; FNeck's half and both classifiers begin as from scratch.
    assert torch.allclose(given["neck.head.fc.weight"], trained["neck.blneck.head.fc.weight"], rtol=0, atol=1e-20)
    anew = [name for name in scratch if ("fneck." in name or "classifier" in name) and "weight" in name]
    assert len(anew) == 5
    assert all(torch.equal(scratch[name], trained[name]) for name in anew)


def test_what_is_kept_of_a_neck_is_said(recipe: TrainRecipe, weights: Path, tmp_path: Path) -> None:
    spec = ModelSpec(read_genotype("cnet-top3"), 0.1)
    assert (
        "the backbone and the neck's blneck.head.bn, blneck.head.fc are kept"
        in read_start(str(weights), spec).as_text()
    )
    recipe.schedule.epochs = 1
    run = str(train(recipe, tmp_path / "run"))
    assert "the neck's fneck.squeeze are kept" in read_start(run, spec).as_text()
    assert "the backbone alone is kept" in read_start(run, dataclasses.replace(spec, neck="blneck")).as_text()
    alone = read_start(run, dataclasses.replace(spec, neck="fneck"))
    assert list(alone.neck) == ["neck.squeeze.weight"]


def test_statistics_of_batch_norm_are_taken_too(weights: Path) -> None:
    tensors = load_file(weights)
    tensors["backbone.stem.1.running_mean"] += 3
    save_file(tensors, weights)
    found = read_start(str(weights), ModelSpec(read_genotype("cnet-top3"), 0.1)).backbone
    name = "backbone.stem.1.running_mean"
    assert torch.equal(found[name], torch.full_like(found[name], 3.0))


def test_weights_of_a_training_run_serve_too_and_resuming_does_not_need_them(
    recipe: TrainRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe.schedule.epochs = 1
    train(recipe, tmp_path / "first")
    monkeypatch.chdir(tmp_path)
    recipe = dataclasses.replace(recipe, init="first")
    train(recipe, tmp_path / "second")
    kept = yaml.safe_load((tmp_path / "second" / "recipe.yaml").read_text())
    assert kept["init"] == str(tmp_path / "first")
    (tmp_path / "first" / "weights.safetensors").unlink()
    monkeypatch.chdir("/")
    train(dataclasses.replace(recipe, init=kept["init"]), tmp_path / "second", resume=True)
    with pytest.raises(CdnetError, match="no such weights"):
        train(dataclasses.replace(recipe, init=kept["init"]), tmp_path / "third")


def test_what_does_not_fit_is_refused_and_the_first_tensor_named(
    recipe: TrainRecipe, weights: Path, tmp_path: Path
) -> None:
    recipe.init = str(weights)
    refusals = [
        ({"width": 0.2}, r"backbone\.stem\.0\.weight is 4x3x7x7, and the network's is 12x3x7x7"),
        ({"genotype": "cdnet"}, r"no backbone\.\S+, so it is of another network"),
    ]
    for changes, said in refusals:
        with pytest.raises(CdnetError, match=said):
            train(dataclasses.replace(recipe, **changes), tmp_path / "run")  # type: ignore[arg-type]
    tensors = load_file(weights)
    save_file(tensors | {"backbone.more": torch.zeros(1)}, weights)
    with pytest.raises(CdnetError, match=r"backbone\.more is not the network's"):
        train(recipe, tmp_path / "run")
    save_file({"conv.weight": torch.zeros(1)}, weights)
    with pytest.raises(CdnetError, match="without a backbone of cdnet"):
        train(recipe, tmp_path / "run")
    weights.write_bytes(weights.read_bytes()[:5])
    with pytest.raises(CdnetError, match="cut short"):
        train(recipe, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_of_several_unknown_tensors_the_first_is_named(weights: Path) -> None:
    save_file(load_file(weights) | {f"backbone.x{n}": torch.zeros(1) for n in (3, 1, 2)}, weights)
    with pytest.raises(CdnetError, match=r"backbone\.x1 is not the network's; give the weights' --genotype"):
        read_start(str(weights), ModelSpec(read_genotype("cnet-top3"), 0.1))


def test_a_number_and_a_shape_are_said_in_words(weights: Path) -> None:
    tensors = load_file(weights)
    name = next(name for name in tensors if name.startswith("backbone.") and tensors[name].ndim == 0)
    save_file(tensors | {name: torch.zeros(2, 3)}, weights)
    with pytest.raises(CdnetError, match=r"is 2x3, and the network's is a number"):
        read_start(str(weights), ModelSpec(read_genotype("cnet-top3"), 0.1))


def test_narrower_weights_are_widened_and_training_goes_on_from_what_they_compute(
    recipe: TrainRecipe, tmp_path: Path
) -> None:
    recipe.width, recipe.schedule.epochs = 0.125, 1
    run = train(recipe, tmp_path / "narrow")
    spec = ModelSpec(read_genotype("cnet-top3"), 0.25, size=(64, 32))
    start = read_start(str(run), spec, seed=3)
    assert "the backbone and the neck's fneck.squeeze are widened 2 times and kept" in start.as_text()
    wide = spec.build(identities=2)
    start.give(wide)
    narrow, _ = load_model(run)
    pictures = torch.randn(4, 3, 64, 32, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        few, many = narrow.eval()(pictures), wide.eval()(pictures)
    stripes = 256
    torch.testing.assert_close(many[:, -stripes:], few[:, -stripes:], rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(many[:, :-stripes], few[:, :-stripes].repeat(1, 2), rtol=1e-3, atol=1e-4)
    same, other = (read_start(str(run), spec, seed).backbone for seed in (3, 4))
    name = "backbone.stage1.0.0.expand.0.weight"
    assert torch.equal(start.backbone[name], same[name])
    assert not torch.equal(start.backbone[name], other[name])
    unsaid, first = read_start(str(run), spec).backbone, read_start(str(run), spec, 0).backbone
    assert torch.equal(unsaid[name], first[name])
    # The run itself: its weights begin where these are, and one step does not carry them far.
    recipe = dataclasses.replace(recipe, width=0.25, init=str(run))
    recipe.optim = dataclasses.replace(recipe.optim, lr=1e-30, momentum=0.0, weight_decay=0.0)
    train(recipe, tmp_path / "wide")
    trained = load_checkpoint(tmp_path / "wide")["model"]
    assert torch.allclose(trained[name], read_start(str(run), spec, recipe.seed).backbone[name], rtol=0, atol=1e-20)


def classifier_weights(path: Path, width: float, neck: str = "blneck", stripes: int = 2) -> Classifier:
    """Save a classifier's weights, whose heads are of no likely values, and return it."""
    torch.manual_seed(8)
    spec = ModelSpec(read_genotype("cnet-top3"), width, neck, stripes, size=(64, 64))
    classifier = ClassifierSpec(spec, ("a", "b"))
    network = classifier.build()
    for name, tensor in network.neck.state_dict().items():
        if tensor.is_floating_point():
            tensor.add_(torch.rand(tensor.shape, generator=torch.Generator().manual_seed(len(name))))
    save_classifier(path, network, classifier)
    return network.eval()


@torch.inference_mode()
def test_a_head_widened_computes_what_it_did(tmp_path: Path) -> None:
    """Not only its bias and its batch norm are kept: the whole layer is, or nothing of it."""
    narrow = classifier_weights(tmp_path / "narrow.safetensors", 0.125, "fblneck")
    spec = ModelSpec(read_genotype("cnet-top3"), 0.25, size=(64, 32))
    start = read_start(str(tmp_path / "narrow.safetensors"), spec)
    wide = spec.build(identities=2)
    start.give(wide.eval())
    pictures = torch.randn(4, 3, 64, 32, generator=torch.Generator().manual_seed(1))
    few, many = narrow.neck.heads(narrow.backbone(pictures)), wide.neck.heads(wide.backbone(pictures))
    assert len(few) == len(many) == 2
    for one, other in zip(few, many, strict=True):
        assert one.softmax.std() > 0.1
        torch.testing.assert_close(other.softmax, one.softmax, rtol=1e-3, atol=1e-3)
    kept = ", ".join(f"{half}.head.{layer}" for half in ("blneck", "fneck") for layer in ("bn", "fc"))
    assert f"the neck's {kept}, fneck.squeeze are widened 2 times and kept, the rest begins anew" in start.as_text()
    assert "these shapes" not in start.as_text()


@pytest.mark.parametrize("width", [0.125, 0.25])
def test_a_head_of_which_a_part_has_another_shape_begins_anew_as_a_whole(width: float, tmp_path: Path) -> None:
    classifier_weights(tmp_path / "weights.safetensors", width, "fblneck", stripes=4)
    spec = ModelSpec(read_genotype("cnet-top3"), 0.25, stripes=2)
    start = read_start(str(tmp_path / "weights.safetensors"), spec)
    assert "fneck" not in "".join(start.neck).replace("fneck.squeeze", "")
    assert {"neck.blneck.head.fc.weight", "neck.blneck.head.bn.running_var"} <= start.neck.keys()
    said = "kept, the rest begins anew, also fneck.head, not all of which they have in these shapes"
    assert start.as_text().endswith(said)


def test_the_shipped_start_of_the_whole_width_has_no_head_to_be_kept() -> None:
    start = read_start("cdnet-x0.5-market1501", ModelSpec(read_genotype("cdnet"), 1.0, size=(128, 64)))
    assert (list(start.neck), start.unlike, start.times) == (["neck.fneck.squeeze.weight"], (), 2)


def test_what_cannot_be_widened_is_refused(weights: Path, tmp_path: Path) -> None:
    genotype = read_genotype("cnet-top3")
    for width, said in [(0.15, "is 4x3x7x7, and the network's is 8x3x7x7"), (0.05, "give the --genotype and --width")]:
        with pytest.raises(CdnetError, match=said):
            read_start(str(weights), ModelSpec(genotype, width))
    tensors = load_file(weights)
    stem = "backbone.stem.0.weight"
    for wrong in (torch.zeros(4, 3, 3, 3), torch.zeros(0), torch.zeros(4, 3, 7)):
        save_file(tensors | {stem: wrong}, weights)
        with pytest.raises(CdnetError, match=r"backbone\.stem\.0\.weight is .*, and the network's is 12x3x7x7"):
            read_start(str(weights), ModelSpec(genotype, 0.2))
    # In GDAS's cells channels lie side by side: copies would be read by the wrong layers.
    gdas, path = ModelSpec("gdas", 0.125, size=(64, 32)), tmp_path / "gdas.safetensors"
    save_weights(path, gdas.build(), gdas)
    assert read_start(str(path), gdas).times == 1
    with pytest.raises(CdnetError, match=r"channels lie side by side in this network; give weights of --width 0\.25"):
        read_start(str(path), dataclasses.replace(gdas, width=0.25))


def test_what_of_a_neck_cannot_be_widened_begins_anew(recipe: TrainRecipe, tmp_path: Path) -> None:
    recipe.width, recipe.schedule.epochs = 0.125, 1
    run = train(recipe, tmp_path / "run")
    tensors, spec = load_file(run), ModelSpec(read_genotype("cnet-top3"), 0.25)
    squeeze = "neck.fneck.squeeze.weight"
    save_file(tensors | {squeeze: torch.zeros(100, 48, 1, 1)}, run)
    assert "the backbone alone is widened 2 times and kept" in read_start(str(run), spec).as_text()

"""A classifier that is there is tested as it was at its run's end, and never on other classes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch

from cdnet.classify.recipe import ClassifyRecipe
from cdnet.classify.run import classify
from cdnet.classify.testing import number_classes
from cdnet.classify.weights import load_classifier, save_classifier
from cdnet.cli.classify import main
from cdnet.engine.record import read_log
from cdnet.errors import CdnetError


@pytest.mark.parametrize("crop", ["shift", "resized"])
def test_the_figures_are_those_of_the_runs_last_epoch(
    recipe: ClassifyRecipe, tmp_path: Path, capsys: pytest.CaptureFixture[str], crop: str
) -> None:
    recipe.augment.crop = crop  # type: ignore[assignment]
    run = classify(recipe, tmp_path / "run").parent
    last = read_log(run)[-1]
    part = "whole" if crop == "shift" else "middle"
    words = ["test", str(run), "--data.root", str(recipe.data.root), "--part", part, "--device", "cpu"]
    main([*words, "--json", str(tmp_path / "found.json")])
    found = json.loads((tmp_path / "found.json").read_text())
    assert [found[key] for key in ("top1", "top5", "pictures")] == [last[key] for key in ("top1", "top5", "pictures")]
    assert f"top-1 {100 * last['top1']:.2f}" in capsys.readouterr().out


def test_classes_are_told_by_their_names_or_their_places(
    recipe: ClassifyRecipe,
    colours: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    recipe.schedule.epochs, recipe.optim.lr = 12, 0.05
    run = classify(recipe, tmp_path / "run").parent
    right = read_log(run)[-1]["top1"]
    assert right > 0.6, "else wrong names would not be noticed"
    model, spec = load_classifier(run)
    # The same classifier with its classes in another order, which its last layers follow.
    order = [2, 0, 1]
    for head in (module for name, module in model.named_modules() if name.endswith("classifier")):
        head.weight.data, head.bias.data = head.weight.data[order], head.bias.data[order]  # type: ignore[union-attr,index]
    turned = spec.__class__(spec.network, tuple(spec.classes[n] for n in order), spec.stem, spec.kernel)
    save_classifier(tmp_path / "turned.safetensors", model, turned)
    for weights in (run / "weights.safetensors", tmp_path / "turned.safetensors"):
        main(["test", str(weights), "--data.root", str(colours), "--device", "cpu"])
        assert f"top-1 {100 * right:.2f}" in capsys.readouterr().out
    nameless = spec.__class__(spec.network, ("0", "1", "2"), spec.stem, spec.kernel)
    save_classifier(tmp_path / "nameless.safetensors", load_classifier(run)[0], nameless)  # as converted ones are
    main(["test", str(tmp_path / "nameless.safetensors"), "--data.root", str(colours), "--device", "cpu"])
    assert f"top-1 {100 * right:.2f}" in capsys.readouterr().out
    assert "its classes have no names, and are taken to be the data set's in their order" in caplog.text
    other = shutil.copytree(colours, tmp_path / "colours")
    for split in ("train", "val"):
        (other / split / "red").rename(other / split / "pink")
    with pytest.raises(CdnetError, match="of which it does not know 1, such as pink; test it on pictures of its own"):
        main(["test", str(run), "--data.root", str(other), "--device", "cpu"])


def test_numbers_stand_for_classes_in_their_order() -> None:
    assert number_classes(["0", "1", "2"], ["a", "b", "c"], "w") == [0, 1, 2]
    assert number_classes(["b", "c", "a"], ["a", "b", "c"], "w") == [2, 0, 1]
    for known, found in [(["0", "1"], ["a", "b", "c"]), (["a", "b", "c"], ["a", "b"]), (["a", "b"], ["a", "c"])]:
        with pytest.raises(CdnetError, match="test it on pictures of its own classes"):
            number_classes(known, found, "w")


def test_weights_that_are_no_classifier_are_refused(colours: Path, tmp_path: Path) -> None:
    with pytest.raises(CdnetError, match="not one of `cdnet classify`"):
        main(["test", "cdnet-x0.25-market1501", "--data.root", str(colours)])
    with pytest.raises(CdnetError, match="no such weights"):
        main(["test", str(tmp_path / "nothing"), "--data.root", str(colours)])
    with pytest.raises(CdnetError, match=r"--data\.root"):
        main(["test", "cdnet-x0.25-market1501"])
    assert torch.is_grad_enabled()

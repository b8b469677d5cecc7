from __future__ import annotations

import json
import math
from collections.abc import Callable
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, safe_open, save_file

from cdnet import CdnetError, create_model, load_model, tensor_file
from cdnet.genotype import read_genotype
from cdnet.tensor_file import read_metadata, read_safetensors
from cdnet.train.init import read_start
from cdnet.weights import (
    ModelSpec,
    find_weights,
    refuse_large_metadata,
    save_weights,
    shipped_weights,
    try_on_shapes,
)


def spec(**changes: object) -> ModelSpec:
    arguments: dict[str, object] = {"genotype": read_genotype("cnet-top3"), "width": 0.1, "size": (64, 32)}
    return ModelSpec(**(arguments | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize("neck", ["fblneck", "blneck", "fneck", "bnneck"])
def test_round_trip_gives_the_same_features(tmp_path: Path, neck: str) -> None:
    made = spec(neck=neck, trained_on={"data": "nothing"})
    trained = made.build(identities=9)
    path = tmp_path / "x.safetensors"
    save_weights(path, trained, made)
    model, read = load_model(path)
    assert read == made
    images = torch.randn(2, 3, 64, 32)
    assert torch.equal(model(images), trained.eval()(images))
    assert not model.training


def test_the_file_says_what_it_holds_and_nothing_that_inference_drops(tmp_path: Path) -> None:
    save_weights(tmp_path / "x.safetensors", spec().build(identities=9), spec())
    with safe_open(tmp_path / "x.safetensors", "pt") as file:
        names = set(file.keys())
        metadata = json.loads(file.metadata()["cdnet"])
    assert names == set(create_model("cnet-top3", 0.1).state_dict())
    assert metadata["genotype"] == read_genotype("cnet-top3").to_json()
    assert (metadata["neck"], metadata["size"]) == ("fblneck", [64, 32])
    assert (metadata["mean"], metadata["std"]) == ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])


def test_equal_weights_are_equal_files(tmp_path: Path) -> None:
    model = spec().build(3)
    save_weights(tmp_path / "a", model, spec())
    save_weights(tmp_path / "b", model, spec())
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.999])
def test_a_file_cut_short_is_refused(tmp_path: Path, share: float) -> None:
    path = tmp_path / "x.safetensors"
    save_weights(path, spec().build(3), spec())
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(CdnetError, match="cut short"):
        load_model(path)


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CdnetError, match="no such weights"):
        load_model(tmp_path / "nowhere.safetensors")
    save_file({"a": torch.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(CdnetError, match="not one with cdnet's"):
        load_model(tmp_path / "other.safetensors")
    wrong = spec(width=0.2).to_metadata()
    save_file(spec().build().state_dict(), tmp_path / "wrong.safetensors", wrong)
    with pytest.raises(CdnetError, match="not those of the network"):
        load_model(tmp_path / "wrong.safetensors")
    save_file({"a": torch.zeros(1)}, tmp_path / "odd.safetensors", {"cdnet": '{"format": 1, "width": 3}'})
    with pytest.raises(CdnetError, match="metadata"):
        load_model(tmp_path / "odd.safetensors")


@pytest.mark.parametrize(
    "changes",
    [
        {"width": "a"},
        {"width": None},
        {"width": 10**400},
        {"stripes": "two"},
        {"size": [64]},
        {"size": [64, 32, 3]},
        {"size": 3},
        {"std": [0, 0, 0]},
        {"mean": [1]},
        {"genotype": 3},
        {"trained_on": 4},
        {"neck": None},
    ],
)
def test_damaged_metadata_are_refused(tmp_path: Path, changes: dict[str, object]) -> None:
    metadata = json.loads(spec().to_metadata()["cdnet"]) | changes
    save_file(spec().build().state_dict(), tmp_path / "x.safetensors", {"cdnet": json.dumps(metadata)})
    with pytest.raises(CdnetError):
        load_model(tmp_path / "x.safetensors")


def test_shipped_networks_are_small_described_and_run() -> None:
    assert shipped_weights()
    for name in shipped_weights():
        shipped = Path(str(resources.files("cdnet").joinpath("pretrained", name)))
        assert shipped.with_name(f"{name}.safetensors").stat().st_size < 4_000_000
        assert "research use only" in shipped.with_name(f"{name}.md").read_text("utf-8").lower()
        model, made = load_model(name)
        assert model(torch.zeros(1, 3, *made.size)).isfinite().all()
        assert made.trained_on["data"]


def changed(path: Path, change: Callable[[dict[str, torch.Tensor], dict[str, object]], object]) -> Path:
    """Write weights whose tensors or metadata are then changed."""
    save_weights(path, spec().build(), spec())
    with safe_open(path, "pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        metadata = json.loads(file.metadata()["cdnet"])
    change(tensors, metadata)
    save_file(tensors, path, {"cdnet": json.dumps(metadata)})
    return path


NAME = "backbone.stem.0.weight"


@pytest.mark.parametrize(
    ("tensor", "said"),
    [
        (lambda old: torch.full_like(old, torch.nan), "not finite numbers"),
        (lambda old: torch.full_like(old, -torch.inf), "not finite numbers"),
        (lambda old: torch.full_like(old, 1e300, dtype=torch.double), "not finite numbers"),  # too large for 32 bits
        (lambda old: old.long(), "torch.int64, and weights are floating-point"),
        (lambda old: old.bool(), "torch.bool, and weights are floating-point"),
        (lambda old: old.to(torch.complex64), "torch.complex64, and weights are floating-point"),
    ],
)
def test_weights_that_are_no_numbers_are_refused_by_name(
    tensor: Callable[[torch.Tensor], torch.Tensor], said: str, tmp_path: Path
) -> None:
    path = changed(tmp_path / "x.safetensors", lambda tensors, _: tensors.update({NAME: tensor(tensors[NAME])}))
    with pytest.raises(CdnetError, match=f"x.safetensors: {NAME} has values .*{said}"):
        load_model(path)


def test_weights_of_half_precision_are_read(tmp_path: Path) -> None:
    path = changed(tmp_path / "x.safetensors", lambda tensors, _: tensors.update({NAME: tensors[NAME].half()}))
    assert load_model(path)[0].state_dict()[NAME].dtype == torch.float32


def test_of_what_is_stored_in_half_precision_only_kernels_are(tmp_path: Path) -> None:
    whole, half = tmp_path / "whole.safetensors", tmp_path / "half.safetensors"
    made = ModelSpec("osnet", 0.25, "fcneck", size=(64, 32))  # which has a matrix and biases, too
    model = made.build()
    save_weights(whole, model, made)
    save_weights(half, model, made, half=True)
    before, after = load_file(whole), load_file(half)
    assert {tensor.ndim for tensor in before.values()} == {0, 1, 2, 4}
    for name, tensor in before.items():
        wanted = torch.from_numpy(tensor.numpy().astype(np.float16)) if tensor.ndim == 4 else tensor
        assert after[name].dtype == wanted.dtype
        assert torch.equal(after[name], wanted)
    assert load_model(half)[1] == load_model(whole)[1]


def test_networks_that_ship_in_half_precision_are_what_the_command_writes(tmp_path: Path) -> None:
    halved = [
        path
        for path in map(find_weights, shipped_weights())
        if any(tensor.dtype == torch.float16 for tensor in load_file(path).values())
    ]
    assert halved
    for path in halved:
        save_weights(tmp_path / path.name, *load_model(path), half=True)
        assert (tmp_path / path.name).read_bytes() == path.read_bytes()
        assert "cdnet export RUN --fp16 --out FILE.safetensors" in path.with_suffix(".md").read_text("utf-8")


def test_a_weight_that_16_bits_do_not_hold_is_named(tmp_path: Path) -> None:
    model = spec().build()
    model.state_dict()[NAME][0, 0, 0, 0] = 70_000.0
    with pytest.raises(CdnetError, match=rf"{NAME} has a weight of 70000, and 16 bits hold no more than 65,504"):
        save_weights(tmp_path / "x.safetensors", model, spec(), half=True)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, "inf", "nan"])
@pytest.mark.parametrize("key", ["mean", "std"])
def test_a_mean_or_deviation_that_is_no_number_is_refused(key: str, bad: object, tmp_path: Path) -> None:
    path = changed(tmp_path / "x.safetensors", lambda _, metadata: metadata.update({key: [0.5, bad, 0.5]}))
    with pytest.raises(CdnetError, match="metadata"):
        load_model(path)


@pytest.mark.parametrize("bad", [0.0, -0.2])
def test_a_deviation_that_is_not_positive_is_refused(bad: float, tmp_path: Path) -> None:
    path = changed(tmp_path / "x.safetensors", lambda _, metadata: metadata.update(std=[0.5, bad, 0.5]))
    with pytest.raises(CdnetError, match="positive deviation"):
        load_model(path)


def test_no_number_hides_in_what_weights_say_of_their_training(tmp_path: Path) -> None:
    path = changed(tmp_path / "x.safetensors", lambda _, metadata: metadata.update(trained_on={"epochs": math.nan}))
    with pytest.raises(CdnetError, match="metadata are not those of cdnet's weights"):
        load_model(path)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_neither_written_nor_read_nor_begun_from(value: float, tmp_path: Path) -> None:
    made = spec(genotype="osnet", width=0.25, neck="blneck")
    model = made.build()
    model.backbone.get_parameter("stem.0.weight").data[0, 0, 0, 0] = value
    with pytest.raises(CdnetError, match=r"backbone\.stem\.0\.weight has values that are not finite"):
        save_weights(tmp_path / "w.safetensors", model, made)
    assert not (tmp_path / "w.safetensors").exists()
    save_file(model.state_dict(), tmp_path / "w.safetensors", made.to_metadata())
    with pytest.raises(CdnetError, match=r"backbone\.stem\.0\.weight has values that are not finite"):
        load_model(tmp_path / "w.safetensors")
    with pytest.raises(CdnetError, match=r"stem\.0\.weight has values that are not finite"):
        read_start(str(tmp_path / "w.safetensors"), made)


@pytest.mark.parametrize("count", [0, 2, 4])
@pytest.mark.parametrize("key", ["mean", "std"])
def test_three_channels_have_three_means_and_deviations(key: str, count: int, tmp_path: Path) -> None:
    path = changed(tmp_path / "x.safetensors", lambda _, metadata: metadata.update({key: [0.5] * count}))
    with pytest.raises(CdnetError, match="metadata have no finite mean and positive deviation for three channels"):
        load_model(path)


def test_a_mean_may_be_negative_and_a_deviation_small(tmp_path: Path) -> None:
    values = {"mean": [-0.5, 0.0, 2.0], "std": [1e-3, 0.5, 1.0]}
    path = changed(tmp_path / "x.safetensors", lambda _, metadata: metadata.update(values))
    assert (load_model(path)[1].mean, load_model(path)[1].std) == ((-0.5, 0.0, 2.0), (1e-3, 0.5, 1.0))


@pytest.mark.parametrize("version", [0, 2, "1", None])
def test_weights_of_another_version_are_refused(version: object, tmp_path: Path) -> None:
    path = changed(tmp_path / "x.safetensors", lambda _, metadata: metadata.update(format=version))
    with pytest.raises(CdnetError, match="weights of another version of cdnet"):
        load_model(path)


def test_weights_say_that_they_are_of_the_first_version() -> None:
    metadata = spec().to_metadata()
    assert list(metadata) == ["cdnet"]
    assert json.loads(metadata["cdnet"])["format"] == 1


def test_metadata_may_be_four_million_characters_and_no_more() -> None:
    refuse_large_metadata(" " * 4 * 2**20, "w")
    with pytest.raises(CdnetError, match="w: its metadata have more than the 4,194,304 characters"):
        refuse_large_metadata(" " * (4 * 2**20 + 1), "w")


def test_a_baseline_is_named_and_an_unknown_network_refused(tmp_path: Path) -> None:
    made = spec(genotype="osnet", neck="blneck")
    save_weights(tmp_path / "x.safetensors", made.build(4), made)
    assert load_model(tmp_path / "x.safetensors")[1].genotype == "osnet"
    path = changed(tmp_path / "y.safetensors", lambda _, metadata: metadata.update(genotype="vgg"))
    with pytest.raises(CdnetError, match="of the network 'vgg', which is not one of osnet"):
        load_model(path)


@pytest.mark.parametrize("name", ["x.pth", "x.pt", "x.tar"])
def test_torchs_own_files_are_told_from_others(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"PK")
    with pytest.raises(CdnetError, match="a torch file; `cdnet convert`"):
        load_model(tmp_path / name)
    (tmp_path / "x.bin").write_bytes(b"PK")
    with pytest.raises(CdnetError, match="cut short or no safetensors file"):
        load_model(tmp_path / "x.bin")


@pytest.mark.parametrize("name", ["x.safetensors", "x.pth"])
def test_what_a_download_brought_instead_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("\n<html><title>Sign in</title>", "utf-8")
    with pytest.raises(CdnetError, match="a web page, not the file that it offers; download that itself"):
        load_model(tmp_path / name)
    (tmp_path / name).write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 5\n", "utf-8")
    with pytest.raises(CdnetError, match=r"a pointer of Git LFS, .*`git lfs pull` in its repository gets that"):
        load_model(tmp_path / name)


def test_files_without_metadata_say_nothing(tmp_path: Path) -> None:
    save_file({"a": torch.ones(2)}, tmp_path / "x.safetensors")
    assert read_metadata(tmp_path / "x.safetensors") == {}
    said, tensors = read_safetensors(tmp_path / "x.safetensors")
    assert (said, tensors["a"].tolist()) == ({}, [1.0, 1.0])


def test_a_folder_means_its_weights(tmp_path: Path) -> None:
    save_weights(tmp_path / "weights.safetensors", spec().build(3), spec())
    assert find_weights(tmp_path) == tmp_path / "weights.safetensors"
    with pytest.raises(CdnetError, match="no such weights"):
        find_weights(tmp_path / "elsewhere")


def test_dropout_is_none_unless_told() -> None:
    drops = [
        {module.p for module in network.modules() if isinstance(module, torch.nn.Dropout)}
        for network in (spec().build(3), spec().build(3, dropout=0.25))
    ]
    assert drops == [{0.0}, {0.25}]


def test_a_network_too_deep_for_its_pictures_is_told_by_shapes_alone() -> None:
    try_on_shapes(spec())
    with pytest.raises(CdnetError, match="too few for 4 stripes"):
        try_on_shapes(spec(size=(32, 32), stripes=4))


def test_a_spec_cannot_be_changed_and_shares_nothing() -> None:
    one, other = spec(), spec()
    with pytest.raises(AttributeError):
        one.width = 2.0  # type: ignore[misc]
    one.trained_on["data"] = "mine"
    assert other.trained_on == {}


def test_a_file_may_be_as_large_as_is_said_and_no_larger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert tensor_file.MAX_BYTES == 536_870_912
    path = tmp_path / "w.safetensors"
    save_file({"a": torch.arange(3.0)}, path)
    size = path.stat().st_size
    monkeypatch.setattr(tensor_file, "MAX_BYTES", size)
    assert read_safetensors(path)[1]["a"].tolist() == [0, 1, 2]
    monkeypatch.setattr(tensor_file, "MAX_BYTES", size - 1)
    with pytest.raises(CdnetError, match=r"w\.safetensors: more than the"):
        read_safetensors(path)

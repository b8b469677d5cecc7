"""Our weights in every runtime: the features of the definition, or a word that they are others."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from cdnet import CdnetError, create_model, load_model
from cdnet.nn.baselines import BASELINES
from cdnet.nn.model import find_network
from cdnet.nn.necks import NECKS
from cdnet.runtime import choice, own_network
from cdnet.runtime.choice import LARGEST_ERROR, PREFERRED, largest_error, open_own
from cdnet.runtime.names import AUTO, RUNTIMES
from cdnet.runtime.own_network import WAYS, OwnNetwork, refuse_runtime
from cdnet.weights import ModelSpec, save_weights

CPU = torch.device("cpu")
UNCOMPILED = [name for name in RUNTIMES if "compiled" not in name]


def write(folder: Path, genotype: str = "cnet-top3", neck: str = "fblneck", stripes: int = 2) -> Path:
    """Weights whose batch norms have seen something."""
    torch.manual_seed(0)
    model = create_model(genotype, 0.1, neck, stripes)
    for layer in model.modules():
        if isinstance(layer, torch.nn.BatchNorm1d | torch.nn.BatchNorm2d):
            layer.running_mean.normal_(std=0.1)  # type: ignore[union-attr]
            layer.running_var.uniform_(0.5, 1.5)  # type: ignore[union-attr]
    path = folder / f"{genotype}-{neck}-{stripes}.safetensors"
    network = find_network(genotype)
    save_weights(path, model, ModelSpec(network, 0.1, neck, stripes, (64, 32), (0.1, 0.2, 0.3), (0.5, 0.6, 0.7)))
    return path


def by_definition(path: Path, pixels: np.ndarray) -> np.ndarray:
    """What the plain network gives for what is normalised in 64 bits."""
    model, spec = load_model(path)
    given = ((pixels / 255 - spec.mean) / spec.std).transpose(0, 3, 1, 2)
    with torch.inference_mode():
        return model.double()(torch.from_numpy(given)).numpy()


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("weights"))


def skip_where_lacking(runtime: str) -> None:
    lacking = WAYS[runtime].lacks()
    if lacking is not None:
        pytest.skip(f"{runtime} {lacking}")


@pytest.mark.parametrize("runtime", UNCOMPILED)
def test_every_runtime_gives_the_definition(runtime: str, weights: Path, pixels: np.ndarray) -> None:
    skip_where_lacking(runtime)
    network = OwnNetwork(weights, runtime, batch=4)
    wanted = by_definition(weights, pixels)
    found = np.concatenate([network(pixels[:4]), network(pixels[4:])])  # the second batch has three
    assert found.dtype == np.float32
    limit = 1e-5 if WAYS[runtime].exact else 0.04
    assert np.linalg.norm(found - wanted, axis=1).max() <= limit * np.linalg.norm(wanted, axis=1).min()
    assert np.array_equal(network(pixels[4:5]), network(pixels[4:])[:1])  # what fills a batch up changes nothing
    np.testing.assert_array_equal(network(pixels[:4][:, :, ::-1]), network(pixels[:4][:, :, ::-1].copy()))


@pytest.mark.parametrize("runtime", ["onnxruntime", "openvino"])
@pytest.mark.parametrize(
    ("genotype", "neck", "stripes"),
    [*((name, "fblneck", 3) for name in BASELINES), *(("cdnet", neck, 2) for neck in NECKS), ("cdnet", "fblneck", 0)],
)
def test_every_network(
    runtime: str, genotype: str, neck: str, stripes: int, tmp_path: Path, pixels: np.ndarray
) -> None:
    skip_where_lacking(runtime)
    path = write(tmp_path, genotype, neck, stripes)
    wanted = by_definition(path, pixels)
    found = OwnNetwork(path, runtime, batch=7)(pixels)
    assert np.linalg.norm(found - wanted, axis=1).max() <= 1e-4 * np.linalg.norm(wanted, axis=1).min()


@pytest.mark.parametrize(("threads", "batch"), [(2, 4), (4, 4), (3, 6), (4, 6), (5, 4)])
def test_threads_share_a_batch(
    threads: int, batch: int, weights: Path, pixels: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However a batch is divided among streams, each picture's features stand in its own row."""
    skip_where_lacking("openvino")
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    network, wanted = OwnNetwork(weights, "openvino", batch), by_definition(weights, pixels)
    for given in (pixels[:batch], pixels[batch:], pixels[1:2], pixels[:batch]):
        first = next(i for i in range(len(pixels)) if np.array_equal(pixels[i], given[0]))
        np.testing.assert_allclose(network(given), wanted[first : first + len(given)], rtol=1e-3, atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("runtime", ["torch-compiled", "torch-compiled-bf16"])
def test_compiled(runtime: str, weights: Path, pixels: np.ndarray) -> None:
    network = OwnNetwork(weights, runtime, batch=4)
    assert largest_error(network, pixels, by_definition(weights, pixels)) <= LARGEST_ERROR[WAYS[runtime].exact]


def test_every_name_has_its_runtime() -> None:
    assert set(WAYS) == set(RUNTIMES)
    assert set(PREFERRED) <= set(RUNTIMES)


def choose(weights: Path, name: str, pixels: np.ndarray, count: int, told: list[str]) -> str:
    return open_own(weights, name, pixels, count, CPU, told.append).name


def test_auto_takes_the_first_that_is_there(weights: Path, pixels: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    installed = [name for name in PREFERRED if WAYS[name].lacks() is None]
    assert choose(weights, AUTO, pixels, 1000, told) == installed[0]
    assert choose(weights, AUTO, pixels, 10, told) == "torch"  # too few to be worth it
    monkeypatch.setattr(own_network.importlib.util, "find_spec", lambda name: object() if name == "torch" else None)
    assert choose(weights, AUTO, pixels, 1000, told) == "torch"
    assert told == []
    with pytest.raises(CdnetError, match=r"--runtime openvino needs openvino; install it with pip install 'cdnet-reid"):
        choose(weights, "openvino", pixels, 10, told)


def wrong(prepare: Callable[..., Callable[..., np.ndarray]]) -> Callable[..., Callable[..., np.ndarray]]:
    """A runtime that has a fault in one number of one picture's features."""

    def faulty(*given: object) -> Callable[..., np.ndarray]:
        run = prepare(*given)

        def with_fault(pixels: np.ndarray) -> np.ndarray:
            features = np.array(run(pixels))
            features[-1, 0] += 0.2 * np.linalg.norm(features[-1])
            return features

        return with_fault

    return faulty


def test_a_runtime_that_does_not_agree_is_told_and_passed_over(
    weights: Path, pixels: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    monkeypatch.setattr(choice, "BATCH", len(pixels))
    for name in PREFERRED[:-1]:
        way = WAYS[name]
        monkeypatch.setitem(WAYS, name, own_network.Runtime("torch", "", wrong(WAYS["torch"].prepare), exact=way.exact))
    assert choose(weights, AUTO, pixels, 1000, told) == "torch"
    assert [sentence.split()[1] for sentence in told] == list(PREFERRED[:-1])
    assert all("differ from PyTorch's by 20 % on one of 7 pictures" in sentence for sentence in told)
    with pytest.raises(CdnetError, match=r"--runtime onnxruntime gives features that differ"):
        choose(weights, "onnxruntime", pixels, 1000, told)


def test_only_pytorch_computes_on_a_gpu() -> None:
    with pytest.raises(CdnetError, match=r"--runtime openvino computes on the CPU"):
        refuse_runtime("openvino", torch.device("cuda"))
    refuse_runtime("torch-bf16", torch.device("cuda"))


def test_a_pytorch_without_the_exporter_is_told(
    weights: Path, pixels: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: object, **__: object) -> None:
        raise TypeError("export() got an unexpected keyword argument 'dynamo'")

    monkeypatch.setattr(torch.onnx, "export", gone)
    with pytest.raises(CdnetError, match=r"makes no ONNX graph as it is asked to .*; use --runtime torch"):
        OwnNetwork(weights, "onnxruntime")
    told: list[str] = []
    assert choose(weights, AUTO, pixels, 1000, told) == "torch"
    assert len(told) == len([name for name in PREFERRED[:-1] if WAYS[name].lacks() is None])

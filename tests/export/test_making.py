"""Every form of a file gives what the network gives, when it is fed as its program feeds it."""

from __future__ import annotations

import errno
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import onnxruntime
import pytest
import torch
import yaml

from cdnet import CdnetError, load_model
from cdnet.export import making
from cdnet.export.about import measured_in_training
from cdnet.export.making import Source, check_request, make
from cdnet.export.targets import TARGETS, find_target
from cdnet.runtime.given import Given
from cdnet.runtime.network import open_network
from cdnet.weights import load_model as read

SIZE = (64, 32)  # of the network of conftest.py
MEAN, STD = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])


def boxmot(picture: np.ndarray) -> np.ndarray:
    """As BoxMOT does it: OpenCV's picture, linearly, then RGB, then ImageNet's mean and deviation."""
    bgr = cv2.resize(picture[..., ::-1], (SIZE[1], SIZE[0]), interpolation=cv2.INTER_LINEAR)
    return ((cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB) / 255 - MEAN) / STD).transpose(2, 0, 1)


def ultralytics(picture: np.ndarray) -> np.ndarray:
    """As ultralytics does it: torch's interpolation of RGB in 0..1, and nothing else."""
    tensor = torch.from_numpy(picture.copy()).permute(2, 0, 1)[None].float() / 255
    return torch.nn.functional.interpolate(tensor, SIZE, mode="bilinear", align_corners=False)[0].numpy()


def fast_reid(picture: np.ndarray) -> np.ndarray:
    """As fast-reid's ONNX script does it: RGB, bicubic, 0..255."""
    resized = cv2.resize(picture, (SIZE[1], SIZE[0]), interpolation=cv2.INTER_CUBIC)
    return resized.astype("float32").transpose(2, 0, 1)


def torchreid(picture: np.ndarray) -> np.ndarray:
    """As torchreid's FeatureExtractor does it: Pillow's bilinear filter, then as BoxMOT."""
    from PIL import Image

    image = np.asarray(Image.fromarray(picture).resize((SIZE[1], SIZE[0]), Image.BILINEAR))
    return ((image / 255 - MEAN) / STD).transpose(2, 0, 1)


def demo(picture: np.ndarray) -> np.ndarray:
    """As OpenVINO's demo does it: OpenCV's BGR, linearly, 0..255."""
    return cv2.resize(picture[..., ::-1], (SIZE[1], SIZE[0])).astype(np.float32).transpose(2, 0, 1)


def deepstream(picture: np.ndarray) -> np.ndarray:
    """As DeepStream does it with a scale of 1 and no offsets: RGB, 0..255."""
    return cv2.resize(picture, (SIZE[1], SIZE[0])).astype(np.float32).transpose(2, 0, 1)


def plain(picture: np.ndarray) -> np.ndarray:
    """As this project does it: by area, then the network's own mean and deviation."""
    resized = cv2.resize(picture, (SIZE[1], SIZE[0]), interpolation=cv2.INTER_AREA)
    return ((resized / 255 - [0.4, 0.5, 0.6]) / [0.2, 0.25, 0.3]).transpose(2, 0, 1)


FED: dict[str, Any] = {
    "plain": plain,
    "boxmot": boxmot,
    "ultralytics": ultralytics,
    "deepstream": deepstream,
    "openvino-demo": demo,
    "fast-reid": fast_reid,
    "torchreid": torchreid,
}


def by_definition(weights: Path, target: str, people: np.ndarray) -> np.ndarray:
    """What the network gives for the pictures as the program resizes them, by the definition of its input."""
    model, spec = read(weights)
    fed = np.stack([FED[target](picture) for picture in people])
    if target in ("boxmot", "torchreid"):
        fed = fed * STD[:, None, None] + MEAN[:, None, None]
    elif target == "plain":
        fed = fed * np.array(spec.std)[:, None, None] + np.array(spec.mean)[:, None, None]
    elif target != "ultralytics":
        fed = fed / 255
    if target == "openvino-demo":
        fed = fed[:, ::-1]
    normal = (fed - np.array(spec.mean)[:, None, None]) / np.array(spec.std)[:, None, None]
    with torch.inference_mode():
        return model(torch.from_numpy(normal.astype(np.float32))).numpy()


def run(path: Path, values: np.ndarray, batch: int) -> np.ndarray:
    """Run a file by its runtime alone, with nothing of this project."""
    parts = [values[start : start + batch] for start in range(0, len(values), batch)]
    if path.suffix == ".onnx":
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        name = session.get_inputs()[0].name
        return np.concatenate([session.run(None, {name: part})[0] for part in parts])
    if path.suffix == ".xml":
        import openvino

        compiled = openvino.Core().compile_model(str(path), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
        return np.concatenate([compiled([part])[0] for part in parts])
    module = torch.export.load(path).module()
    return np.concatenate([module(torch.from_numpy(part)).detach().numpy() for part in parts])


@pytest.fixture(scope="module")
def source(weights: Path, core: Any, people: np.ndarray) -> Source:
    made = Source(weights, calibration=np.stack([cv2.resize(picture, SIZE[::-1]) for picture in people]))
    made._graphs["fp32"] = core  # which conftest.py has exported already
    return made


EVERY = [(name, ending) for name, target in TARGETS.items() for ending in target.formats if ending != ".safetensors"]


@pytest.mark.parametrize(("name", "ending"), EVERY)
def test_a_file_gives_what_the_network_gives(
    tmp_path: Path, weights: Path, source: Source, people: np.ndarray, name: str, ending: str
) -> None:
    made = make(source, find_target(name), tmp_path / f"net{ending}")
    wanted = by_definition(weights, name, people)
    fed = np.stack([FED[name](picture) for picture in people]).astype(np.float32)
    for batch in (1,) if name == "openvino-demo" else (1, 7, 64):
        found = run(made.path, fed, batch)
        np.testing.assert_allclose(found, wanted, rtol=5e-3, atol=5e-3 * np.abs(wanted).max(), err_msg=str(batch))
    assert set(tmp_path.iterdir()) == set(made.written)  # and nothing of the work


@pytest.mark.parametrize("ending", [".onnx", ".xml", ".pt2"])
def test_half(tmp_path: Path, weights: Path, source: Source, people: np.ndarray, ending: str) -> None:
    made = make(source, TARGETS["plain"], tmp_path / f"net{ending}", "fp16")
    whole = make(source, TARGETS["plain"], tmp_path / f"whole{ending}")
    wanted = by_definition(weights, "plain", people)
    found = run(made.path, np.stack([plain(picture) for picture in people]).astype(np.float32), 7)
    assert 0 < np.abs(found - wanted).max() < 0.02 * np.abs(wanted).max()
    # Of an IR, the .xml stays as it is.
    sizes = [sum(path.stat().st_size for path in one.written if path.suffix != ".xml") for one in (made, whole)]
    assert sizes[0] < 0.8 * sizes[1]


@pytest.mark.parametrize("ending", [".onnx", ".xml"])
def test_8_bits(tmp_path: Path, source: Source, people: np.ndarray, weights: Path, ending: str) -> None:
    pytest.importorskip("nncf")
    made = make(source, TARGETS["boxmot"], tmp_path / f"net{ending}", "int8")
    wanted = by_definition(weights, "boxmot", people)
    found = run(made.path, np.stack([boxmot(picture) for picture in people]).astype(np.float32), 64)
    cosine = (wanted * found).sum(1) / np.linalg.norm(wanted, axis=1) / np.linalg.norm(found, axis=1)
    assert 0.9 < cosine.min() < 1 - 1e-7
    assert json.loads(json.dumps(made.said.facts))["precision"] == "int8"
    if ending == ".onnx":  # what a gate multiplies is spoilt by a gate in 8 bits
        graph = onnx.load(made.path).graph
        by_output = {name: node for node in graph.node for name in node.output}
        gates = [by_output[node.input[0]] for node in graph.node if node.op_type == "Sigmoid"]
        assert gates
        assert all(gate.op_type == "Gemm" and gate.input[1] not in by_output for gate in gates)


@pytest.mark.parametrize("ending", [".onnx", ".xml"])
def test_our_own_runtime_asks_for_nothing(
    tmp_path: Path, weights: Path, source: Source, people: np.ndarray, ending: str
) -> None:
    name = "fast-reid" if ending == ".onnx" else "openvino-demo"
    made = make(source, TARGETS[name], tmp_path / f"net{ending}")
    network = open_network(made.path, Given(), batch=4)
    pixels = np.stack([cv2.resize(picture, SIZE[::-1]) for picture in people[:4]])
    wanted = open_network(weights, Given())(pixels)
    found = np.concatenate([network(pixels[i : i + network.batch]) for i in range(0, 4, network.batch)])
    np.testing.assert_allclose(found, wanted, rtol=5e-3, atol=1e-3 * np.abs(wanted).max())
    with pytest.raises(CdnetError, match=r"says itself what its input is to be like; leave out --input\.size"):
        open_network(made.path, Given(channels="bgr"), "input.")


def test_what_the_file_says(tmp_path: Path, weights: Path, source: Source) -> None:
    import hashlib

    made = make(source, TARGETS["boxmot"], tmp_path / "net.onnx")
    properties = {entry.key: entry.value for entry in onnx.load(made.path).metadata_props}
    said = json.loads(properties["cdnet"])
    assert said["input"] == {
        "size": [64, 32],
        "channels": "rgb",
        "range": 1.0,
        "mean": MEAN.tolist(),
        "std": STD.tolist(),
    }
    assert said["network"]["width"] == 0.25
    assert said["network"]["neck"] == "fblneck"
    assert said["network"]["genotype"]["stages"] == [[[3, 5, 1]], [[3, 7, 1]], [[5, 7, 1]]]
    assert said["trained_on"]["data"] == "Market-1501"
    assert said["licence"] == "research use only"
    assert said["weights_sha256"] == hashlib.sha256(weights.read_bytes()).hexdigest()
    assert said["mAP"] is None
    assert json.loads((tmp_path / "net.onnx.metadata.json").read_text())["model_kwargs"] == {"img_size": [64, 32]}
    profile = yaml.safe_load((tmp_path / "net.onnx.reid.yaml").read_text())
    dimension = {"embedding_dim": source.model.feature_dim}
    assert profile == {"backend": "onnx", "artifact": {"path": "net.onnx"}, "options": dimension}


@pytest.mark.parametrize(
    ("line", "found"),
    [('{"epoch": 2, "mAP": 0.25}', 0.25), ("5", None), ("[" * 100_000, None), ('{"mAP": "0.5"}', None)]
    + [(f'{{"epoch": 2, "mAP": {value}}}', None) for value in ("NaN", "7.5", "-0.5", "1e999", "true")],
)
def test_a_file_says_the_accuracy_that_the_run_measured_last_if_it_is_one(
    tmp_path: Path, line: str, found: float | None
) -> None:
    assert measured_in_training(tmp_path) is None
    (tmp_path / "log.jsonl").write_text(f'{{"epoch": 1, "mAP": 0.125}}\n{line}\n')
    measured = measured_in_training(tmp_path)
    assert (measured and measured.mAP) == found


def test_a_program_says_it_too(tmp_path: Path, source: Source) -> None:
    made = make(source, TARGETS["torchreid"], tmp_path / "net.pt2")
    extra = {"cdnet": ""}
    torch.export.load(made.path, extra_files=extra)
    assert json.loads(extra["cdnet"])["for"] == "torchreid"


def test_a_folder_as_boxmot_wants_it(tmp_path: Path, source: Source) -> None:
    made = make(source, TARGETS["boxmot"], tmp_path / "net_openvino_model" / "net.xml")
    beside = {"net.xml.reid.yaml", "net.xml.metadata.json", "manifest.json"}
    assert {path.name for path in made.written} == {"net.xml", "net.bin", *beside}
    profile = yaml.safe_load((made.path.parent / "net.xml.reid.yaml").read_text())
    assert (profile["backend"], profile["artifact"]["path"]) == ("openvino", "net.xml")


def test_deepstream_gets_its_configuration(tmp_path: Path, source: Source) -> None:
    make(source, TARGETS["deepstream"], tmp_path / "net.onnx")
    section = yaml.safe_load((tmp_path / "net.onnx.tracker.yml").read_text())["ReID"]
    assert section["inferDims"] == [3, 64, 32]
    assert section["reidFeatureSize"] == source.model.feature_dim
    assert section["onnxFile"] == str(tmp_path / "net.onnx")
    assert (section["offsets"], section["netScaleFactor"]) == ([0, 0, 0], 1)


def test_a_file_that_differs_is_not_left(tmp_path: Path, source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "net.onnx").write_bytes(b"old")
    broken = making.inside
    monkeypatch.setattr(making, "inside", lambda *both: broken(*both)._replace(turn=True))
    with pytest.raises(CdnetError, match=r"net\.onnx is not left behind: the file differs from PyTorch, 1 picture"):
        make(source, TARGETS["ultralytics"], tmp_path / "net.onnx")
    assert [path.name for path in tmp_path.iterdir()] == ["net.onnx"]
    assert (tmp_path / "net.onnx").read_bytes() == b"old"


def test_a_full_disk(tmp_path: Path, source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    for name, precision in (("net.onnx", "fp32"), ("net.safetensors", "fp16")):
        with pytest.raises(CdnetError, match=rf"the disk is full: {tmp_path}/{name} could not be written"):
            make(source, TARGETS["plain"], tmp_path / name, precision)
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 10})())
    with pytest.raises(CdnetError, match=r"the disk is full: net\.xml could not be written"):
        make(source, TARGETS["plain"], tmp_path / "net.xml")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "out", "precision", "said"),
    [
        ("plain", "net.pth", "fp32", "its ending says what is written"),
        ("ultralytics", "net.xml", "fp32", r"ultralytics does not read \.xml; write \.onnx"),
        ("boxmot", "veri-wild.onnx", "fp32", "boxmot takes a file with 'veri' in its name for a network of its own"),
        ("deepstream", "net.onnx", "int8", "deepstream makes its own 8 bits"),
        ("plain", "net.pt2", "int8", r"8 bits are written as \.onnx or \.xml, not as \.pt2"),
        ("plain", "net.safetensors", "int8", r"8 bits are written as \.onnx or \.xml, not as \.safetensors"),
        ("plain", "net.safetensors", "fp32", "weights are written in 16 bits, with --fp16"),
        ("boxmot", "net.safetensors", "fp16", r"boxmot does not read \.safetensors"),
        ("plain", "there.onnx", "fp32", "is there already; name another file, or say --overwrite"),
        ("plain", "there.xml", "fp32", r"there\.bin is there already"),
        ("boxmot", "net.onnx", "fp32", r"net\.onnx\.metadata\.json is there already"),
        ("plain", "there.onnx/new.onnx", "fp32", r"new\.onnx could not be written: "),
    ],
)
def test_what_cannot_be_made_is_told_before_the_work(
    tmp_path: Path, name: str, out: str, precision: Any, said: str
) -> None:
    for there in ("there.onnx", "there.bin", "net.onnx.metadata.json"):
        (tmp_path / there).touch()
    with pytest.raises(CdnetError, match=said):
        check_request(find_target(name), tmp_path / out, precision, overwrite=False)


def test_an_unknown_program() -> None:
    with pytest.raises(CdnetError, match=r"'boxmott' is no program that files are made for \(did you mean boxmot\?\)"):
        find_target("boxmott")


def test_weights_that_cannot_be_loaded(tmp_path: Path) -> None:
    (tmp_path / "net.safetensors").write_bytes(b"cut")
    with pytest.raises(CdnetError, match="cut short or no safetensors file"):
        load_model(tmp_path / "net.safetensors")

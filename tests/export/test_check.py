"""Looking at files: what is right passes, and each of the commonest mistakes is named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import pytest
import torch

from cdnet import CdnetError, load_model
from cdnet.cli import main
from cdnet.evaluate.labels import UNKNOWN, Labels
from cdnet.export.check import check_file, open_for_check
from cdnet.export.feeds import Sample, mistake, rank_feeds, usual_feeds
from cdnet.export.inputs import inside, put_before
from cdnet.export.making import Source, make
from cdnet.export.precision import read_calibration
from cdnet.export.targets import TARGETS
from cdnet.runtime.given import Given
from cdnet.runtime.network import open_network
from cdnet.runtime.preprocessing import Preprocessing
from cdnet.weights import ModelSpec, save_weights

SIZE = (64, 32)  # of the network of conftest.py
NOTHING = Given()


def strangers_file(path: Path, core: onnx.ModelProto, weights: Path, wants: Preprocessing) -> Path:
    """Write the network as somebody else would: it takes ``wants``, and the file says nothing of it."""
    _, spec = load_model(weights)
    model = onnx.ModelProto()
    model.CopyFrom(core)
    put_before(model, inside(wants, Preprocessing(spec.size, "rgb", 1.0, spec.mean, spec.std)))
    onnx.save(model, str(path))
    return path


@pytest.fixture(scope="module")
def source(weights: Path, core: Any) -> Source:
    made = Source(weights)
    made._graphs["fp32"] = core
    return made


@pytest.mark.parametrize(("name", "ending"), [("boxmot", ".onnx"), ("openvino-demo", ".xml")])
def test_our_own_file_passes(tmp_path: Path, weights: Path, source: Source, name: str, ending: str) -> None:
    path = make(source, TARGETS[name], tmp_path / f"net{ending}").path
    report = check_file(open_for_check(path, NOTHING, TARGETS[name]), weights)
    assert report.mistakes == []
    batches = "1, 7, 64" if ending == ".onnx" else "1"
    assert any(f"as PyTorch at {batches} picture(s) at once" in line for line in report.lines)
    assert any("research use only" in line for line in report.lines)


@pytest.mark.parametrize(
    ("wants", "fed_by", "said"),
    [
        (Preprocessing(SIZE, "rgb", 1.0), "boxmot", "the pictures are normalised twice"),
        (usual_feeds(SIZE)[0], "ultralytics", "the pictures are not normalised at all"),
        (Preprocessing(SIZE, "bgr", 255.0), "fast-reid", "the channels are swapped: it wants BGR"),
        (Preprocessing(SIZE, "rgb", 255.0), "ultralytics", "a byte of 255 is to become 255, not 1"),
    ],
)
def test_the_commonest_mistakes_are_named(
    tmp_path: Path, core: Any, weights: Path, wants: Preprocessing, fed_by: str, said: str
) -> None:
    path = strangers_file(tmp_path / "net.onnx", core, weights, wants)
    right = check_file(
        open_for_check(path, Given(None, wants.channels, wants.range, wants.mean, wants.std), None), weights
    )
    assert right.mistakes == []
    wrong = check_file(open_for_check(path, NOTHING, TARGETS[fed_by]), weights)
    assert len(wrong.mistakes) == 1
    assert said in wrong.mistakes[0]


def test_photographs_show_how_a_file_is_fed(tmp_path: Path, core: Any, weights: Path, people: np.ndarray) -> None:
    """With a network that tells these people apart by their very pixels: mirrored, they are near themselves."""
    path = strangers_file(tmp_path / "net.onnx", core, weights, Preprocessing(SIZE, "bgr", 255.0))
    pixels = np.stack([cv2.resize(picture, SIZE[::-1]) for picture in people[:16]])
    # Queries as the right feed sees them, gallery slightly brighter: every person is one picture.
    who = torch.arange(16)
    labels = Labels(who, torch.full_like(who, UNKNOWN), who), Labels(who, torch.full_like(who, UNKNOWN), who + 16)
    sample = Sample(pixels, np.clip(pixels.astype(int) + 4, 0, 255).astype(np.uint8), labels, "16 people")
    ranked = rank_feeds(open_for_check(path, NOTHING, TARGETS["fast-reid"]).file, usual_feeds(SIZE), sample)
    assert len(ranked) == 8
    figures = [one.mAP for one in ranked if one.mAP is not None]
    assert figures == sorted(figures, reverse=True)
    best = next(one for one in ranked if (one.feed.channels, one.feed.range) == ("bgr", 255.0))
    assert best.mAP == pytest.approx(1.0)


def test_a_few_photographs_do_not_overrule_pytorch(
    tmp_path: Path, weights: Path, source: Source, people: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make(source, TARGETS["boxmot"], tmp_path / "net.onnx").path
    opened = open_for_check(path, NOTHING, None)
    pixels = np.stack([cv2.resize(picture, SIZE[::-1]) for picture in people[:16]])
    who = torch.arange(16) // 4
    labels = Labels(who, torch.full_like(who, UNKNOWN), torch.arange(16))
    sample = Sample(pixels, pixels, (labels, labels), "16 pictures")
    best = rank_feeds(opened.file, usual_feeds(SIZE), sample)[0]
    assert best.feed != opened.said
    monkeypatch.setattr("cdnet.export.verdict.COSTS", -1.0)
    monkeypatch.setattr("cdnet.export.verdict.KNOWS", 0.0)
    assert check_file(opened, None, sample).mistakes
    report = check_file(opened, weights, sample)
    assert report.mistakes == []
    assert report.lines[-1].startswith("the comparison with PyTorch decides")


def test_mistakes_in_words() -> None:
    imagenet, one, half, whole, *_, bgr_whole = usual_feeds(SIZE)
    assert mistake(imagenet, imagenet) == ""
    assert "twice" in mistake(imagenet, one)
    assert "twice" in mistake(half, one)
    assert "not normalised at all" in mistake(whole, imagenet)
    assert mistake(imagenet, half) == "mean and deviation are others"
    assert mistake(whole, bgr_whole) == "the channels are swapped: it wants BGR"


def test_a_fixed_batch_and_a_free_size_are_told(tmp_path: Path, core: Any) -> None:
    model = onnx.ModelProto()
    model.CopyFrom(core)
    sides = model.graph.input[0].type.tensor_type.shape.dim
    sides[0].dim_value, sides[2].dim_param = 3, "height"
    del model.graph.output[0].type.tensor_type.shape.dim[:]
    onnx.save(model, str(tmp_path / "net.onnx"))
    with pytest.raises(CdnetError, match=r"give --input\.size"):
        open_for_check(tmp_path / "net.onnx", NOTHING, None)
    report = check_file(open_for_check(tmp_path / "net.onnx", Given("64x32"), TARGETS["fast-reid"]))
    assert "fast-reid gives several pictures at once, and its batch is fixed to 3" in report.mistakes
    # BoxMOT and ultralytics fill up the batch of an ONNX file themselves.
    report = check_file(open_for_check(tmp_path / "net.onnx", Given("64x32"), TARGETS["boxmot"]))
    assert report.mistakes == ["its size is free, and boxmot would choose one by itself; fix it in the file"]
    assert any("its batch is fixed" in line and "3 by 3" in line for line in report.lines)


def test_another_networks_weights(tmp_path: Path, source: Source) -> None:
    path = make(source, TARGETS["plain"], tmp_path / "net.onnx").path
    torch.manual_seed(1)
    spec = ModelSpec(source.spec.genotype, 0.25, size=SIZE)
    save_weights(tmp_path / "other.safetensors", spec.build(), spec)
    report = check_file(open_for_check(path, NOTHING, None), tmp_path / "other.safetensors")
    assert any("made from other weights" in line for line in report.lines)
    assert "no usual input gives what" in report.mistakes[0]
    larger = ModelSpec(source.spec.genotype, 0.25, size=(128, 64))
    save_weights(tmp_path / "larger.safetensors", larger.build(), larger)
    with pytest.raises(CdnetError, match=r"takes pictures of 64x32, and .* of 128x64; it was not made from these"):
        check_file(open_for_check(path, NOTHING, None), tmp_path / "larger.safetensors")


def _without_metadata(path: Path) -> None:
    model = onnx.load(path)
    del model.metadata_props[:]
    onnx.save(model, str(path))


def _other_metadata(path: Path, text: str) -> None:
    model = onnx.load(path)
    onnx.helper.set_model_props(model, {"cdnet": text})
    onnx.save(model, str(path))


def _unknown_operator(path: Path) -> None:
    model = onnx.load(path)
    model.graph.node[0].op_type = "Convolve"
    onnx.save(model, str(path))


def _changed(path: Path, key: str, value: object) -> None:
    model = onnx.load(path)
    said = json.loads(model.metadata_props[0].value)
    said["input"][key] = value
    _other_metadata(path, json.dumps(said))


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (_without_metadata, r"does not say what its input is to be like; give channels, range"),
        (lambda path: path.write_bytes(path.read_bytes()[:-1000]), "no ONNX file that onnxruntime can run"),
        (_unknown_operator, "no ONNX file that onnxruntime can run .*Convolve"),
        (lambda path: _other_metadata(path, "{"), "its metadata are not those that `cdnet export` writes"),
        (lambda path: _other_metadata(path, '{"format": 2}'), "exported by another version of cdnet"),
        (lambda path: _changed(path, "size", [128, 64]), "takes pictures of 64x32 and its metadata say 128x64"),
        (lambda path: _changed(path, "std", [0, 1, 1]), "no range, mean and deviation"),
        (lambda path: _changed(path, "mean", [float("nan")] * 3), "its metadata are not those"),
        (lambda path: _changed(path, "channels", "grb"), "neither rgb nor bgr"),
        (lambda path: _other_metadata(path, " " * 2**21), "more than the 1,048,576 characters"),
    ],
)
def test_damaged_files_are_refused(tmp_path: Path, source: Source, damage: Any, said: str) -> None:
    path = make(source, TARGETS["plain"], tmp_path / "net.onnx").path
    damage(path)
    with pytest.raises(CdnetError, match=said):
        open_network(path, NOTHING)


def test_a_damaged_ir_is_refused(tmp_path: Path, source: Source) -> None:
    path = make(source, TARGETS["plain"], tmp_path / "net.xml").path
    weights = path.with_suffix(".bin")
    whole = weights.read_bytes()
    weights.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CdnetError, match="no OpenVINO IR, or damaged"):
        open_network(path, NOTHING)
    weights.write_bytes(whole)
    path.write_text(path.read_text("utf-8").replace('type="Convolution"', 'type="Convolve"'), "utf-8")
    with pytest.raises(CdnetError, match="no OpenVINO IR, or damaged"):
        open_network(path, NOTHING)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("net.pt2", b"PK", "reading a .pt2 can run what is in it"),
        ("net.safetensors", b"PK", "neither an .onnx file nor the .xml"),
        ("net.pth", b"PK", "neither an .onnx file nor the .xml"),
        ("gone.onnx", None, "no such file"),
        ("cut.onnx", b"\x08\x08", "no ONNX file that onnxruntime can run"),
        ("alone.xml", b"<net/>", "do not lie beside it"),
    ],
)
def test_what_is_no_file_to_check(tmp_path: Path, name: str, content: bytes | None, said: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(CdnetError, match=said):
        open_for_check(tmp_path / name, NOTHING, None)


def test_calibration_folders(tmp_path: Path, people: np.ndarray) -> None:
    with pytest.raises(CdnetError, match="no such folder"):
        read_calibration(tmp_path / "gone", SIZE)
    cv2.imwrite(str(tmp_path / "one.png"), people[0])
    with pytest.raises(CdnetError, match=r"has 1 picture\(s\); 8 bits need at least 32"):
        read_calibration(tmp_path, SIZE)
    for number in range(40):
        cv2.imwrite(str(tmp_path / f"{number}.png"), people[0])
    with pytest.raises(CdnetError, match="fewer than 32 different pictures"):
        read_calibration(tmp_path, SIZE)
    for number, picture in enumerate(people):
        cv2.imwrite(str(tmp_path / f"{number}.png"), picture[..., ::-1])
    found = read_calibration(tmp_path, SIZE)
    assert (found.shape, found.dtype) == ((65, *SIZE, 3), np.uint8)
    (tmp_path / "0.png").write_bytes(b"no picture")
    with pytest.raises(CdnetError, match=r"0\.png: .*take it away"):
        read_calibration(tmp_path, SIZE)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["export", "cdnet-x0.25-market1501"], "no file to write"),
        (["export", "nobody", "--out", "net.onnx"], "no such weights"),
        (["export", "cdnet-x0.25-market1501", "--out", "net.onnx", "--int8"], "--int8 and --calibrate go together"),
        (["export", "cdnet-x0.25-market1501", "--out", "net.onnx", "--for", "boxmottt"], "did you mean boxmot"),
        (["export", "cdnet-x0.25-market1501", "--out", "net.txt"], "its ending says what is written"),
        (["check", "net.onnx"], "no such file"),
        (["bench", "export", "--out", "a.csv"], "needs --out and --calibrate"),
        (["bench", "export", "--out", "a.csv", "--calibrate", "."], "give --data.root with it alone"),
    ],
)
def test_command_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(words) != 0
    output = capsys.readouterr().err
    assert said in output
    assert output.count("\n") == 1
    assert list(tmp_path.iterdir()) == []

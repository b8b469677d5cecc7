"""mAP of files: what they cost is measured, refused when it is too much, and gathered in a table that is resumed."""

from __future__ import annotations

import csv
import dataclasses
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import pytest
import torch
from safetensors.torch import load_file

from cdnet import CdnetError, load_model
from cdnet.bench import export as bench
from cdnet.cli import main
from cdnet.data.layout import read_data
from cdnet.data.recipe import DataRecipe
from cdnet.draft_folder import draft_folder
from cdnet.errors import DiskFullError
from cdnet.export import making
from cdnet.export.files import open_file
from cdnet.export.making import Source, make
from cdnet.export.measure import Measurement
from cdnet.export.targets import TARGETS


@pytest.fixture
def source(weights: Path, core: Any) -> Source:
    made = Source(weights)
    made._graphs["fp32"] = core
    return made


@pytest.fixture
def measurement(tmp_path: Path, crowd: Path, source: Source) -> Measurement:
    recipe = DataRecipe(crowd, cache=tmp_path / "cache")
    return Measurement(source, TARGETS["ultralytics"], recipe, 0.5, lambda items, *_: items)


def test_both_are_measured(tmp_path: Path, source: Source, measurement: Measurement) -> None:
    source.measured = measurement.of_weights()
    made = make(source, TARGETS["ultralytics"], tmp_path / "net.onnx", further=measurement.further("fp32"))
    reached = f"mAP {100 * measurement.by_weights.mAP:.2f}"
    assert measurement.lines[0].count(reached) == 2
    assert made.said.facts["mAP"] == measurement.by_weights.mAP
    assert made.said.facts["mAP_on"] == "market1501"


@pytest.mark.parametrize(
    ("precision", "said"), [("int8", "8 bits cost .* more than --int8-loss 0.5"), ("fp32", "its mAP is")]
)
def test_a_file_that_loses_is_not_left(
    tmp_path: Path, source: Source, measurement: Measurement, precision: str, said: str
) -> None:
    measurement.by_weights = dataclasses.replace(measurement.by_weights, mAP=measurement.by_weights.mAP + 0.01)
    with pytest.raises(CdnetError, match=rf"net\.onnx is not left behind: {said}"):
        make(source, TARGETS["ultralytics"], tmp_path / "net.onnx", further=measurement.further(precision))
    assert not (tmp_path / "net.onnx").exists()
    measurement.int8_loss = 1.1
    if precision == "int8":
        make(source, TARGETS["ultralytics"], tmp_path / "net.onnx", further=measurement.further(precision))
        assert measurement.lines[-1] == "8 bits cost 1.00 of mAP"


def raising(error: CdnetError) -> Callable[..., object]:
    def fail(*_: object) -> object:
        raise error

    return fail


def test_the_table_is_resumed(
    tmp_path: Path, source: Source, measurement: Measurement, monkeypatch: pytest.MonkeyPatch
) -> None:
    every = [form for form in bench.forms() if form.precision == "fp32"]
    endings = [form.ending for form in every]
    assert {ending: endings.count(ending) for ending in endings} == {
        ".safetensors": 1,
        ".onnx": 6,
        ".xml": 4,
        ".pt2": 2,
    }
    some = [every[0], *(form for form in every if form.target.name in ("fast-reid", "openvino-demo"))]
    monkeypatch.setattr(bench, "forms", lambda *_: some)
    monkeypatch.setattr(bench, "ROUNDS", {1: 2, 32: 2})
    out = tmp_path / "export.csv"

    def rows(deadline: float, *measures: str) -> Iterator[dict[str, Any]]:
        pictures = measurement.pictures if "mAP" in measures else None
        return bench.bench_export("small", source, pictures, "drawn", out, deadline, measures)

    assert list(rows(0, "mAP", "times")) == []
    first = next(rows(float("inf"), "mAP", "times"))
    assert first["runtime"] == "pytorch"
    timed = list(rows(float("inf"), "times"))
    assert [(row["mAP"], float(row["ms_1"]) > 0) for row in timed] == [("", True), ("", True)]
    ranked = list(rows(float("inf"), "mAP", "times"))
    assert [(row["ms_1"], row["hardware"]) for row in ranked] == [(row["ms_1"], row["hardware"]) for row in timed]
    assert list(rows(float("inf"), "mAP", "times")) == []
    read = list(csv.DictReader(out.open(encoding="utf-8")))
    assert [row["for"] for row in read] == ["plain", "openvino-demo", "fast-reid"]
    assert [row["note"] for row in read] == ["", "", ""]
    # The network's own features of pictures by its own resizing, and the same pictures as fast-reid resizes them.
    assert float(read[0]["mAP"]) == pytest.approx(measurement.by_weights.mAP, abs=1e-6)
    assert all(abs(float(row["mAP"]) - float(read[0]["mAP"])) < 0.1 for row in read)
    assert (read[1]["ms_32"], float(read[1]["ms_1"]) > 0) == ("", True)
    assert [path.name for path in tmp_path.iterdir() if "cache" not in path.name] == ["export.csv"]
    # A full disk says nothing of a form, whose row is measured when there is room.
    out.unlink()
    with monkeypatch.context() as broken:
        broken.setattr(bench, "_measured", raising(DiskFullError("the disk is full")))
        with pytest.raises(DiskFullError):
            list(rows(float("inf"), "times"))
        assert not out.exists()
        broken.setattr(bench, "_measured", raising(CdnetError("it differs")))
        assert [row["note"] for row in rows(float("inf"), "times")] == ["it differs"] * 3
        with draft_folder(out), pytest.raises(CdnetError, match="another process is making"):
            list(rows(float("inf"), "times"))
    out.write_text("other,table\n1,2\n", "utf-8")
    with pytest.raises(CdnetError, match="no table of `cdnet bench export`"):
        bench.read_rows(out)


def test_what_is_no_table_of_forms_is_refused(tmp_path: Path) -> None:
    out = tmp_path / "export.csv"
    for damaged in (b"\xff", b"a" * 200_000, (",".join(bench.FIELDS) + "\n1,2\n").encode()):
        out.write_bytes(damaged)
        with pytest.raises(CdnetError, match="no table of"):
            bench.read_rows(out)
    out.unlink()
    os.mkfifo(out)
    with pytest.raises(CdnetError, match="a pipe or a device"):
        bench.read_rows(out)


def test_from_the_command_line(
    tmp_path: Path,
    weights: Path,
    core: onnx.ModelProto,
    crowd: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(making, "to_onnx", lambda *_: core)  # which takes half a minute
    out, data = tmp_path / "net.onnx", ["--data.root", str(crowd), "--data.cache", str(tmp_path / "cache")]
    assert main(["export", str(weights), "--for", "fast-reid", "--out", str(out), *data]) == 0
    said = capsys.readouterr().out
    assert "as PyTorch at 1, 7, 64 picture(s) at once" in said
    assert f"on market1501, {len(read_data(crowd).query)} queries: PyTorch mAP" in said
    assert main(["export", str(weights), "--for", "fast-reid", "--out", str(out)]) == 1
    assert "is there already" in capsys.readouterr().err
    assert main(["check", str(out), "--weights", str(weights), "--for", "fast-reid"]) == 0
    assert "as PyTorch at 1, 7, 64" in capsys.readouterr().out
    assert main(["check", str(out), "--weights", str(weights), "--for", "boxmot"]) == 1
    assert "normalised twice" in capsys.readouterr().err
    assert main(["evaluate", str(out), *data]) == 0  # without --input.*
    figures = capsys.readouterr().out
    assert main(["evaluate", str(weights), *data]) == 0
    assert figures.splitlines()[1:] == capsys.readouterr().out.splitlines()[1:]


def test_weights_in_16_bits_from_the_command_line(
    tmp_path: Path, weights: Path, market: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # A network that was never trained finds strangers all but equally near: what rounding does to its mAP is chance.
    monkeypatch.setattr("cdnet.export.measure.NEAR", 10.0)
    out, data = tmp_path / "half.safetensors", ["--data.root", str(market), "--data.cache", str(tmp_path / "cache")]
    assert main(["export", str(weights), "--fp16", "--out", str(out), *data]) == 0
    said = capsys.readouterr().out
    assert "half.safetensors: fp16 for plain" in said
    assert "as PyTorch at 1, 7, 64 picture(s) at once: largest difference" in said
    assert re.search(r"on market1501, \d+ queries: PyTorch mAP", said)
    assert "half.safetensors mAP" in said
    tensors, before = load_file(out), load_file(weights)
    kernels = {name for name, tensor in before.items() if tensor.ndim == 4}
    assert {name for name, tensor in tensors.items() if tensor.dtype == torch.float16} == kernels
    assert all(torch.equal(tensors[name], before[name].half() if name in kernels else before[name]) for name in before)
    assert load_model(out)[1] == load_model(weights)[1]
    # What is exported is not put in its own place: its 32 bits would be lost.
    content = out.read_bytes()
    assert main(["export", str(out), "--fp16", "--out", str(out), "--overwrite"]) == 1
    assert "is what is read, or a part of it, and would be lost; name another file to write" in capsys.readouterr().err
    assert out.read_bytes() == content


def test_calibration_from_the_command_line(tmp_path: Path, weights: Path, people: np.ndarray) -> None:
    cv2.imwrite(str(tmp_path / "one.png"), people[0])
    words = ["export", str(weights), "--out", str(tmp_path / "net.onnx"), "--int8", "--calibrate", str(tmp_path)]
    assert main(words) == 2  # what it costs could not be said
    assert main([*words, "--data.root", str(tmp_path)]) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["one.png"]


def test_an_open_file_of_either_kind(tmp_path: Path, source: Source) -> None:
    made = make(source, TARGETS["plain"], tmp_path / "net.xml")
    assert open_file(made.path).size == source.spec.size

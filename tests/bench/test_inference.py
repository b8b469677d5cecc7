"""What `cdnet bench inference` says of networks: its rows by hand, its MACs by a second count, and peers of its own."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from cdnet.bench import inference
from cdnet.bench.entrants import Entrant, our_entrant, peer_entrants
from cdnet.bench.inference import LIMIT, WHAT, count_operations
from cdnet.bench.lanes import Lane, lanes_of, passes
from cdnet.bench.limit import MACS, PASSES
from cdnet.bench.ready import count_macs, in_openvino, in_torch, made_ready
from cdnet.bench.turns import Timing
from cdnet.cli import main
from cdnet.errors import CdnetError
from cdnet.nn.counts import count
from cdnet.nn.model import create_model
from cdnet.runtime.graph import export_graph

CHECKOUT = """
from torch import nn

class Small(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, stride=2)

    def forward(self, x):
        return self.conv(x).mean((2, 3))

def osnet_x0_25(num_classes, pretrained):
    assert not pretrained
    return Small()
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    for name, text in (("metrics/distance.py", ""), ("models/osnet.py", CHECKOUT)):
        (tmp_path / "torchreid" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "torchreid" / name).write_text(text)
    return tmp_path


def entrant(name: str, ours: bool, macs: int | None = 10**6) -> Entrant:
    return Entrant(name, 1, (64, 32), macs, "", ours)


def test_rows_are_of_the_same_runtime_and_of_the_faster_layout(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seconds of a turn are written down here; milliseconds a picture and ratios follow by hand."""
    ours, osnet, file = entrant("a", True), entrant("b", False), entrant("c", False)
    seconds = {
        Lane(ours, "torch"): 0.32,
        Lane(ours, "openvino"): 0.16,
        Lane(osnet, "torch", "channels last"): 0.96,
        Lane(osnet, "torch", "channels first"): 0.64,
        Lane(osnet, "openvino"): 0.24,
        Lane(file, "openvino"): 0.08,
    }
    rate = 1e9  # MACs a second in openvino, half of it in torch
    limits = {"openvino": PASSES * MACS / rate, "torch": 2 * PASSES * MACS / rate}
    found = {lane.as_text(): value for lane, value in seconds.items()} | limits
    monkeypatch.setattr(inference, "lanes_of", lambda who, *_: {lane: None for lane in seconds if lane.entrant is who})
    monkeypatch.setattr(inference, "limit_runs", lambda *_: dict.fromkeys(limits))
    monkeypatch.setattr(inference, "in_turns", lambda *_: {key: Timing((v,) * 3, None) for key, v in found.items()})
    rows = inference._rows([ours], [osnet, file], 4, ["torch", "openvino"], 3, "cpu")
    said = [(row["what"], row["runtime"], row["ours"], row["peer"], row["ratio"], row["against"]) for row in rows]
    # 32 pictures a turn: 0.32 s are 10 ms a picture; a million MACs at a billion a second are 1 ms.
    wanted = [
        (WHAT, "torch", 10, 20, 2, "b in torch, channels first"),
        (LIMIT, "torch", 10, 1, 0.1, "its 1.0 M MACs at 1.0 G a second, as a large 1x1 convolution in openvino"),
        (WHAT, "openvino", 5, 7.5, 1.5, "b in openvino"),
        (WHAT, "openvino", 5, 2.5, 0.5, "c in openvino"),
        (WHAT, "openvino", 5, 20, 4, "b in torch, channels first"),
        (LIMIT, "openvino", 5, 1, 0.2, "its 1.0 M MACs at 1.0 G a second, as a large 1x1 convolution in openvino"),
    ]
    for row, expected in zip(said, wanted, strict=True):
        assert row[:2] == expected[:2]
        assert row[2:5] == pytest.approx(expected[2:5])
        assert row[5] == expected[5]
    assert (rows[0]["network"], rows[0]["peer_network"], rows[0]["batch"]) == ("a", "b", 4)


def test_a_turn_has_as_many_pictures_whatever_the_batch() -> None:
    assert [passes(batch) * batch for batch in (1, 8, 32, 64)] == [32, 32, 32, 64]
    calls: list[str] = []

    def prepare() -> object:
        calls.append("ready")
        return lambda: calls.append("pass")

    run = made_ready(prepare, 2)  # type: ignore[arg-type]
    run(0)
    run(1)
    assert calls == ["ready"] + 5 * ["pass"]


@pytest.mark.parametrize(("name", "neck"), [("cdnet", "fblneck"), ("resnet50", "bnneck")])
def test_a_file_has_the_macs_of_the_network_that_it_is_of(name: str, neck: str) -> None:
    pytest.importorskip("openvino")
    model = create_model(name, 0.25, neck).eval()
    graph = export_graph(model, torch.zeros(2, 3, 64, 32))
    assert count_macs(graph, (64, 32)) == count(model, 64, 32).macs


def test_a_runtime_computes_what_pytorch_does() -> None:
    pytest.importorskip("openvino")
    pytest.importorskip("onnxruntime")
    who = our_entrant("cdnet", 0.25, (64, 32))
    assert who.module is not None
    given = torch.randn(2, 3, 64, 32)
    wanted = in_torch(who.module, given, True)()
    assert wanted.shape == (2, 384)
    found = in_openvino(export_graph(who.module, given), given.numpy(), "f32")()
    assert np.allclose(found, wanted, atol=1e-4 * np.abs(wanted).max())
    runs = lanes_of(who, 2, ["torch", "onnxruntime", "openvino", "openvino-bf16"], "cpu")
    for run in runs.values():
        run(0)  # compares


def test_what_computes_something_else_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("onnxruntime")
    who = our_entrant("cdnet", 0.25, (64, 32))
    other = our_entrant("osnet", 0.25, (64, 32))
    monkeypatch.setattr("cdnet.bench.lanes.export_graph", lambda _, given: export_graph(other.module, given))  # type: ignore[arg-type]
    (run,) = lanes_of(who, 1, ["onnxruntime"], "cpu").values()
    with pytest.raises(CdnetError, match=r"cdnet x0\.25 in onnxruntime gives features that differ"):
        run(0)


def test_calls_are_counted_one_by_one() -> None:
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten())  # convolution, ReLU, and a view
    assert count_operations(module.eval(), torch.zeros(1, 3, 8, 8)) == 3


def test_the_command_times_a_checkout_and_files(
    tmp_path: Path, checkout: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("onnxruntime")
    for module in ("lanes", "inference"):
        monkeypatch.setattr(f"cdnet.bench.{module}.A_TURN", 2)  # for the time that the test takes
    peer, wide = tmp_path / "peer.onnx", tmp_path / "wide.onnx"
    for path, size in ((peer, (64, 32)), (wide, (32, 64))):
        path.write_bytes(export_graph(nn.Sequential(nn.Conv2d(3, 2, 1), nn.Flatten()), torch.zeros(2, 3, *size)))
    words = ["bench", "inference", "cdnet", "--widths", "0.25", "--sizes", "64x32", "--batches", "1", "2"]
    words += ["--runtimes", "torch", "onnxruntime", "--rounds", "3", "--json", str(tmp_path / "rows.json")]
    assert main([*words, "--peer", f"torchreid={checkout}", f"narrow={peer}", f"wide={wide}"]) == 0
    said = capsys.readouterr()
    assert "wide is left out at 64x32: it takes pictures of 32x64" in said.err
    assert "narrow is left out of onnxruntime at batch 1" in said.err
    rows = [row for row in json.loads((tmp_path / "rows.json").read_text()) if row["what"] == WHAT]
    found = [(row["batch"], row["runtime"], row["peer_network"], row["peer_runtime"]) for row in rows]
    osnet = "torchreid's osnet_x0_25"
    assert found == [
        (1, "torch", osnet, "torch"),
        (1, "onnxruntime", osnet, "onnxruntime"),
        (1, "onnxruntime", osnet, "torch"),
        (2, "torch", osnet, "torch"),
        (2, "onnxruntime", osnet, "onnxruntime"),
        (2, "onnxruntime", "narrow", "onnxruntime"),
        (2, "onnxruntime", osnet, "torch"),
    ]
    assert {row["macs"] for row in rows} == {count(create_model("cdnet", 0.25).eval(), 64, 32).macs}
    assert {row["peer_macs"] for row in rows if row["peer_network"] == osnet} == {4 * 27 * 31 * 15}
    assert all(row["ratio"] > 0 and row["ours"] > 0 for row in rows)


def test_what_cannot_be_timed_is_said(tmp_path: Path, checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert peer_entrants({"torchreid": checkout}, 0.3, (64, 32))[1] == [
        "torchreid is left out at width 0.3: it has OSNet at 1, 0.75, 0.5, 0.25"
    ]
    text = tmp_path / "peer.txt"
    text.write_text("")
    for words, said in (
        (["--batches", "0"], "batches of 1 to 4,096"),
        (["--peer", f"other={text}"], "neither an .onnx file nor the .xml"),
        (["nothing"], "nothing"),
        (["--peer", f"cdnet={text}"], "both called cdnet"),
    ):
        assert main(["bench", "inference", "--sizes", "64x32", *words]) in (1, 2)
        assert said in capsys.readouterr().err

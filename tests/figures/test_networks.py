"""mAP against cost: which time belongs to which accuracy, what is drawn where, and what is refused."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from cdnet.cli import main
from cdnet.errors import CdnetError
from cdnet.figures.network_costs import COLUMNS, NetworkCost, Time, cost_table, read_costs
from cdnet.figures.networks import draw_networks

REPOSITORY = Path(__file__).parents[2]
EVALUATED = ("evaluation.json", "retail.json")


def row(network: str, runtime: str, ms: float, batch: int = 1, sha256: str = "", peer: Any = None) -> dict[str, Any]:
    own = {"network": network, "runtime": runtime, "batch": batch, "size": [128, 64], "macs": 2e7, "sha256": sha256}
    found = {"what": "inference", "ours": ms, "peer": None, **own}
    if peer:
        theirs = {"runtime": runtime, "batch": batch, "size": [256, 128]}
        theirs |= {"network": "their net", "macs": 9e8, "sha256": "d1"}
        found |= {"peer": peer, **{f"peer_{key}": value for key, value in theirs.items()}}
    return found


def evaluation(weights: str, mean_ap: float, **more: Any) -> dict[str, Any]:
    plain = {"weights": weights, "mAP": mean_ap, "rank1": 0.9, "flip": False, "rerank": None, "data": "market1501"}
    return plain | more


@pytest.fixture
def write(tmp_path: Path) -> Any:
    def written(name: str, content: Any) -> Path:
        path = tmp_path / name
        if name.endswith(".csv"):
            with path.open("w", newline="") as file:
                csv.writer(file).writerows([COLUMNS, *content])
        else:
            path.write_text(json.dumps(content))
        return path

    return written


def test_the_fastest_in_32_bits_counts_and_files_are_told_by_their_digest(write: Any) -> None:
    rows = [
        row("small", "torch", 3.0),
        row("small", "openvino", 2.0, peer=5.0),
        row("small", "openvino-bf16", 1.0, peer=4.0),
        row("small", "openvino", 1.5, batch=32),
        {"what": "inference beside the machine's limit", "ours": 0.1},
    ]
    files = [
        write("rows.json", rows),
        write("ours.json", [evaluation("small", 0.7), evaluation("small", 0.8, flip=True)]),
        write("theirs.json", evaluation("/far/away/file.xml", 0.8, sha256="d1", input={})),
        write("untimed.json", evaluation("other.onnx", 0.6, sha256="d2", input={})),
        write(
            "published.csv", [("big", "small", "128x64", "", "", "75", "a book"), ("lone", "", "", "", "", "50", "b")]
        ),
    ]
    found = read_costs(files)
    assert [(cost.name, cost.ours, cost.mean_ap, cost.macs, cost.source) for cost in found] == [
        ("their net", False, 0.8, 9e8, ""),
        ("big", False, 0.75, 2e7, "a book"),
        ("small", True, 0.7, 2e7, ""),
        ("other.onnx", False, 0.6, None, ""),
        ("lone", False, 0.5, None, "b"),
    ]
    assert found[2].times == {1: Time(2.0, "openvino", 1), 32: Time(1.5, "openvino", 32)}
    assert found[0].times == {1: Time(5.0, "openvino", 1)}
    assert read_costs(files, "openvino-bf16")[0].times == {1: Time(4.0, "openvino-bf16", 1)}
    lines = cost_table(found).splitlines()
    assert lines[0].split(" | ")[3:5] == ["ms, batch 1", "ms, batch 32"]
    assert lines[4] == "| small | 128x64 | 20.0 | 2 | 1.5 | openvino | 90.0 | 70.0 | measured here |"


def test_what_does_not_belong_together_is_refused(write: Any) -> None:
    rows = write("rows.json", [row("a", "torch", 1.0, sha256="d1")])
    cases = [
        ([rows, write("other.json", [row("b", "torch", 1.0)])], "both have times"),
        ([rows, write("x.json", evaluation("a", 0.5, sha256="d2"))], "is two different files"),
        ([write("y.json", [evaluation("a", 0.5), evaluation("b", 0.5, data="veri")])], "of market1501 and veri"),
        ([write("z.json", [evaluation("a", 0.5), evaluation("a", 0.6)])], "a is there twice"),
        ([rows], "no mAP in these files"),
        ([write("flip.json", evaluation("a", 0.5, flip=True))], "neither what"),
        ([write("per-cent.json", evaluation("a", 50))], "neither what"),
        ([write("no-row.json", [{"what": "inference", "ours": -1}])], "neither what"),
        ([write("no-source.csv", [("a", "", "", "", "", "50", "")])], "no table of published figures"),
        ([write("data.json", evaluation("a", 0.5, data=["market1501"]))], "neither what"),
        ([write("batch.json", [row("a", "torch", 1.0, batch=1e300)])], "neither what"),
        ([write("height.json", [row("a", "torch", 1.0) | {"size": ["\x1b[31m", 64]}])], "neither what"),
        ([write("rank.csv", [("a", "", "", "", "130", "50", "b")])], "no table of published figures"),
        ([write("gone.json", {}).with_name("nowhere.json")], "could not be read"),
    ]
    for files, said in cases:
        with pytest.raises(CdnetError, match=said):
            read_costs(files)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    for name in ("a.csv", "a.json"):
        os.mkfifo(tmp_path / name)
        with pytest.raises(CdnetError):
            read_costs([tmp_path / name])


def test_points_stand_where_their_cost_is_on_log_axes() -> None:
    ours = NetworkCost("a", "", True, 0.5, None, 1e7, {1: Time(2.0, "torch", 1)})
    theirs = NetworkCost("b", "", False, 0.8, 0.9, 1e9, {32: Time(3.0, "torch", 32)}, "a book")
    drawn = draw_networks([ours, theirs], 1)
    time, macs = drawn.figure.axes
    assert (time.get_xscale(), macs.get_xscale()) == ("log", "log")
    assert [line.get_xydata().tolist() for line in time.lines] == [[[2.0, 50.0]]]  # type: ignore[union-attr]
    assert [line.get_xydata().tolist() for line in macs.lines] == [[[10.0, 50.0]], [[1000.0, 80.0]]]  # type: ignore[union-attr]
    assert [line.get_markerfacecolor() == "none" for line in macs.lines] == [False, True]
    assert "b: mAP 80.0 % as published, 1,000.0 M MACs" in drawn.about
    with pytest.raises(CdnetError, match="neither milliseconds nor MACs"):
        draw_networks([NetworkCost("a", "", True, 0.5, None, None)], 1)


def test_names_do_not_cover_each_other() -> None:
    costs = [NetworkCost(f"network {n}", "", True, 0.80 + 0.004 * n, None, 1e8 * (1 + 0.1 * n)) for n in range(6)]
    (ax,) = draw_networks(costs, 1).figure.axes
    boxes = [text.get_window_extent() for text in ax.texts]
    assert len(boxes) == 6
    for number, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[number + 1 :])


def test_ours_stand_out_and_what_is_published_stays_to_be_seen_around_them() -> None:
    ours = NetworkCost("ours", "", True, 0.80, None, 66e6)
    theirs = NetworkCost("theirs", "", False, 0.80, None, 66e6, source="a book")
    (ax,) = draw_networks([ours, theirs], 1).figure.axes
    dot, square = ax.lines
    assert square.get_markersize() > dot.get_markersize() + 1  # type: ignore[union-attr]
    assert dot.get_zorder() > square.get_zorder()
    assert {text.get_text(): text.get_weight() for text in ax.texts} == {"ours": "bold", "theirs": "normal"}


def test_the_names_of_what_ships_and_is_published_can_be_read(write: Any) -> None:
    """With times that are made up as the MACs to the power of 0.6: the real ones are another file's."""
    shipped = [f"cdnet-x{width}-market1501" for width in ("0.25", "0.5", "1.0")]
    rows = [row(name, "torch", 4**number) | {"macs": 2e7 * 4**number} for number, name in enumerate(shipped)]
    published = list(csv.DictReader((REPOSITORY / "results/published-networks.csv").open(encoding="utf-8")))
    for entry in published:
        if entry["timed_as"]:
            height, width = map(int, entry["size"].split("x"))
            macs = 1e6 * float(entry["million_macs"])
            timed = row(entry["timed_as"], "torch", (macs / 2e7) ** 0.6)
            rows.append(timed | {"size": [height, width], "macs": macs})
    files = [write("rows.json", rows), *(REPOSITORY / "results" / name for name in EVALUATED)]
    drawn = draw_networks(read_costs([*files, REPOSITORY / "results/published-networks.csv"]), 1)
    for ax in drawn.figure.axes:
        boxes = [text.get_window_extent() for text in ax.texts]
        assert len(boxes) >= 11
        frame = ax.get_window_extent()
        for number, box in enumerate(boxes):
            assert not any(box.overlaps(other) for other in boxes[number + 1 :]), ax.texts[number].get_text()
            assert frame.contains(box.x0, box.y0), ax.texts[number].get_text()
            assert frame.contains(box.x1, box.y1), ax.texts[number].get_text()


def test_a_network_whose_cost_is_not_known_is_named(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", logger="cdnet"):
        draw_networks(
            [NetworkCost("here", "", True, 0.8, None, 1e7), NetworkCost("lost", "", False, 0.9, None, None)], 1
        )
    assert "in the table alone, for neither their time nor their MACs are known: lost" in caplog.text


def test_the_command_draws_and_prints_the_table(tmp_path: Path, write: Any, capsys: pytest.CaptureFixture[str]) -> None:
    rows = write("rows.json", [row("cdnet-x0.25-market1501", "torch", 1.25)])
    files = [str(rows), *(str(REPOSITORY / "results" / name) for name in ("evaluation.json", "published-networks.csv"))]
    out, table = tmp_path / "networks.svg", tmp_path / "networks.md"
    assert main(["figure", "networks", *files, "--out", str(out), "--table", str(table)]) == 0
    assert ElementTree.parse(out).getroot().tag.endswith("svg")
    written = table.read_text()
    assert "| cdnet-x0.25-market1501 | 128x64 | 20.0 | 1.25 | torch | 88.5 | 74.0 | measured here |" in written
    assert written in capsys.readouterr().out

"""The framework of the benchmarks: turns, memory, rows, and peers that are loaded from a checkout."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from cdnet.bench.memory import watch_memory
from cdnet.bench.peers import Torchreid, named_peers
from cdnet.bench.people import OF_ONE, draw, parse_sizes
from cdnet.bench.rows import plain_row, table, timed_row
from cdnet.bench.turns import Timing, in_turns
from cdnet.cli import main
from cdnet.errors import CdnetError
from cdnet.evaluate.ranking import evaluate_ranking

DISTANCES = """
import torch

def compute_distance_matrix(a, b, metric):
    return torch.cdist(a, b) ** 2
"""


def checkout(folder: Path, rerank: str) -> Path:
    for name, text in (("metrics/distance.py", DISTANCES), ("utils/rerank.py", rerank)):
        (folder / "torchreid" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "torchreid" / name).write_text(text)
    return folder


def test_all_take_turns_and_the_first_round_does_not_count() -> None:
    calls: list[tuple[str, int]] = []
    found = in_turns({name: lambda number, name=name: calls.append((name, number)) for name in "ab"}, 2)  # type: ignore[misc]
    assert calls == [("a", 0), ("b", 0), ("a", 1), ("b", 1), ("a", 2), ("b", 2)]
    assert {name: len(timing.seconds) for name, timing in found.items()} == {"a": 2, "b": 2}


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not say it")
def test_memory_that_is_given_back_is_seen_at_its_peak() -> None:
    with watch_memory() as memory:
        np.ones(200 << 20, np.uint8)
    assert memory.bytes is not None
    assert 150 << 20 <= memory.bytes < 300 << 20  # the system counts in lumps, of many cores in large ones


def test_rows_take_ratios_round_by_round() -> None:
    row = timed_row("a", "b", Timing((1.0, 2.0, 4.0), 0), Timing((2.0, 8.0, 4.0), 0), "ms", "c", scale=1e3)
    assert (row["ours"], row["peer"], row["ratio"]) == (2000, 4000, 2)
    assert (row["low"], row["high"]) == (1.5, 3)
    rate = timed_row("a", "b", Timing((1.0, 2.0, 4.0), 0), Timing((2.0, 8.0, 4.0), 0), "images/s", rate=8)
    assert (rate["ours"], rate["peer"], rate["ratio"]) == (4, 2, 2)
    alone = timed_row("alone", "b", Timing((1.0, 2.0, 4.0), 0), None, "s")
    assert (alone["peer"], alone["ratio"]) == (None, None)
    lines = table([row, alone, plain_row("d", "e", 1.0, 3.0, "MiB")]).splitlines()
    assert len(lines) == 4
    assert [line.split()[0] for line in lines] == ["what", "a", "alone", "d"]
    assert "2.00 (1.50 to 3.00)" in lines[1]


def test_peers_are_names_and_paths(tmp_path: Path) -> None:
    assert named_peers([f"a={tmp_path}", "b=."]) == {"a": tmp_path, "b": Path()}
    for words, said in (
        (["torchreid"], "NAME=PATH"),
        ([f"={tmp_path}"], "NAME=PATH"),
        ([f"other={tmp_path}"], "no peer other is known"),
        (["torchreid=nowhere"], "nowhere: no such file"),
        ([f"torchreid={tmp_path}"] * 2, "twice"),
    ):
        with pytest.raises(CdnetError, match=said):
            named_peers(words, ["torchreid"])


def test_a_checkout_without_what_is_needed_is_told(tmp_path: Path) -> None:
    with pytest.raises(CdnetError, match="give the folder of torchreid's checkout"):
        Torchreid(tmp_path)
    peer = Torchreid(checkout(tmp_path, "import nothing_of_that_name"))
    with pytest.raises(CdnetError, match="Cython is not built"):
        peer.evaluate_cython()
    with pytest.raises(CdnetError, match=r"rerank\.py could not be loaded: No module named"):
        peer.load("utils/rerank.py")
    with pytest.raises(CdnetError, match="could not be loaded"):
        peer.load("utils/other.py")


def test_drawn_persons_are_as_many_as_the_gallery_says_and_can_be_told_apart() -> None:
    drawn = draw((40, OF_ONE * 20, 64))
    assert set(drawn.query.identities.tolist()) == set(range(20))
    found = evaluate_ranking(drawn.query_features, drawn.gallery_features, drawn.query, drawn.gallery)
    assert 0.3 < found.mAP < 1
    assert torch.equal(draw((40, OF_ONE * 20, 64)).gallery_features, drawn.gallery_features)
    assert parse_sizes("3x21x2") == (3, 21, 2)
    for wrong in ("3x4", "3xfourx5", "0x100x8", "3x20x8", "3x100x1"):
        with pytest.raises(CdnetError, match="sizes are"):
            parse_sizes(wrong)


def test_the_command_measures_a_peer_where_its_code_is_given(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = "import time\n\ndef re_ranking(qg, qq, gg):\n    assert qg.shape == (5, 70)\n    time.sleep(0.3)\n"
    words = ["bench", "rerank", "--sizes", "5x70x8", "--rounds", "3", "--json", str(tmp_path / "rows.json")]
    assert main([*words, "--peer", f"torchreid={checkout(tmp_path, code)}"]) == 0
    row = json.loads((tmp_path / "rows.json").read_text())[0]
    assert 0.29 < row["peer"] < 290  # in seconds, however long it had to wait
    assert row["config"].startswith("5 x 70 x 8, cpu")
    assert "torchreid" in capsys.readouterr().out
    assert main(["bench", "rank", "--sizes", "5x70x8", "--rounds", "3", "--json", str(tmp_path / "rank.json")]) == 0
    against = [row.get("against") for row in json.loads((tmp_path / "rank.json").read_text())]
    assert "the product of the features" in against
    assert "torchreid" not in capsys.readouterr().out


def test_wrong_words_are_refused_before_anything_is_measured(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "rank", "--rounds", "2"]) == 2
    assert "3 to 10,000 rounds" in capsys.readouterr().err
    assert main(["bench", "rank", "--peer", "other=."]) == 1
    assert "no peer other is known" in capsys.readouterr().err

"""The rule of the claims against scipy, its refusals, and the table in results/README.md against the files it is of."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from cdnet import CdnetError
from cdnet.cli import main
from cdnet.reproduce.claims import as_markdown, read_claims, weigh
from cdnet.reproduce.counted_claims import COUNTED
from cdnet.reproduce.report import COLUMNS
from cdnet.reproduce.verdict import RULE, between, compare_means, more_parameters, together

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "results"


@pytest.mark.parametrize("sizes", [(2, 2), (2, 3), (4, 4), (6, 6)])
def test_the_rule_is_students_test(sizes: tuple[int, int]) -> None:
    rng = np.random.default_rng(sum(sizes))
    verdicts = set()
    for _ in range(200):
        better, other = (rng.normal(shift, 1, size).tolist() for shift, size in zip((0, 2), sizes, strict=True))
        verdict, difference, half = compare_means(better, other)
        test = stats.ttest_ind(better, other)
        interval = test.confidence_interval(0.95)
        assert (difference - half, difference + half) == pytest.approx((interval.low, interval.high), abs=2e-3 * half)
        if abs(test.pvalue - 0.05) > 1e-3:
            expected = "cannot tell" if test.pvalue > 0.05 else "supports" if test.statistic > 0 else "contradicts"
            assert verdict == expected
        verdicts.add(verdict)
    assert {"cannot tell", "contradicts"} <= verdicts


def test_one_seed_tells_nothing_and_equal_seeds_tell_all() -> None:
    assert compare_means([50.0], [10.0, 10.1])[0] == "cannot tell"
    assert compare_means([50.0, 50.1], [10.0])[0] == "cannot tell"
    assert compare_means([50.0, 50.0], [10.0, 10.0])[0] == "supports"
    assert compare_means([10.0, 10.0], [10.0, 10.0])[0] == "cannot tell"


def test_what_is_supported_stays_so_with_a_larger_difference() -> None:
    # 0.7 points cannot be told less than 0.8 are, with the same spread.
    order = ["contradicts", "cannot tell", "supports"]
    found = [order.index(compare_means([20 + d, 20.2 + d], [20.0, 20.2])[0]) for d in np.arange(-2, 2, 0.1)]
    assert found == sorted(found)
    assert set(found) == {0, 1, 2}


def test_intervals_parameters_and_several_comparisons() -> None:
    assert [between(low, high, 2.5) for low, high in ((2.6, 3), (2, 3), (1, 2.4))] == [
        "supports",
        "cannot tell",
        "contradicts",
    ]
    assert more_parameters((0.44, 0.25), ("2.3", "2.2"))
    assert not more_parameters((0.134, 0.2), ("1.8", "2.2"))
    assert not more_parameters((0.134, 0.2), ("0.1", "0.2"))  # which may be 0.14 and 0.16
    assert together(["supports", "supports"]) == "supports"
    assert together(["supports", "cannot tell"]) == "cannot tell"
    assert together(["cannot tell", "contradicts", "supports"]) == "contradicts"


def test_the_table_in_the_documentation_is_that_of_the_files() -> None:
    text = (RESULTS / "README.md").read_text("utf-8")
    assert text.count(RULE) == 1
    assert as_markdown(read_claims(), RESULTS) in text


def test_every_trained_file_of_results_is_weighed() -> None:
    named = {evidence.get(kind) for claim in read_claims() for evidence in claim.evidence for kind in ("rows", "runs")}
    compared = [row for claim in read_claims() for evidence in claim.evidence for row in evidence.get("than", ())]
    named |= {row.partition(":")[0] for row in compared if ":" in row}
    assert {f"tables/{path.name}" for path in (RESULTS / "tables").glob("table-*.csv")} <= named
    assert {
        evidence["counted"] for claim in read_claims() for evidence in claim.evidence if "counted" in evidence
    } == set(COUNTED)


def table(path: Path, rows: list[Mapping[str, Any]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, restval="")
        writer.writeheader()
        writer.writerows(rows)


def row(name: str, figure: str, values: str, remarks: str = "", paper: str = "1.0") -> dict[str, str]:
    seeds = "" if figure == "params" else str(len(values.split()))
    shown = {"row": name, "title": name, "figure": figure, "paper": paper, "ours": "1", "values": values}
    return shown | {"seeds": seeds, "scale": "small scale", "remarks": remarks}


def test_rows_are_chosen_by_their_remarks_and_never_mixed(tmp_path: Path) -> None:
    raw = "changed: loss.normalise=False"
    lines = [
        row("a", "mAP", "30 30.1"),
        row("a", "mAP", "10 10.1", raw),
        row("b", "mAP", "20 20.1"),
        row("b", "mAP", "20 20.1", raw),
    ]
    table(tmp_path / "t.csv", lines)
    evidence = {"rows": "t.csv", "better": "a", "than": ["b"]}
    with pytest.raises(CdnetError, match="chosen by `said`"):
        weigh(evidence, tmp_path)
    found, conditions = weigh(evidence | {"said": raw}, tmp_path)
    assert found.verdict == "contradicts"
    assert set(conditions) == {f"small scale; {raw}"}
    assert weigh(evidence | {"said": raw, "under": "one search"}, tmp_path)[1][-1] == "one search"
    table(tmp_path / "t.csv", lines[::2])
    assert weigh(evidence, tmp_path)[0].verdict == "supports"


def test_more_parameters_than_in_the_paper_tell_nothing(tmp_path: Path) -> None:
    lines = [row("a", "mAP", "30 30.1"), row("b", "mAP", "20 20.1"), row("b", "params", "1", paper="2.0")]
    evidence = {"rows": "t.csv", "better": "a", "than": ["b"]}
    for params, verdict in (("1", "supports"), ("2", "cannot tell")):
        table(tmp_path / "t.csv", [*lines, row("a", "params", params, paper="2.0")])
        assert weigh(evidence, tmp_path)[0].verdict == verdict


def test_less_error_is_better(tmp_path: Path) -> None:
    table(tmp_path / "t.csv", [row("a", "error", "30 30.1"), row("b", "error", "40 40.1")])
    found, _ = weigh({"rows": "t.csv", "better": "a", "than": ["b"], "figure": "error"}, tmp_path)
    assert found.verdict == "supports"
    assert "(-10.0 ± " in found.figures


def test_the_command_prints_it_and_names_what_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reproduce", "claims", "--results", str(RESULTS)]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith(RULE)
    assert not re.search(r"\| \*\*not run\*\* \| \S", printed)  # what is not run has no figures
    assert main(["reproduce", "claims", "--results", str(tmp_path)]) == 1
    assert "--results" in capsys.readouterr().err

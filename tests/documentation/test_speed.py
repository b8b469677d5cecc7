"""The rows of what things cost, in README and site, are those that the benchmarks wrote."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.documentation.pages import PAGES, ROOT

from cdnet.bench.written import markdown, read_rows
from cdnet.figures.network_costs import cost_table, read_costs

FILES = sorted((ROOT / "results" / "bench").glob("*.json"))
HEAD = markdown([]).splitlines()[0]


def rows_of(page: str) -> list[str]:
    lines = PAGES[page].splitlines()
    found: list[str] = []
    for start in (number for number, line in enumerate(lines) if line == HEAD):
        rest = lines[start + 2 :]
        found += rest[: next((number for number, line in enumerate(rest) if not line.startswith("|")), len(rest))]
    return found


def test_rows_are_as_the_benchmarks_wrote_them() -> None:
    written = {line for file in FILES for line in markdown(read_rows(file)).splitlines()[2:]}
    shown = rows_of("docs/costs.md")
    assert len(shown) >= 40
    assert [line for line in shown if line not in written] == []


CDNET = "cdnet, 256x128, batch 1, "


@pytest.mark.parametrize(
    ("says", "file", "holding"),
    [
        (r"ranking is (\S+) times as fast as torchreid", "rank", ["ranking", "torchreid"]),
        (r"re-ranking (\S+), a whole", "rerank", ["re-ranking"]),
        (r"a whole evaluation (\S+) \(", "evaluate", ["nothing decoded before"]),
        (r"\((\S+) where the pictures were decoded before\)", "evaluate", ["pictures decoded before"]),
        (r"a step of training (\S+) in bfloat16", "train-bf16", ["a step"]),
        (r"in bfloat16 and (\S+) in 32 bits", "train", ["a step"]),
        (
            r"is (\S+) times as fast as OSNet in onnxruntime",
            "inference",
            [f"inference {CDNET}onnxruntime", "in onnxruntime"],
        ),
        (
            r"bfloat16 (\S+) times as fast as Intel's retail-0277",
            "inference",
            [f"inference {CDNET}openvino-bf16", "0277"],
        ),
        (r"and (\S+) times as fast as retail-0286", "inference", [f"inference {CDNET}openvino-bf16", "0286"]),
    ],
)
def test_the_readme_says_what_was_measured(says: str, file: str, holding: list[str]) -> None:
    (said,) = re.findall(says, " ".join(PAGES["README.md"].split()))
    rows = read_rows(ROOT / "results" / "bench" / f"{file}.json")
    texts = [f"{row['what']} {row['config']} {row.get('against', '')}" for row in rows]
    (row,) = [row for row, text in zip(rows, texts, strict=True) if all(word in text for word in holding)]
    assert said == f"{row['ratio']:.{len(said.partition('.')[2])}f}"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_no_row_names_a_place_of_the_machine(file: Path) -> None:
    assert re.findall(r'"/[^"]*"|[ =]/[\w.]+/', file.read_text("utf-8")) == []


def test_the_table_of_networks_is_what_the_files_say() -> None:
    files = ("bench/inference.json", "evaluation.json", "retail.json", "published-networks.csv")
    table = cost_table(read_costs([ROOT / "results" / name for name in files]))
    assert (ROOT / "results" / "networks.md").read_text("utf-8") == table + "\n"

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


@pytest.mark.parametrize("page", ["README.md", "docs/costs.md"])
def test_rows_are_as_the_benchmarks_wrote_them(page: str) -> None:
    written = {line for file in FILES for line in markdown(read_rows(file)).splitlines()[2:]}
    assert len(rows_of(page)) >= 5
    assert [line for line in rows_of(page) if line not in written] == []


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_no_row_names_a_place_of_the_machine(file: Path) -> None:
    assert re.findall(r'"/[^"]*"|[ =]/[\w.]+/', file.read_text("utf-8")) == []


def test_the_table_of_networks_is_what_the_files_say() -> None:
    files = ("bench/inference.json", "evaluation.json", "retail.json", "published-networks.csv")
    table = cost_table(read_costs([ROOT / "results" / name for name in files]))
    assert (ROOT / "results" / "networks.md").read_text("utf-8") == table + "\n"

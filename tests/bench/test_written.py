"""Rows of a benchmark's file come back as a table, and what is no such file is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cdnet.bench.rows import plain_row, timed_row
from cdnet.bench.turns import Timing
from cdnet.bench.written import markdown, read_rows
from cdnet.cli import main
from cdnet.errors import CdnetError


def write(path: Path, *rows: object) -> Path:
    path.write_text(json.dumps(rows))
    return path


def test_a_table_has_what_the_rows_have(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    timed = timed_row(
        "ranking", "3 x 4 | 5", Timing([1.0, 2.0, 4.0], None), Timing([4.0, 4.0, 4.0], None), "s", "another's"
    )
    file = write(tmp_path / "a.json", timed, plain_row("memory", "3 x 4 | 5", 2.5, None, "MiB"))
    lines = markdown(read_rows(file)).splitlines()
    assert lines[2:] == [
        "| ranking | 3 x 4 \\| 5 | 2 s | 4 | 2.00 (1.50 to 3.00) | another's |",
        "| memory | 3 x 4 \\| 5 | 2.5 MiB | | | |",
    ]
    assert main(["bench", "show", str(file), "--holding", "memory"]) == 0
    assert capsys.readouterr().out.splitlines() == [*lines[:2], lines[3]]
    assert main(["bench", "show", str(file), "--holding", "memory", "another"]) != 0
    assert "of 2 rows none holds memory and another" in capsys.readouterr().err


WHOLE = {"what": "a", "config": "b", "unit": "s", "ours": 1, "peer": 2, "ratio": 2, "low": 1, "high": 3}
LACKING = [
    *(json.dumps([{key: value for key, value in WHOLE.items() if key != lacking}]) for lacking in WHOLE),
    *(json.dumps([WHOLE | {key: value}]) for key in WHOLE for value in ([], {}, "" if key == "ours" else [0])),
    *(json.dumps([WHOLE | {key: None}]) for key in ("low", "high", "ours")),
]


def test_a_row_with_everything_is_shown(tmp_path: Path) -> None:
    assert "2.00 (1.00 to 3.00)" in markdown(read_rows(write(tmp_path / "a.json", WHOLE)))


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{}", "[1]", '[{"what": "x"}]', '[{"what": 1, "config": "", "unit": "", "ours": 1}]', "[NaN]", *LACKING],
)
def test_what_is_no_such_file_is_refused(tmp_path: Path, content: str) -> None:
    file = tmp_path / "a.json"
    file.write_text(content)
    with pytest.raises(CdnetError, match="not what `cdnet bench"):
        read_rows(file)
    with pytest.raises(CdnetError, match="could not be read"):
        read_rows(tmp_path / "none.json")

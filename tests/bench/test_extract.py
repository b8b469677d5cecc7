from __future__ import annotations

import json
from pathlib import Path

import pytest

from cdnet.cli import main


def test_so_many_pictures_are_extracted_and_memory_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "extract", "--pictures", "40", "--json", str(tmp_path / "out.json")]) == 0
    found = json.loads((tmp_path / "out.json").read_text())
    assert found["pictures"] == 40
    assert found["megabytes_after_parts"][-1][1] > 50
    assert 0 < found["megabytes_grown_by_at_most"] < 2000
    assert '"pictures": 40' in capsys.readouterr().out

"""What `make` would install, and from where."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.skipif(shutil.which("make") is None, reason="no make here")
@pytest.mark.parametrize("index", ["", "https://example.org/whl/cpu"])
def test_an_index_for_pytorch_is_taken_before_all_else(index: str) -> None:
    words = ["make", "--dry-run", "--always-make", ".venv/.ready", *([f"TORCH_INDEX={index}"] if index else [])]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
    lines = done.stdout.replace("\\\n", " ").splitlines()
    said = [number for number, line in enumerate(lines) if "tools/announce_torch.py" in line]
    pip = [number for number, line in enumerate(lines) if "-m pip install" in line]
    assert len(said) == 1
    assert said[0] < pip[0]
    assert lines[said[0]].endswith(index or ".py ")
    assert len(pip) == (2 if index else 1)
    assert (f"--index-url {index}" in lines[pip[0]]) is bool(index)
    assert lines[pip[-1]].endswith("-e '.[dev]'")

"""The site is built without a warning, and has a page for every one of the files that it is made of."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tests.documentation.pages import ROOT, SITE


def test_the_site_is_built_without_a_warning(tmp_path: Path) -> None:
    pytest.importorskip("furo", reason="the extra docs is not installed")
    pytest.importorskip("myst_parser", reason="the extra docs is not installed")
    words = ["-m", "sphinx", "-W", "--keep-going", "-n", "-q", "-b", "html", "docs", str(tmp_path / "html")]
    done = subprocess.run([sys.executable, *words], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for path in SITE:
        assert (tmp_path / "html" / path.relative_to(ROOT / "docs").with_suffix(".html")).is_file()
    assert "cdnet gallery calibrate" in (tmp_path / "html/commands.html").read_text("utf-8")

"""What the README shows works as shown."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cdnet.cli import COMMANDS
from cdnet.settings.files import shipped_recipes

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")


@pytest.mark.parametrize("code", re.findall(r"```python\n(.*?)```", README, re.DOTALL))
def test_python_examples_run(code: str) -> None:
    exec(compile(code, "README.md", "exec"), {})


def test_commands_recipes_and_files_exist() -> None:
    texts = README + (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    commands = re.findall(r"^(?:torchrun .* -m )?cdnet (\w+)", README, re.MULTILINE)
    assert len(commands) >= 5
    assert set(commands) <= set(COMMANDS)
    assert set(re.findall(r"recipes/([\w.-]+)\.yaml", texts)) <= set(shipped_recipes())
    paths = re.findall(r"`((?:src|tests|results)/[\w/.-]+)`", texts)
    assert len(paths) >= 10
    missing = [path for path in paths if "NAME" not in path and not (ROOT / path).exists()]
    assert not missing

"""The mutation run on a package of one module: what is changed in it, and which changes its tests notice."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
TOOL = ROOT / "tools" / "mutation"

MODULE = '''"""Says 1 > 0."""

LIMIT: int = 10


def within(value: int, low: int = 0) -> bool:
    """Tell whether a value is from 0 to below 10."""
    if value < 0:
        raise ValueError("below 0")
    return low <= value < LIMIT
'''

SCRIPT = """
import sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from mutants import mutants
from trial import Bench
root = Path(sys.argv[2])
module = "one/bounds.py"
source = (root / "src" / module).read_text()
found = mutants(source)
assert len({mutant.source for mutant in found}) == len(found)
for mutant in found:
    compile(mutant.source, module, "exec")
bench = Bench(root, Path(sys.argv[3]), ["pytest"])
print("unchanged", bench.tried(["tests"], 60))
for mutant in found:
    print(bench.changed(module, mutant.source, ["tests"], 60), mutant.line, mutant.after)
endless = source.replace("    if value", "    while True: pass\\n    if value")
print("endless", bench.changed(module, endless, ["tests"], 1))
assert (root / "src" / module).read_text() == (bench.source / module).read_text() == source
"""


def test_what_the_tests_do_not_try_survives(tmp_path: Path) -> None:
    package, tests = tmp_path / "root" / "src" / "one", tmp_path / "root" / "tests"
    package.mkdir(parents=True)
    tests.mkdir()
    (tmp_path / "copy").mkdir()
    (package / "__init__.py").write_text("")
    (package / "bounds.py").write_text(MODULE)
    body = "assert within(9) and not within(10) and not within(11) and within(1, 1) and within(0)"
    raised = "import pytest\n    with pytest.raises(ValueError):\n        within(-2)"
    (tests / "test_bounds.py").write_text(f"from one.bounds import within\ndef test_it():\n    {body}\n    {raised}\n")
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    words = [sys.executable, str(script), str(TOOL), str(tmp_path / "root"), str(tmp_path / "copy")]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    said = done.stdout.splitlines()
    assert said[0] == "unchanged survived"
    assert said[-1] == "endless timeout"
    survived = sorted(line for line in said[1:-1] if line.startswith("survived"))
    # That -1 is refused, and what is below the least, no test tries.
    assert survived == [
        "survived 6 def within(value: int, low: int = (-1)) -> bool:",
        "survived 8 if value < (-1):",
    ]
    killed = {line.removeprefix("killed ") for line in said[1:-1] if line.startswith("killed")}
    assert len(killed) == len(said) - 2 - len(survived)
    assert {
        "3 LIMIT: int = 11",
        "3 LIMIT: int = (9)",
        "6 def within(value: int, low: int = 1) -> bool:",
        "8 if value <= 0:",
        "9 pass",
        "10 return low < value < LIMIT",
        "10 return low <= value <= LIMIT",
    } <= killed


def _score() -> Any:
    spec = spec_from_file_location("score", TOOL / "score.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_score_is_of_what_somebody_could_see() -> None:
    became = ["killed", "timeout", "survived", "equivalent", "killed"]
    verdicts = [("a.py" if n < 4 else "b.py", one, f"change {n}") for n, one in enumerate(became)]
    said = _score().report(verdicts, {"a.py": 50, "b.py": 7, "c.py": 1200}, 3).splitlines()
    assert said[0].endswith(
        "seed 3: 3 of 4 mutants noticed (75.0 %), 1 of them by time; 1 more change nothing; drawn from 1,257"
    )
    assert said[4:7] == [
        "| `a.py` | 2 | 1 | 1 | 4 | 50 |",
        "| `b.py` | 1 | 0 | 0 | 1 | 7 |",
        "| `c.py` | 0 | 0 | 0 | 0 | 1200 |",
    ]
    assert said[-1] == "- change 2"
    assert said[-3] == "Survivors:"
    assert _score().report(verdicts[4:], {"b.py": 7}, 3).endswith("No survivors.")


def test_what_nobody_can_see_is_of_todays_sources_and_has_a_reason() -> None:
    modules = tomllib.loads((TOOL / "modules.toml").read_text("utf-8"))
    entries = tomllib.loads((TOOL / "equivalents.toml").read_text("utf-8"))["equivalent"]
    assert len(entries) > 50
    for entry in entries:
        assert entry["module"] in modules
        source = (ROOT / "src" / "cdnet" / entry["module"]).read_text("utf-8")
        assert entry["before"] in map(str.strip, source.splitlines())
        assert entry["after"] != entry["before"]
        assert entry["why"].endswith(".")
    assert all((ROOT / "tests" / test).is_file() for tests in modules.values() for test in tests)

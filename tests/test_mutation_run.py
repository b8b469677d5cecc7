"""The mutation run on a package of one module: what is changed in it, and which changes its tests notice."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

TOOL = Path(__file__).parents[1] / "tools" / "mutation"

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

"""Change the core of the package in small ways, one at a time, and see whether the tests notice: ``make mutate``.

A seeded sample of all mutants of the modules in modules.toml; each is tried with the test files named there. mutmut's
own run changes functions only, not the defaults of a dataclass or a module's constants, and takes no sample: its
operators are used, and the rest is here.

Each verdict is added to a file, so that a run that was stopped goes on where it was. The file is for one state of the
tests: remove it when they have changed.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import sys
import tempfile
import time
import tomllib
from collections import Counter
from datetime import date
from pathlib import Path

from mutants import Mutant, mutants
from trial import Bench

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


def main() -> int:
    """Try the sample, print each mutant as it is tried, and the score; return the exit status."""
    parser = argparse.ArgumentParser(prog="tools/mutation", description=__doc__)
    parser.add_argument("--count", type=int, default=200, help="mutants to try")
    parser.add_argument("--seed", type=int, default=0, help="of the sample")
    parser.add_argument("--only", default="", help="modules whose path has this text, such as losses/")
    parser.add_argument("--verdicts", type=Path, default=ROOT / "build" / "mutation.jsonl", help="file of all verdicts")
    parser.add_argument("--list", action="store_true", help="count the mutants of each module, and try none")
    given = parser.parse_args()
    modules: dict[str, list[str]] = tomllib.loads((HERE / "modules.toml").read_text("utf-8"))
    every = [
        (module, mutant)
        for module in sorted(modules)
        if given.only in module
        for mutant in mutants((ROOT / "src/cdnet" / module).read_text("utf-8"))
    ]
    if given.list:
        for module, count in Counter(module for module, _ in every).items():
            print(f"{count:5} {module}")
        return 0
    sample = random.Random(given.seed).sample(every, min(given.count, len(every)))
    sample.sort(key=lambda one: (one[0], one[1].line))
    verdicts = _read(given.verdicts)
    _try(sample, modules, verdicts, given.verdicts)
    _report(sample, verdicts, given.seed, len(every))
    return 0


def _key(module: str, mutant: Mutant) -> str:
    return hashlib.sha256(f"{module}\n{mutant.source}".encode()).hexdigest()


def _read(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    return dict(json.loads(line) for line in path.read_text("utf-8").splitlines())


def _try(sample: list[tuple[str, Mutant]], modules: dict[str, list[str]], verdicts: dict[str, str], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    limits: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder, path.open("a", encoding="utf-8") as file:
        bench = Bench(ROOT, Path(folder))
        for number, (module, mutant) in enumerate(sample, start=1):
            key = _key(module, mutant)
            tests = [f"tests/{name}" for name in modules[module]]
            if key not in verdicts:
                if module not in limits:
                    started = time.monotonic()
                    if bench.tried(tests, 600) != "survived":
                        sys.exit(f"{module}: its tests fail before anything is changed")
                    limits[module] = 20 + 5 * (time.monotonic() - started)
                verdicts[key] = bench.changed(f"cdnet/{module}", mutant.source, tests, limits[module])
                file.write(json.dumps([key, verdicts[key]]) + "\n")
                file.flush()
            print(f"{number}/{len(sample)} {verdicts[key]:8} {_said(module, mutant)}", flush=True)


def _said(module: str, mutant: Mutant) -> str:
    return f"{module}:{mutant.line}: `{mutant.before}` -> `{mutant.after}`"


def _report(sample: list[tuple[str, Mutant]], verdicts: dict[str, str], seed: int, population: int) -> None:
    counts = Counter(verdicts[_key(*one)] for one in sample)
    noticed = counts["killed"] + counts["timeout"]
    print(
        f"\n{date.today()}, seed {seed}: {noticed} of {len(sample)} mutants noticed ({100 * noticed / len(sample):.1f} "
        f"%), {counts['timeout']} of them by time; drawn from {population:,}"
    )
    survivors = [_said(*one) for one in sample if verdicts[_key(*one)] == "survived"]
    print("\n".join(["survivors:", *survivors] if survivors else ["no survivors"]))


if __name__ == "__main__":
    sys.exit(main())

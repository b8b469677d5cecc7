"""Change the core of the package in small ways, one at a time, and see whether the tests notice: ``make mutate``.

A seeded sample of all mutants of the modules in modules.toml; each is tried with the test files named there. mutmut's
own run changes functions only, not the defaults of a dataclass or a module's constants, and takes no sample: its
operators are used, and the rest is here.

What nobody can see stands in equivalents.toml, with the reason; it is not tried, and counts neither way.

Each verdict is added to a file, so that a run that was stopped goes on where it was. The file is for one state of the
tests: remove it when they have changed, or try the survivors ``--again`` if tests were only added.
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
from pathlib import Path

from mutants import Mutant, mutants
from score import Verdict, report
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
    parser.add_argument("--again", action="store_true", help="try those again that survived, for tests were added")
    parser.add_argument("--list", action="store_true", help="count the mutants of each module, and try none")
    given = parser.parse_args()
    modules: dict[str, list[str]] = tomllib.loads((HERE / "modules.toml").read_text("utf-8"))
    every = [
        (module, mutant)
        for module in sorted(modules)
        if given.only in module
        for mutant in mutants((ROOT / "src/cdnet" / module).read_text("utf-8"))
    ]
    everything = Counter(module for module, _ in every)
    if given.list:
        for module, count in everything.items():
            print(f"{count:5} {module}")
        return 0
    sample = random.Random(given.seed).sample(every, min(given.count, len(every)))
    sample.sort(key=lambda one: (one[0], one[1].line))
    kept = {key: became for key, became in _read(given.verdicts).items() if became != "survived" or not given.again}
    verdicts = _try(sample, modules, _equivalents(every), kept, given.verdicts)
    print(f"\n{report(verdicts, everything, given.seed)}")
    return 0


def _key(module: str, mutant: Mutant) -> str:
    return hashlib.sha256(f"{module}\n{mutant.source}".encode()).hexdigest()


def _read(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    return dict(json.loads(line) for line in path.read_text("utf-8").splitlines())


def _equivalents(every: list[tuple[str, Mutant]]) -> set[tuple[str, str, str]]:
    """Return what stands in equivalents.toml of the modules at hand; what is no mutant any more is said."""
    entries = tomllib.loads((HERE / "equivalents.toml").read_text("utf-8"))["equivalent"]
    here = {module for module, _ in every}
    known = {(entry["module"], entry["before"], entry["after"]) for entry in entries if entry["module"] in here}
    for module, before, after in sorted(known - {(module, one.before, one.after) for module, one in every}):
        print(f"equivalents.toml: {module} has no `{before}` -> `{after}` any more", file=sys.stderr)
    return known


def _try(
    sample: list[tuple[str, Mutant]],
    modules: dict[str, list[str]],
    equivalents: set[tuple[str, str, str]],
    kept: dict[str, str],
    path: Path,
) -> list[Verdict]:
    path.parent.mkdir(parents=True, exist_ok=True)
    verdicts: list[Verdict] = []
    limits: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder, path.open("a", encoding="utf-8") as file:
        bench = Bench(ROOT, Path(folder))
        for number, (module, mutant) in enumerate(sample, start=1):
            key = _key(module, mutant)
            tests = [f"tests/{name}" for name in modules[module]]
            if (module, mutant.before, mutant.after) in equivalents:
                became = "equivalent"
            elif key in kept:
                became = kept[key]
            else:
                if module not in limits:
                    started = time.monotonic()
                    if bench.tried(tests, 600) != "survived":
                        sys.exit(f"{module}: its tests fail before anything is changed")
                    limits[module] = 20 + 5 * (time.monotonic() - started)
                became = bench.changed(f"cdnet/{module}", mutant.source, tests, limits[module])
                file.write(json.dumps([key, became]) + "\n")
                file.flush()
            said = f"{module}:{mutant.line}: `{mutant.before}` -> `{mutant.after}`"
            print(f"{number}/{len(sample)} {became:10} {said}", flush=True)
            verdicts.append((module, became, said))
    return verdicts


if __name__ == "__main__":
    sys.exit(main())

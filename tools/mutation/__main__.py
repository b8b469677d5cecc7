"""Change the core of the package in small ways, one at a time, and see whether the tests notice: ``make mutate``.

A seeded sample of all mutants of the modules in modules.toml; each is tried with the test files named there. mutmut's
own run changes functions only, not the defaults of a dataclass or a module's constants, and takes no sample: its
operators are used, and the rest is here.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
import tomllib
from collections import Counter
from datetime import date
from pathlib import Path

from mutants import mutants
from trial import Bench

HERE = Path(__file__).parent


def main() -> int:
    """Try the sample, print each mutant as it is tried, and the score; return the exit status."""
    parser = argparse.ArgumentParser(prog="tools/mutation", description=__doc__)
    parser.add_argument("--count", type=int, default=200, help="mutants to try")
    parser.add_argument("--seed", type=int, default=0, help="of the sample")
    parser.add_argument("--only", default="", help="modules whose path has this text, such as losses/")
    parser.add_argument("--list", action="store_true", help="count the mutants of each module, and try none")
    given = parser.parse_args()
    root = HERE.parents[1]
    modules = tomllib.loads((HERE / "modules.toml").read_text("utf-8"))
    every = [
        (module, mutant)
        for module in sorted(modules)
        if given.only in module
        for mutant in mutants((root / "src/cdnet" / module).read_text("utf-8"))
    ]
    if given.list:
        for module, count in Counter(module for module, _ in every).items():
            print(f"{count:5} {module}")
        return 0
    sample = random.Random(given.seed).sample(every, min(given.count, len(every)))
    sample.sort(key=lambda one: (one[0], one[1].line))
    verdicts: Counter[str] = Counter()
    survivors: list[str] = []
    limits: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(root, Path(folder))
        for number, (module, mutant) in enumerate(sample, start=1):
            tests = [f"tests/{path}" for path in modules[module]]
            if module not in limits:
                started = time.monotonic()
                if bench.tried(tests, 600) != "survived":
                    print(f"{module}: its tests fail before anything is changed", file=sys.stderr)
                    return 1
                limits[module] = 20 + 5 * (time.monotonic() - started)
            verdict = bench.changed(f"cdnet/{module}", mutant.source, tests, limits[module])
            verdicts[verdict] += 1
            line = f"{module}:{mutant.line}: `{mutant.before}` -> `{mutant.after}`"
            print(f"{number}/{len(sample)} {verdict:8} {line}", flush=True)
            if verdict == "survived":
                survivors.append(line)
    noticed = verdicts["killed"] + verdicts["timeout"]
    print(f"\n{date.today()}, seed {given.seed}: {noticed} of {len(sample)} noticed", end="")
    print(f" ({100 * noticed / len(sample):.1f} %), {verdicts['timeout']} of them by time; of {len(every):,} mutants")
    print("\n".join(["survivors:", *survivors] if survivors else ["no survivors"]))
    return 0


if __name__ == "__main__":
    sys.exit(main())

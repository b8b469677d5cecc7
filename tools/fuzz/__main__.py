"""``make fuzz``: tries cases of every kind in turns until the time is up, and ends with 1 if something was wrong."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter
from pathlib import Path


def main() -> int:
    """Read the command line, try, and say what was wrong."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # before PyTorch is imported, whose threads do not survive a fork
    from tools.fuzz.kinds import KINDS
    from tools.fuzz.trial import prepare, tried

    made = argparse.ArgumentParser(prog="python -m tools.fuzz", description=__doc__)
    made.add_argument("--seed", type=int, default=0, help="other cases for every seed")
    made.add_argument("--minutes", type=float, default=10, help="every kind has its turn at least once")
    made.add_argument("--cases", type=int, default=10, help="of a kind, before it is the next one's turn")
    made.add_argument("--only", nargs="+", choices=KINDS, default=list(KINDS), metavar="KIND", help=", ".join(KINDS))
    made.add_argument(
        "--out", type=Path, default=Path("build/fuzz"), help="folder for cases with which something is wrong"
    )
    options = made.parse_args()

    import_all()
    end = time.monotonic() + 60 * options.minutes
    options.out.mkdir(parents=True, exist_ok=True)
    out = options.out.resolve()
    os.environ["XDG_CACHE_HOME"] = str(out / "home")
    counts: Counter[str] = Counter()
    statuses: Counter[tuple[str, int]] = Counter()
    most: dict[str, float] = {}
    slowest: dict[str, float] = {}
    wrong: dict[tuple[str, str], Path | None] = {}
    turn = 0
    while not turn or time.monotonic() < end:
        for name in options.only:
            whole = prepare(KINDS[name], out / "whole")
            for case in tried(KINDS[name], whole, 1_000_003 * options.seed + turn, options.cases, out / "wrong"):
                found = case.outcome
                counts[name] += 1
                statuses[name, found.status] += 1
                most[name] = max(most.get(name, 0), found.memory / 2**20)
                slowest[name] = max(slowest.get(name, 0), found.seconds)
                if found.wrong and (name, found.wrong) not in wrong:
                    wrong[name, found.wrong] = case.kept
                    print(f"{name}: {found.wrong}\n  {case.kept}", flush=True)
            if turn and time.monotonic() > end:
                break
        turn += 1
    for name in options.only:
        ends = ", ".join(f"{count} with {status}" for (one, status), count in sorted(statuses.items()) if one == name)
        print(f"{name}: {counts[name]} cases, ended {ends}")
        print(f"    at most {most.get(name, 0):.0f} MiB and {slowest.get(name, 0):.1f} s")
    print(f"{sum(counts.values()):,} cases by seed {options.seed}, {len(wrong)} things wrong")
    return 1 if wrong else 0


def import_all() -> None:
    """Import what commands import, once, so that the processes that are forked need not."""
    import pkgutil
    from importlib import import_module

    import cdnet

    for module in pkgutil.walk_packages(cdnet.__path__, "cdnet."):
        if not module.name.endswith("__main__"):
            import_module(module.name)
    import accelerate  # noqa: F401
    import torch
    from tensorboard.compat.proto import event_pb2, summary_pb2  # noqa: F401
    from tensorboard.summary.writer import record_writer  # noqa: F401

    torch.set_num_threads(1)


if __name__ == "__main__":
    sys.exit(main())

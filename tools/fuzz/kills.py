"""``make kills``: ends commands by ``kill -9`` at random moments, gives them again, and looks what was lost.

A command that was killed any number of times and at last let be has to end as one that nobody killed: the same bytes,
nothing half written left behind, and no more work done anew than is lost with a process.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import shutil
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tools.fuzz.__main__ import import_all
from tools.fuzz.kinds.kind import draw_people, pixels
from tools.fuzz.kinds.runs import BATCH, NETWORK, PEOPLE, SPACE

_TICK = os.sysconf("SC_CLK_TCK")
_HALF = re.compile(r"\..+\.[0-9a-f]{16}")
TIMES = ("seconds", "images_per_second", "evaluation_seconds", "milliseconds_per_image")
"""Keys of a log's line that say how long something took."""
WEIGHTS = "cdnet-x0.25-market1501"


@dataclass(frozen=True)
class Job:
    """A command to be killed.

    Args:
        prepare: makes in a folder what the command reads.
        again: returns from that folder the words that are given, at first and after a kill.
        results: patterns of what has to be the same at the end; a log is compared without the times in it.
        call: what runs the words, and returns the exit status; None for ``cdnet`` itself.
    """

    prepare: Callable[[Path], None]
    again: Callable[[Path], Sequence[str]]
    results: Sequence[str]
    call: Callable[[Sequence[str]], int] | None = None


@dataclass
class Tally:
    """What came of a job: how often it was killed, how often it ended, and what was wrong."""

    kills: int = 0
    ends: int = 0
    wrong: list[str] = field(default_factory=list)


def _resumed(words: Sequence[str]) -> Callable[[Path], Sequence[str]]:
    # A run has a recipe as soon as it has anything.
    return lambda folder: [*words, "--resume"] if (folder / "run" / "recipe.yaml").exists() else words


def _pictures(folder: Path) -> None:
    draw_people(folder / "people")


def _archive(folder: Path) -> None:
    import pickle

    import numpy as np

    place = folder / "cifar-100-python"
    place.mkdir()
    data = np.stack([pixels(number, 32, 32).transpose(2, 0, 1).reshape(-1) for number in range(12)])
    labels = [number % 2 for number in range(12)]
    made: dict[str, dict[str, Any]] = {
        "train": {"data": data, "fine_labels": labels, "coarse_labels": labels},
        "test": {"data": data[:4], "fine_labels": labels[:4], "coarse_labels": labels[:4]},
        "meta": {"fine_label_names": ["apple", "bee"], "coarse_label_names": ["x"]},
    }
    for name, value in made.items():
        (place / name).write_bytes(pickle.dumps(value))


def _exported(folder: Path) -> Sequence[str]:
    words = ["export", WEIGHTS, "--out", "network.onnx"]
    return [*words, "--overwrite"] if (folder / "network.onnx").exists() else words


RUN = ("run/log.jsonl", "run/weights.safetensors", "run/genotype.json")
CLASSES = ["--data.root", "cifar-100-python", "--data.cache", "cache", "--genotype", "cnet-top3", "--width", "0.1"]

JOBS = {
    "train": Job(_pictures, _resumed(["train", *NETWORK, *BATCH, *PEOPLE, "--out", "run"]), RUN),
    "search": Job(
        _pictures,
        _resumed(["search", *SPACE, *BATCH, *PEOPLE, "--epochs", "2", "--validation", "1", "--out", "run"]),
        RUN,
    ),
    "classify": Job(
        _archive,
        _resumed(["classify", *CLASSES, "--batch", "4", "--schedule.epochs", "2", "--device", "cpu", "--out", "run"]),
        RUN,
    ),
    "extract": Job(
        _pictures,
        lambda folder: ["extract", "people/bounding_box_test", "--weights", WEIGHTS, "--out", "features.npz"],
        ("features.npz",),
    ),
    "export": Job(lambda folder: None, _exported, ("network.onnx",)),
    "cache": Job(
        _pictures,
        lambda folder: ["evaluate", WEIGHTS, *PEOPLE, "--json", "figures.json"],
        ("figures.json", "cache/*.u8"),
    ),
}
"""By the name that ``--only`` takes."""


def try_job(job: Job, folder: Path, kills: int, chance: random.Random) -> Tally:
    """Kill a job some times at random moments of its work, let it end now and then, and compare the ends with one that
    nobody killed.

    Args:
        job: what is run.
        folder: an empty one, to work in.
        kills: how many.
        chance: says when.
    """
    prepared, work = folder / "prepared", folder / "work"
    prepared.mkdir(parents=True)
    assert _run(lambda: job.prepare(prepared) or 0, prepared)[0] == 0, "the inputs could not be made"
    shutil.copytree(prepared, work)
    status, worked = _run(lambda: _call(job, work), work)
    assert status == 0, (work / ".said").read_text()
    wanted = _results(work, job.results)
    assert wanted, f"none of {', '.join(job.results)} was made"
    shutil.rmtree(work)
    tally = Tally()
    while tally.kills < kills and not tally.wrong:
        if not work.exists():
            shutil.copytree(prepared, work)
        # Some moments are beyond what is left to do, so that it ends now and then.
        status, _ = _run(lambda: _call(job, work), work, chance.uniform(0, 1.2 * worked))
        if status == -signal.SIGKILL:
            tally.kills += 1
            if tally.kills < kills:
                continue
            status, _ = _run(lambda: _call(job, work), work)
        tally.ends += 1
        tally.wrong += _wrong(status, work, wanted, job.results)
        shutil.rmtree(work)
    return tally


def _call(job: Job, folder: Path) -> int:
    from cdnet.cli import main

    return (job.call or main)(job.again(folder))


def _run(call: Callable[[], int], folder: Path, seconds: float | None = None) -> tuple[int, float]:
    # In a process of its own, killed with all that it started once it has worked for so long; its status and its work.
    child = os.fork()
    if child == 0:
        status = 70
        try:
            os.setsid()
            os.chdir(folder)
            out = os.open(".said", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(out, 1)
            os.dup2(out, 2)
            status = call()
        finally:
            for stream in (sys.stdout, sys.stderr):
                stream.flush()
            os._exit(status)
    while True:
        ended, code, used = os.wait4(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(code), used.ru_utime + used.ru_stime
        if seconds is not None and _worked(child) >= seconds:
            os.killpg(child, signal.SIGKILL)
            os.wait4(child, 0)
            return -signal.SIGKILL, seconds
        time.sleep(0.005)


def _worked(child: int) -> float:
    # Seconds of a processor, of all its threads, to a hundredth: a busy machine moves no kill.
    fields = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICK


def _results(folder: Path, patterns: Sequence[str]) -> dict[str, object]:
    found: dict[str, object] = {}
    for path in sorted(path for pattern in patterns for path in folder.glob(pattern)):
        name = re.sub(r"[0-9a-f]{16}", "DIGEST", str(path.relative_to(folder)))
        if path.suffix == ".jsonl":
            lines = map(json.loads, path.read_text("utf-8").splitlines())
            found[name] = [{key: value for key, value in line.items() if key not in TIMES} for line in lines]
        else:
            found[name] = path.read_bytes()
    return found


def _wrong(status: int, folder: Path, wanted: dict[str, object], patterns: Sequence[str]) -> list[str]:
    if status:
        return [f"ended with {status}: {(folder / '.said').read_text()[-500:]}"]
    found = _results(folder, patterns)
    wrong = [f"lost {name}" for name in wanted.keys() - found.keys()]
    wrong += [f"{name} is another" for name in wanted.keys() & found.keys() if wanted[name] != found[name]]
    return wrong + [f"left {path.name}" for path in folder.rglob(".*") if _HALF.fullmatch(path.name)]


def main() -> int:
    """Read the command line, kill, and say what was lost; return 1 if anything was."""
    made = argparse.ArgumentParser(prog="python -m tools.fuzz.kills", description=__doc__)
    made.add_argument("--seed", type=int, default=0, help="other moments for every seed")
    made.add_argument("--count", type=int, default=100, help="kills, over all commands")
    made.add_argument("--only", nargs="+", choices=JOBS, default=list(JOBS), metavar="COMMAND", help=", ".join(JOBS))
    made.add_argument("--out", type=Path, default=Path("build/kills"), help="folder to work in, removed at first")
    options = made.parse_args()
    import_all()
    out = options.out.resolve()
    shutil.rmtree(out, ignore_errors=True)
    wrong = kills = 0
    for number, name in enumerate(options.only):
        count = options.count * (number + 1) // len(options.only) - options.count * number // len(options.only)
        found = try_job(JOBS[name], out / name, count, random.Random(f"{options.seed} {name}"))
        kills, wrong = kills + found.kills, wrong + len(found.wrong)
        print(f"{name}: {found.kills} kills, {found.ends} ends, {'; '.join(found.wrong) or 'nothing lost'}", flush=True)
    print(f"{kills} kills by seed {options.seed}, {wrong} things lost")
    return 1 if wrong else 0


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    sys.exit(main())

"""Running one command in a process of its own, and saying what it did that no command may do."""

from __future__ import annotations

import hashlib
import os
import re
import resource
import signal
import stat
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

SILENT = 20.0
"""Seconds without a word, of work or of waiting; those in which other processes have the processor do not count."""
LONG = 60.0
"""Seconds of work after which a command that speaks is stopped, and counts as sound."""
MEMORY = 2**30
"""Bytes beyond those that the forking process holds: Python, PyTorch, and in a test whatever ran before it."""
SENTENCE = 2_000
"""Characters of what is still a sentence."""
_PAGE = resource.getpagesize()
_TICK = os.sysconf("SC_CLK_TCK")
_HALF = re.compile(r"\..+\.[0-9a-f]{16}")
_UNSHOWN = re.compile(rb"[\x00-\x09\x0b-\x1f\x7f]|\xc2[\x80-\x9f]")


@dataclass(frozen=True)
class Outcome:
    """How a command ended: ``wrong`` says what it did that no command may do, and is empty if nothing."""

    status: int
    out: str
    err: str
    seconds: float
    memory: int
    wrong: str


def judge(
    words: Sequence[str], folder: Path, changes: Sequence[str] = (), expected: tuple[int, ...] = (0, 1, 2)
) -> Outcome:
    """Run ``cdnet`` with words in a folder, and judge it.

    Args:
        words: of the command line.
        folder: where it runs; all files below are watched.
        changes: patterns of paths below the folder that the command may write if it ends with 0.
        expected: statuses it may end with.
    """
    from cdnet.cli import main

    return judge_call(lambda: main(words), folder, changes, expected)


def judge_call(
    call: Callable[[], int], folder: Path, changes: Sequence[str] = (), expected: tuple[int, ...] = (0, 1, 2)
) -> Outcome:
    """Do as :func:`judge` does with a function that returns an exit status; it runs in a forked process."""
    before = _state(folder)
    shown = folder.parent / f"{folder.name}.shown"
    shown.mkdir(exist_ok=True)
    started, inherited = time.monotonic(), _own()
    child = os.fork()
    if child == 0:
        _be_the_command(call, folder, shown)
    status, memory, wrong = _watch(child, shown, inherited)
    out, err = ((shown / name).read_bytes() for name in ("out", "err"))
    if not wrong:
        wrong = _said_wrong(status, out, err, expected) or _lost(before, _state(folder), changes if status == 0 else ())
    texts = (stream.decode("utf-8", "backslashreplace") for stream in (out, err))
    return Outcome(status, *texts, time.monotonic() - started, memory, wrong)


def _be_the_command(call: Callable[[], int], folder: Path, shown: Path) -> None:
    status = 70
    try:
        os.setsid()
        os.chdir(folder)
        for number, name in ((1, "out"), (2, "err")):
            opened = os.open(shown / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(opened, number)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        for stream, number in (("stdout", 1), ("stderr", 2)):
            setattr(sys, stream, os.fdopen(number, "w", encoding="utf-8", buffering=1, closefd=False))
        status = call()
    except BaseException:
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(status)


def _watch(child: int, shown: Path, inherited: int) -> tuple[int, int, str]:
    # Status, peak memory beyond what was inherited, and what was wrong while it ran.
    began = stirred = time.monotonic()
    worked = before = 0.0
    said = peak = 0
    wrong = ""
    while True:
        ended, code, used = os.wait4(child, os.WNOHANG)
        if ended:
            peak = max(peak, used.ru_maxrss * 1024 - inherited)
            if not wrong and peak > MEMORY:
                wrong = f"took {peak / 2**20:,.0f} MiB"
            return os.waitstatus_to_exitcode(code), peak, wrong
        now = time.monotonic()
        waits, seconds, held = _use(child)
        held -= inherited
        peak = max(peak, held)
        length = sum((shown / name).stat().st_size for name in ("out", "err") if (shown / name).exists())
        if length > said:
            said, stirred, worked = length, now, seconds
        if seconds > before or not waits:
            before, stirred = seconds, now
        if not wrong:
            if seconds - worked > SILENT:
                wrong = f"worked for {seconds - worked:.0f} s without a word"
            elif now - stirred > SILENT:
                wrong = f"waited for {now - stirred:.0f} s without a word"
            elif held > 2 * MEMORY:
                wrong = f"took more than {held / 2**20:,.0f} MiB"
            if wrong or seconds > LONG:
                os.killpg(child, signal.SIGKILL)
        time.sleep(0.005 if now - began < 1 else 0.05)


def _own() -> int:
    # Bytes that a forked process has from the beginning; what is mapped from files it maps anew, page by page.
    lines = Path("/proc/self/status").read_text().splitlines()
    return next((int(line.split()[1]) << 10 for line in lines if line.startswith("RssAnon:")), 0)


def _use(child: int) -> tuple[bool, float, int]:
    # Whether it waits for something, the seconds it has worked, and the bytes it holds.
    try:
        fields = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return False, 0.0, 0
    return fields[0] == "S", (int(fields[11]) + int(fields[12])) / _TICK, int(fields[21]) * _PAGE


def _said_wrong(status: int, out: bytes, err: bytes, expected: tuple[int, ...]) -> str:
    text = err.decode("utf-8", "backslashreplace")
    if "Traceback (most recent" in text:
        return f"a traceback: {text.rstrip().splitlines()[-1][:300]}"
    if status == -signal.SIGKILL:
        return ""  # it spoke all the while, and was stopped for its length
    if status < 0:
        return f"died of {signal.Signals(-status).name}"
    if warned := next((line for line in text.splitlines() if re.search(r"\w*Warning: ", line)), ""):
        return f"a warning: {warned[:300]}"
    for stream in (out, err):
        if found := _UNSHOWN.search(stream):
            return f"printed {found[0]!r} raw: {stream[max(0, found.start() - 40) : found.end() + 20]!r}"
    if status not in expected:
        return f"status {status}: {text[-300:]}"
    complaints = [line for line in text.splitlines() if line.startswith("cdnet: ")]
    if status and (len(complaints) != 1 or text.splitlines()[-1] != complaints[0]):
        return f"status {status} and no sentence, but {text[-300:]!r}"
    if status and len(complaints[0]) > SENTENCE:
        return f"a sentence of {len(complaints[0]):,} characters: {complaints[0][:200]}"
    return ""


def _state(folder: Path) -> dict[str, str]:
    # Each file's content by its path; of what is no regular file, its kind.
    found: dict[str, str] = {}
    for place, folders, names in os.walk(os.fsencode(folder)):
        for name in (*names, *folders):
            path = os.path.join(place, name)
            status = os.lstat(path)
            if stat.S_ISDIR(status.st_mode):
                continue
            content = f"mode {stat.S_IFMT(status.st_mode)}"
            if stat.S_ISREG(status.st_mode) and status.st_size < 2**26 and os.access(path, os.R_OK):
                with open(path, "rb") as file:
                    content = hashlib.sha256(file.read()).hexdigest()
            found[os.fsdecode(os.path.relpath(path, os.fsencode(folder)))] = content
    return found


def _lost(before: dict[str, str], after: dict[str, str], changes: Sequence[str]) -> str:
    for path, content in before.items():
        if path not in after:
            if not any(fnmatch(path, pattern[1:]) for pattern in changes if pattern.startswith("-")):
                return f"lost {path!r}"
        elif after[path] != content and not any(fnmatch(path, pattern) for pattern in changes):
            return f"changed {path!r}"
    halves = [path for path in after.keys() - before.keys() if _HALF.fullmatch(os.path.basename(path))]
    return f"left {halves[0]!r}" if halves else ""

"""Trying the tests on a changed copy of the package, in a process of their own that has torch imported already."""

from __future__ import annotations

import contextlib
import importlib
import os
import resource
import shutil
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

HEAVY = ("torch", "accelerate", "torch.utils.flop_counter", "safetensors.torch", "jsonargparse", "hypothesis", "pytest")
"""Imported once, before any trial, for they take longer than most tests."""


class Bench:
    """A copy of the package in a temporary folder, and the tests of a checkout that are run on it.

    Args:
        root: of the checkout.
        folder: where the copy is put.
        heavy: what to import once, before any trial.
    """

    def __init__(self, root: Path, folder: Path, heavy: Sequence[str] = HEAVY) -> None:
        self.root, self.source = root, folder / "src"
        shutil.copytree(root / "src", self.source, ignore=shutil.ignore_patterns("__pycache__"))
        os.environ["PYTHONPATH"] = str(self.source)  # for the processes that tests start
        os.environ["OMP_NUM_THREADS"] = "1"
        sys.path[:0] = [str(self.source)]
        for name in heavy:
            importlib.import_module(name)

    def changed(self, module: str, source: str, tests: Sequence[str], seconds: float) -> str:
        """Say what the tests make of a module with another source: killed, survived, or timeout."""
        path = self.source / module
        original = path.read_text("utf-8")
        for compiled in path.parent.glob(f"__pycache__/{path.stem}.*.pyc"):
            compiled.unlink()  # a source of the same length, written in the same second, would not be read
        try:
            path.write_text(source, "utf-8")
            return self.tried(tests, seconds, keep_bytecode=False)
        finally:
            path.write_text(original, "utf-8")

    def tried(self, tests: Sequence[str], seconds: float, keep_bytecode: bool = True) -> str:
        """Run test files and stop at the first failure; ``seconds`` of a processor are the most they may take."""
        child = os.fork()
        if child == 0:
            os.setsid()
            resource.setrlimit(resource.RLIMIT_CPU, (int(seconds) + 1, int(seconds) + 2))
            quiet = os.open(os.devnull, os.O_RDWR)
            for stream in (0, 1, 2):
                os.dup2(quiet, stream)
            os.chdir(self.root)
            sys.dont_write_bytecode = not keep_bytecode
            import pytest

            code = 99
            try:
                code = int(pytest.main(["-x", "-q", "-m", "not slow", "-p", "no:cacheprovider", *tests]))
            finally:
                os._exit(code)
        return _verdict(_wait(child, 10 * seconds))


def _wait(child: int, seconds: float) -> int | None:
    """Return the status of a child, or None if it took longer than some seconds on the clock; it is gone then."""
    end = time.monotonic() + seconds
    status = None
    while time.monotonic() < end:
        done, found = os.waitpid(child, os.WNOHANG)
        if done:
            status = found
            break
        time.sleep(0.02)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)  # it, and whatever its tests left running
    if status is None:
        os.waitpid(child, 0)
    return status


def _verdict(status: int | None) -> str:
    if status is None or (os.WIFSIGNALED(status) and os.WTERMSIG(status) in (signal.SIGXCPU, signal.SIGKILL)):
        return "timeout"
    return "survived" if os.WIFEXITED(status) and os.WEXITSTATUS(status) == 0 else "killed"

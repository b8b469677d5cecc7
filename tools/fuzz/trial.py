"""Cases of a kind, one after the other, and keeping those that are broken by."""

from __future__ import annotations

import hashlib
import shlex
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from tools.fuzz.judge import Outcome, judge, judge_call
from tools.fuzz.kinds import Kind


@dataclass(frozen=True)
class Case:
    """A case that was tried: the words of its command, how it ended, and where it is kept if something was wrong."""

    words: list[str]
    outcome: Outcome
    kept: Path | None


def prepare(kind: Kind, folder: Path) -> Path:
    """Return a folder with the kind's whole inputs, made now or before, for it or another that prepares the same."""
    makes = kind.prepare
    whole = folder / f"{makes.__module__}.{makes.__qualname__}"
    if not whole.is_dir():
        half = whole.with_name(f"{whole.name}.half")
        shutil.rmtree(half, ignore_errors=True)
        half.mkdir(parents=True)

        def make() -> int:
            kind.prepare(half)
            return 0

        made = judge_call(make, half, ("*",))
        if made.status:
            raise RuntimeError(f"{kind.name} could not be prepared: {made.err[-2000:]}")
        half.rename(whole)
    read = folder / f"{_name(kind)}.read"
    if kind.whole and not read.exists():
        _refuse_unread(kind, whole)
        read.touch()
    return whole


def _name(kind: Kind) -> str:
    return kind.name.replace(" ", "-")


def _refuse_unread(kind: Kind, whole: Path) -> None:
    # A command that does not come to read the whole inputs would pass with any damage.
    work = whole.with_name(f"{_name(kind)}.work")
    _remove(work)
    _copy(whole, work)
    found = judge(kind.whole, work, ("*", "-*"))
    if found.wrong or (kind.says not in found.err + found.out if kind.says else found.status):
        raise RuntimeError(f"{kind.name}: {' '.join(kind.whole)} ended with {found.status}: {found.wrong} {found.err}")


def tried(kind: Kind, whole: Path, number: int, count: int, kept: Path | None = None) -> Iterator[Case]:
    """Try ``count`` cases of a kind, the same for the same number, and yield each.

    Args:
        kind: of input.
        whole: folder of :func:`prepare`.
        number: seed.
        count: of cases.
        kept: folder that gets the inputs and the command line of each case with which something is wrong.
    """
    found: list[Case] = []
    work = whole.with_name(f"{_name(kind)}.work")

    @seed(number)
    @settings(
        max_examples=count, database=None, deadline=None, phases=[Phase.generate], suppress_health_check=[*HealthCheck]
    )
    @given(st.data())
    def one(data: st.DataObject) -> None:
        _remove(work)
        shutil.copytree(whole, work, symlinks=True)
        words = kind.case(data.draw, work)
        before = work.with_name(f"{_name(kind)}.before")
        _remove(before)
        _copy(work, before)
        outcome = judge(words, work, kind.changes, kind.statuses)
        place = None
        if outcome.wrong and kept is not None:
            digest = hashlib.sha256(repr((outcome.wrong, words)).encode()).hexdigest()[:8]
            place = kept / f"{_name(kind)}-{digest}"
            _remove(place)
            _copy(before, place)
            command = shlex.join(["cdnet", *words]).encode("utf-8", "surrogateescape")
            place.with_suffix(".txt").write_bytes(
                command + f"\n{outcome.wrong}\n\n{outcome.err}".encode("utf-8", "replace")
            )
        found.append(Case(words, outcome, place))

    one()
    yield from found


def _copy(folder: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    pipes = {"ignore": lambda place, names: [name for name in names if (Path(place) / name).is_fifo()]}
    shutil.copytree(folder, target, symlinks=True, ignore=pipes["ignore"])


def _remove(folder: Path) -> None:
    if folder.is_dir():
        shutil.rmtree(folder)

"""Extraction of any number of pictures: part by part, so that it can be killed and goes on, and in shards."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import torch
from filelock import FileLock, Timeout

from cdnet.errors import CdnetError
from cdnet.evaluate.blindness import Direction
from cdnet.extract.extractor import FeatureExtractor
from cdnet.extract.listing import PART, Entry, Listing, write_listing
from cdnet.extract.parts import Part, extract_part, is_done, keep_part, read_part
from cdnet.extract.store import About, Block, Extraction, check_ending, write_features
from cdnet.extract.stored import FORMAT, MOST_ABOUT, MOST_SHARDS
from cdnet.files import make_folder, refuse_unwritable, saying_what_failed, sweep, write_text
from cdnet.json_file import read_json
from cdnet.shown_text import csv_cell

SECONDS = 10
"""Between two lines that say how far it is."""

_OURS = re.compile(r"\.?(lock|job\.json|list\.jsonl|\d+\.part)(\.[0-9a-f]+)?")
"""What lies in a folder of parts."""

Tell = Callable[[str], object]
Task = tuple[int, list[Entry]]
Compute = Callable[[FeatureExtractor, Iterator[Task], int], Iterable[tuple[int, Part]]]
"""Takes the parts that are to do, and how many they are, and gives them in any order."""


@dataclass(frozen=True)
class Extracted:
    """What came of an extraction: how many pictures have features, and how many could not be read."""

    count: int
    unreadable: int
    listed_in: Path | None


def in_this_process(extractor: FeatureExtractor, tasks: Iterator[Task], _count: int) -> Iterator[tuple[int, Part]]:
    """Extract part after part."""
    for number, entries in tasks:
        yield number, extract_part(extractor, entries)


def parse_shard(text: str) -> tuple[int, int]:
    """Return I and N of ``I/N``.

    Raises:
        CdnetError: if it is not of that form, or I is not 1 to N.
    """
    first, _, second = text.partition("/")
    if not (first.isdecimal() and second.isdecimal() and 1 <= int(first) <= int(second) <= MOST_SHARDS):
        raise CdnetError(f"--shard is I/N, such as 1/8 to 8/8, not {text}")
    return int(first), int(second)


def extract_all(
    extractor: FeatureExtractor,
    source: Path,
    out: Path,
    shard: tuple[int, int] | None = None,
    compute: Compute = in_this_process,
    tell: Tell = lambda _sentence: None,
) -> Extracted:
    """Extract the features of all pictures of a folder or a CSV file, or of a shard of them, to a file.

    What is done is kept in ``OUT.parts``; the same call goes on there, and takes the folder away when ``out`` is
    written.

    Args:
        extractor: the network.
        source: the folder or CSV file.
        out: ends in .parquet or .npz.
        shard: (I, N): the I-th of N shares of the list, all nearly alike.
        compute: computes the parts.
        tell: is told how far it is.

    Raises:
        CdnetError: if ``out`` is there already, there are no pictures, none can be read, what is kept is of another
            extraction, or the disk is full; what is done is then kept.
    """
    check_ending(out)
    refuse_existing(out)
    refuse_unwritable(out)
    folder = out.with_name(f"{out.name}.parts")
    with saying_what_failed(folder):
        make_folder(folder)
    strange = sorted(path.name for path in folder.iterdir() if not _OURS.fullmatch(path.name))
    if strange:
        raise CdnetError(f"{folder} is no folder of an extraction, for it has {strange[0]}; name another --out")
    lock = FileLock(folder / "lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise CdnetError(f"another process is at work in {folder}; wait for it, or name another --out") from None
    except OSError as error:
        raise CdnetError(f"{folder} could not be locked: {error.strerror or error}; name another --out") from None
    try:
        refuse_existing(out)  # another process may have finished it meanwhile
        if not (folder / "job.json").exists():
            refuse_existing(unreadable_file(out))
        sweep(out.parent, [out.name, unreadable_file(out).name])
        return _Job(extractor, source, out, folder, shard, tell).run(compute)
    finally:
        lock.release()
        # It is done, or nothing was.
        if not (folder / "job.json").exists() or not any(folder.glob("[0-9]*.part")):
            _take_away(folder)


def _take_away(folder: Path) -> None:
    with suppress(OSError):
        for path in folder.iterdir():
            if _OURS.fullmatch(path.name):
                path.unlink()
        folder.rmdir()


class _Job:
    def __init__(
        self,
        extractor: FeatureExtractor,
        source: Path,
        out: Path,
        folder: Path,
        shard: tuple[int, int] | None,
        tell: Tell,
    ) -> None:
        self.extractor, self.out, self.folder, self.tell = extractor, out, folder, tell
        kept = folder / "job.json"
        fresh = not kept.exists()
        self.listing: Listing = write_listing(source, folder / "list.jsonl")
        for remark in self.listing.remarks:
            tell(remark)
        index, count = shard or (1, 1)
        self.start = self.listing.count * (index - 1) // count
        self.stop = self.listing.count * index // count
        if self.start == self.stop:
            raise CdnetError(f"shard {index}/{count} of {self.listing.count} pictures has none; use fewer shards")
        self.about: Extraction = {
            "format": FORMAT,
            "network": extractor.name,
            "sha256": extractor.digest,
            "input": json.loads(json.dumps(extractor.preprocessing.to_json())),
            "runtime": extractor.runtime,
            "dimension": extractor.dimension,
            "source": os.fsencode(os.path.abspath(source)).decode("utf-8", "backslashreplace"),
            "list": self.listing.digest,
            "listed": self.listing.count,
            "shard": list(shard) if shard else None,
        }
        told: dict[str, object] = {**self.about, "batch": extractor.network.batch, "part": PART}
        if fresh:
            for left in folder.glob("[0-9]*.part"):  # of an extraction that ended as it was taking them away
                left.unlink()
            write_text(kept, json.dumps(told, indent=1))
        self._refuse_other(kept, told)

    def _refuse_other(self, kept: Path, told: dict[str, object]) -> None:
        try:
            found = read_json(kept, MOST_ABOUT)
            differing = [key for key in told if key != "network" and found.get(key) != told[key]]
        except (OSError, ValueError, AttributeError):
            differing = ["job.json, which is damaged"]
        if differing:
            words = {"list": "the pictures that are listed", "listed": "their number", "sha256": "the network"}
            said = ", ".join(words.get(key, key) for key in differing)
            raise CdnetError(
                f"{self.folder} is of another extraction (other: {said}); remove it to begin anew, or "
                "name another --out"
            )

    def _parts(self) -> range:
        return range(-(-(self.stop - self.start) // PART))

    def _entries(self, number: int) -> Iterator[Entry]:
        start = self.start + number * PART
        # The list is read from the beginning of one of its own parts, and a shard's may begin within.
        while start < (end := min(self.start + (number + 1) * PART, self.stop)):
            cut = min(end, (start // PART + 1) * PART)
            yield from self.listing.entries(start, cut)
            start = cut

    def run(self, compute: Compute) -> Extracted:
        dimension = self.about["dimension"]
        lacking = [n for n in self._parts() if not is_done(self.folder, n, list(self._entries(n)), dimension)]
        done = (len(self._parts()) - len(lacking)) * PART
        if done:
            self.tell(f"{min(done, self.stop - self.start):,} of {self.stop - self.start:,} pictures were done before")
        began = told = time.monotonic()
        here = 0
        tasks = ((number, list(self._entries(number))) for number in lacking)
        for number, part in compute(self.extractor, tasks, len(lacking)):
            keep_part(self.folder, number, part)
            here += len(part.rows) + len(part.broken)
            now = time.monotonic()
            if now - told >= SECONDS or number == lacking[0]:
                told = now
                self._say(min(done, self.stop - self.start) + here, here / max(now - began, 1e-9))
        return self._finish()

    def _say(self, done: int, rate: float) -> None:
        left = (self.stop - self.start - done) / max(rate, 1e-9)
        self.tell(f"{done:,} of {self.stop - self.start:,} pictures, {rate:,.0f} pictures/s, {left / 60:,.1f} min left")

    def _finish(self) -> Extracted:
        # Counted first: no part of a shard of a million is held longer than it takes to write it.
        count, broken, seen = 0, 0, Direction()
        for number in self._parts():
            part = read_part(self.folder, number)
            count, broken = count + len(part.rows), broken + len(part.broken)
            seen.look(torch.from_numpy(part.features))
        if not count and self.about.get("shard") is None:  # an empty shard is needed to join the others
            entry, why = next(self._broken())
            (self.folder / "job.json").unlink()  # there is nothing to go on with
            raise CdnetError(f"none of {broken:,} pictures could be read, first {entry.file}: {why}")
        if seen.one and count > 1:
            self.tell(f"all {count:,} pictures have the same features: either they are alike, or the network is blind")
        listed = write_unreadable(self.out, ((entry.shown, why) for entry, why in self._broken()))
        about: About = {**self.about, "count": count, "unreadable": broken}
        write_features(self.out, self._blocks, about, self.listing.columns)
        (self.folder / "job.json").unlink()
        return Extracted(count, broken, listed)

    def _broken(self) -> Iterator[tuple[Entry, str]]:
        for number in self._parts():
            part = read_part(self.folder, number)
            if part.broken:
                entries = list(self._entries(number))
                yield from ((entries[row], why) for row, why in part.broken.items())

    def _blocks(self) -> Iterator[Block]:
        for number in self._parts():
            part, entries = read_part(self.folder, number), list(self._entries(number))
            kept = [entries[row] for row in part.rows]
            columns = {name: [getattr(entry, name) for entry in kept] for name in self.listing.columns}
            if kept:
                yield Block([entry.shown for entry in kept], part.features, columns)


def refuse_existing(path: Path) -> None:
    """See that a file that is to be written is not there.

    Raises:
        CdnetError: if it is.
    """
    if path.exists() or path.is_symlink():
        raise CdnetError(f"{path} exists already; name another file with --out, or remove it")


def unreadable_file(out: Path) -> Path:
    """Return where the pictures that could not be read for a file of features are listed."""
    return out.with_name(f"{out.name}.unreadable.csv")


def write_unreadable(out: Path, rows: Iterable[tuple[str, str]]) -> Path | None:
    """List the pictures that could not be read beside a file of features; None, and no file, if there are none."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for path, why in rows:
        if not text.tell():
            writer.writerow(["path", "problem"])
        writer.writerow([csv_cell(path.encode("utf-8", "backslashreplace").decode()), csv_cell(why)])
    if not text.tell():
        unreadable_file(out).unlink(missing_ok=True)  # of a try that was killed
        return None
    write_text(unreadable_file(out), text.getvalue())
    return unreadable_file(out)

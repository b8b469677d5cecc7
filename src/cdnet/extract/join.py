"""The shards of an extraction as one file, as if one process had made it."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

from cdnet.errors import CdnetError
from cdnet.extract.job import Extracted, refuse_existing, unreadable_file, write_unreadable
from cdnet.extract.store import About, Block, check_ending, write_features
from cdnet.extract.stored import FeatureFile, open_features
from cdnet.files import refuse_unwritable, saying_what_was_not_read

_OF_A_SHARD = ("shard", "count", "unreadable", "network", "source")


def join(files: Sequence[Path], out: Path) -> Extracted:
    """Join all shards of an extraction, whatever the order they are named in.

    Raises:
        CdnetError: if one is lacking or there twice, they are of different extractions, the list of unreadable pictures
            of one is not beside it, or ``out`` exists.
    """
    check_ending(out)
    refuse_existing(out)
    refuse_existing(unreadable_file(out))
    refuse_unwritable(out)
    shards: dict[int, FeatureFile] = {}
    totals: dict[Path, int] = {}
    for path in files:
        found = open_features(path)
        shard = found.about.get("shard")
        if not shard:
            raise CdnetError(f"{path} is no shard, but of a whole list; there is nothing to join")
        number, totals[path] = shard
        if number in shards:
            raise CdnetError(f"{path} and {shards[number].path} are the same shard, {number}; name each once")
        shards[number] = found
    if not shards:
        raise CdnetError("no shards to join; name their files")
    first = next(iter(shards.values()))
    for other in shards.values():
        told = other.about.items()
        differing = [key for key, said in first.about.items() if key not in _OF_A_SHARD and (key, said) not in told]
        if differing or totals[other.path] != totals[first.path] or other.columns != first.columns:
            said = ", ".join(differing) or "number of shards, or columns"
            raise CdnetError(f"{other.path} and {first.path} are of different extractions (other: {said})")
    total = totals[first.path]
    lacking = [str(number) for number in range(1, total + 1) if number not in shards]
    if lacking:
        more = ", ..." if len(lacking) > 10 else ""
        raise CdnetError(f"of {total} shards {len(lacking)} are lacking: {', '.join(lacking[:10])}{more}")
    ordered = [shards[number] for number in range(1, total + 1)]
    count = sum(shard.about["count"] for shard in ordered)
    broken = sum(shard.about["unreadable"] for shard in ordered)
    if not count:
        raise CdnetError(f"none of the {broken:,} pictures of these shards could be read; there is nothing to join")
    about: About = {**ordered[0].about, "shard": None, "count": count, "unreadable": broken}

    def blocks() -> Iterator[Block]:
        for shard in ordered:
            yield from shard.blocks()

    listed = write_unreadable(
        out, (row for shard in ordered if shard.about["unreadable"] for row in _unreadable(shard))
    )
    write_features(out, blocks, about, first.columns)
    return Extracted(count, broken, listed)


def _unreadable(shard: FeatureFile) -> Iterator[tuple[str, str]]:
    path = unreadable_file(shard.path)
    if not path.is_file():
        raise CdnetError(f"{shard.path} has {shard.about['unreadable']} unreadable pictures, and {path} is not there")
    try:
        with saying_what_was_not_read(path), path.open(encoding="utf-8", newline="") as file:
            rows = [(row["path"], row["problem"]) for row in csv.DictReader(file)]
    except (KeyError, ValueError, csv.Error):
        rows = []
    if len(rows) != shard.about["unreadable"] or not all(map(all, rows)):
        raise CdnetError(
            f"{path} does not list the {shard.about['unreadable']} unreadable pictures of {shard.path}; somebody "
            "changed it, so extract that shard anew"
        )
    yield from rows

"""Which pictures of a gallery are nearest to some: by the cosine of their features, and without identities."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt
import torch

from cdnet.errors import CdnetError
from cdnet.evaluate.blindness import Direction
from cdnet.evaluate.comparable import unit_length
from cdnet.extract.extractor import FeatureExtractor
from cdnet.extract.listing import PART, write_listing
from cdnet.extract.parts import extract_part
from cdnet.extract.store import ENDINGS
from cdnet.extract.stored import open_features

MOST = 1000
"""The most places of a list."""


@dataclass(frozen=True)
class Neighbour:
    """A gallery picture: how the gallery calls it, where it lies, and its cosine similarity, -1 to 1."""

    shown: str
    file: Path
    similarity: float


@dataclass(frozen=True)
class Found:
    """The nearest pictures of each query, nearest first, of ``count`` in all; ``remarks`` say what was left out."""

    lists: tuple[tuple[Neighbour, ...], ...]
    count: int
    remarks: tuple[str, ...]


@dataclass(frozen=True)
class _Rows:
    shown: list[str]
    files: list[Path]
    features: npt.NDArray[np.float32]


def find(extractor: FeatureExtractor, queries: Sequence[Path], gallery: Path, top: int = 10) -> Found:
    """Rank a gallery for each query and return the ``top`` nearest pictures; equal ones are in the gallery's order.

    A query's own file, where the gallery has it, is left out of its list. The gallery is gone through once, part by
    part, however large it is.

    Args:
        extractor: the network.
        queries: picture files.
        gallery: a folder or CSV file of pictures, or a file of features of the same network.
        top: places, 1 to ``MOST``; fewer where the gallery is smaller.

    Raises:
        CdnetError: if a query cannot be read, the gallery has no picture that can, its features are another network's,
            or features have no direction.
    """
    if not 1 <= top <= MOST:
        raise CdnetError(f"a list has 1 to {MOST:,} places, not {top}")
    wanted = unit_length(torch.from_numpy(extractor(list(queries))))
    own = [os.path.realpath(query) for query in queries]
    kept: list[list[tuple[float, str, Path]]] = [[] for _ in queries]
    remarks: list[str] = []
    left_out = [False] * len(own)
    count, seen = 0, Direction()
    for rows in _gallery(extractor, gallery, remarks):
        count += len(rows.shown)
        features = torch.from_numpy(rows.features)
        seen.look(features)
        similar = wanted @ unit_length(features).T
        real = [os.path.realpath(file) for file in rows.files]
        for number, row in enumerate(similar):
            mine = torch.tensor([path == own[number] for path in real])
            if mine.any():
                left_out[number] = True
                row = row.masked_fill(mine, -torch.inf)
            # A stable sort: places of equal similarity follow the gallery's order.
            order = torch.sort(row, descending=True, stable=True).indices[:top].tolist()
            new = [
                (float(row[place]), rows.shown[place], rows.files[place]) for place in order if row[place] > -torch.inf
            ]
            kept[number] = sorted([*kept[number], *new], key=lambda one: -one[0])[:top]
    if not count:
        raise CdnetError(f"{gallery}: no picture there could be read" + (f"; {remarks[0]}" if remarks else ""))
    if seen.one and count > 1:
        remarks.append(f"all {count:,} pictures of {gallery} have the same features; their order is the gallery's own")
    if any(left_out):
        remarks.append(
            f"{sum(left_out)} of {len(own)} queries are in the gallery themselves, and left out of their lists"
        )
    lists = tuple(tuple(Neighbour(shown, file, value) for value, shown, file in one) for one in kept)
    if not all(lists):
        raise CdnetError(f"{gallery}: has nothing but the query itself; give other pictures to look for it among")
    return Found(lists, count, tuple(remarks))


def _gallery(extractor: FeatureExtractor, gallery: Path, remarks: list[str]) -> Iterator[_Rows]:
    if gallery.suffix.lower() in ENDINGS and not gallery.is_dir():
        yield from _kept(extractor, gallery, remarks)
    else:
        yield from _fresh(extractor, gallery, remarks)


def _kept(extractor: FeatureExtractor, gallery: Path, remarks: list[str]) -> Iterator[_Rows]:
    found = open_features(gallery)
    if found.about["sha256"] != extractor.digest:
        raise CdnetError(
            f"{gallery} has the features of another network ({found.about['network']}), which cannot be compared with "
            f"{extractor.name}; extract them with this one"
        )
    if found.about["input"] != extractor_input(extractor):
        raise CdnetError(f"{gallery} was extracted with another pre-processing; extract it as the queries are")
    source = Path(found.about["source"])
    folder = source if not source.is_file() else source.parent
    if broken := found.about["unreadable"]:
        remarks.append(f"{broken:,} pictures could not be read when {gallery} was extracted, and are not in it")
    if shard := found.about.get("shard"):
        remarks.append(f"{gallery} is shard {'/'.join(map(str, shard))} of its pictures alone")
    for block in found.blocks():
        yield _Rows(block.paths, [folder / path for path in block.paths], block.features)


def extractor_input(extractor: FeatureExtractor) -> object:
    """Return the pre-processing as JSON has it, for comparison with what a file says."""
    return json.loads(json.dumps(extractor.preprocessing.to_json()))


def _fresh(extractor: FeatureExtractor, gallery: Path, remarks: list[str]) -> Iterator[_Rows]:
    with TemporaryDirectory() as scratch:
        listing = write_listing(gallery, Path(scratch) / "list.jsonl")
        remarks += listing.remarks
        broken: list[str] = []
        for start in range(0, listing.count, PART):
            entries = list(listing.entries(start, min(start + PART, listing.count)))
            part = extract_part(extractor, entries)
            broken += (f"{entries[row].file}: {why}" for row, why in part.broken.items())
            kept = [entries[row] for row in part.rows]
            if kept:
                yield _Rows([entry.shown for entry in kept], [Path(entry.file) for entry in kept], part.features)
        if broken:
            remarks.append(
                f"{len(broken):,} of {listing.count:,} pictures of {gallery} could not be read, first {broken[0]}"
            )

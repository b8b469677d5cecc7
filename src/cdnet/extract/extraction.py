"""Features of as many pictures as there are: a part at a time, on the disk before the next one begins.

Parts lie in a folder beside the file until all are there; the same call goes on where it was stopped or killed.
"""

from __future__ import annotations

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cdnet.data.cache import Progress, silently
from cdnet.data.decode import BrokenPictureError, Pixels, read_pixels, resize
from cdnet.errors import CdnetError
from cdnet.extract.extractor import FeatureExtractor
from cdnet.extract.features_file import FeaturesFile, PartFiles, check_ending, read_features, write_features
from cdnet.extract.listing import Listing
from cdnet.files import make_folder, refuse_unwritable, write_text
from cdnet.runtime.network import Features

PART = 2048
"""Pictures of a part."""
PLAN = "plan.json"


@dataclass(frozen=True)
class Extracted:
    """How an extraction went: features in the file, and what is wrong with each picture that has none."""

    count: int
    unreadable: list[str]


def extract_to_file(
    extractor: FeatureExtractor, listing: Listing, out: Path, progress: Progress = silently, part: int = PART
) -> Extracted:
    """Write the features of pictures, as the network gives them, in the listing's order.

    Pictures that cannot be read have no row; they are told, and written into a file beside it.

    Args:
        extractor: the network.
        listing: the pictures.
        out: the file, ``.npz`` or ``.parquet``; one that is there is not touched.
        progress: shows how far it is.
        part: pictures that are computed before they are kept.

    Raises:
        CdnetError: if the file is there already, cannot be written, or its parts are of another extraction.
    """
    check_ending(out)
    if out.exists():
        raise CdnetError(f"{out} is there already; give another name, or remove it")
    refuse_unwritable(out)
    parts = out.with_name(f"{out.name}.parts")
    about = {"network": extractor.digest, "weights": extractor.name, "dimension": extractor.dimension}
    _begin(parts, about | {"pictures": listing.digest, "count": len(listing.names), "part": part}, out)
    starts = range(0, len(listing.names), part)
    files = [parts / f"{number:06d}.npz" for number in range(len(starts))]
    with ThreadPoolExecutor() as pool:
        for start, file in progress(list(zip(starts, files, strict=True)), "extracting features", len(starts)):
            if not file.exists():
                _extract_part(extractor, listing, slice(start, start + part), file, pool)
    unreadable: list[str] = []
    count, longest = 0, 1
    for file in files:
        read = read_features(file)
        unreadable += read.about["unreadable"]
        count += len(read.names)
        longest = max([longest, *map(len, read.names)])
    if not count:
        shutil.rmtree(parts)
        raise CdnetError(f"none of the {len(listing.names):,} pictures could be read; the first: {unreadable[0]}")
    write_features(out, PartFiles(files), count, longest, extractor.dimension, about)
    if unreadable:
        write_text(out.with_name(f"{out.name}.unreadable.txt"), "\n".join(unreadable) + "\n")
    shutil.rmtree(parts)
    return Extracted(count, unreadable)


def join(files: list[Path], out: Path) -> int:
    """Write the features of several files into one, in that order, and return how many they are.

    Raises:
        CdnetError: if they are of different networks, or one cannot be read or written.
    """
    check_ending(out)
    if out.exists():
        raise CdnetError(f"{out} is there already; give another name, or remove it")
    first: FeaturesFile | None = None
    count, longest = 0, 1
    for file in files:
        read = read_features(file)
        if first is None:
            first = FeaturesFile([], read.features[:0], read.about)
        elif (read.about.get("network"), read.features.shape[1]) != (
            first.about.get("network"),
            first.features.shape[1],
        ):
            raise CdnetError(f"{file} has features of another network than {files[0]}; they cannot be compared")
        count += len(read.names)
        longest = max([longest, *map(len, read.names)])
    assert first is not None
    write_features(out, PartFiles(files), count, longest, first.features.shape[1], first.about)
    return count


def _network(file: FeaturesFile) -> tuple[Any, int]:
    return file.about.get("network"), file.features.shape[1]


def _begin(parts: Path, plan: dict[str, Any], out: Path) -> None:
    make_folder(parts)
    file = parts / PLAN
    if not file.exists():
        if any(parts.iterdir()):
            raise CdnetError(f"{parts} holds something else; the parts of {out} would be put there, move it away")
        write_text(file, json.dumps(plan, indent=1) + "\n")
        return
    try:
        kept = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError):
        kept = None
    if kept != plan:
        raise CdnetError(f"{parts} has the parts of other pictures or of another network; remove it to begin anew")


def _extract_part(
    extractor: FeatureExtractor, listing: Listing, which: slice, file: Path, pool: ThreadPoolExecutor
) -> None:
    size, batch = extractor.preprocessing.size, extractor.network.batch

    def read(path: Path) -> Pixels | str:
        try:
            return resize(read_pixels(path), *size)
        except BrokenPictureError as error:
            return str(error)

    names: list[str] = []
    unreadable: list[str] = []
    rows: list[Features] = []
    paths = listing.paths[which]
    for start in range(0, len(paths), batch):
        found = list(pool.map(read, paths[start : start + batch]))
        pixels = [one for one in found if not isinstance(one, str)]
        unreadable += [one for one in found if isinstance(one, str)]
        around = zip(listing.names[which][start : start + batch], found, strict=True)
        names += [_escaped(name) for name, one in around if not isinstance(one, str)]
        if pixels:
            # Whole batches, so that features do not depend on where parts and shards begin.
            rows.append(extractor.of_pixels(np.stack(pixels), fill=True))
    features = np.concatenate(rows) if rows else np.zeros((0, extractor.dimension), np.float32)
    longest = max([1, *map(len, names)])
    about = {"unreadable": [_escaped(text) for text in unreadable]}
    write_features(file, [(names, features)], len(names), longest, extractor.dimension, about)


def _escaped(name: str) -> str:
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace").rstrip("\0")

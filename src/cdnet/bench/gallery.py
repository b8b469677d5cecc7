"""How long a gallery takes to answer, how large it is, and what its index misses, on clustered synthetic features.

faiss' exact search of the same features in memory runs beside it.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from cdnet.bench.rows import Report
from cdnet.bench.spent import Spent
from cdnet.bench.synthetic import BATCH, Vectors, blocks, queries_of, synthetic
from cdnet.errors import CdnetError
from cdnet.files import write_text
from cdnet.gallery import indexing
from cdnet.gallery.embedded import is_server
from cdnet.gallery.entry import NewEntry
from cdnet.gallery.folder import GalleryFolder
from cdnet.gallery.gallery import Gallery
from cdnet.gallery.indexing import IndexProgress, silently
from cdnet.gallery.removing import size_of
from cdnet.json_file import read_json

NEAREST = 10
YEAR = 2025
"""Whose months the entries are spread over."""
EXACT_SECONDS = 30.0
"""How long exact searches are measured at the most."""
MAX_BYTES = 16 * 2**20
"""Of the file with the rows."""


def bench_size(
    gallery: Gallery, size: int, months: int, queries: int, seed: int, path: Path, progress: IndexProgress = silently
) -> Report:
    """Fill a gallery up to a size, make its index, and time searches.

    Args:
        gallery: filled by this before, or empty.
        size: entries.
        months: that they are spread over, 1 to 12.
        queries: searches to time; features that are not in the gallery, of its people.
        seed: of the features.
        path: a file that keeps the seconds of what is done until the row is whole.
        progress: told what is done; what it raises stops the work, which goes on there when this is called again.

    Returns:
        A row: entries that were added and the seconds of that, months whose index was made and the seconds of that and
        of measuring its recall, however often the work was stopped between, bytes of tables and of the index, memory of
        the database's processes after the exact searches, recall, and median and 99th percentile in milliseconds of
        exact searches, of indexed ones, and of faiss' exact search.

    Raises:
        CdnetError: if the gallery holds other entries.
    """
    dimensions = gallery.network.dimensions
    with gallery.reading() as connection:
        made = connection.execute("SELECT made::text FROM about").fetchone()
    assert made is not None
    spent = Spent(path, {"gallery": made[0], "entries": size, "months": months, "seed": seed})
    _fill(gallery, size, months, seed, spent, progress)
    spent.begin("index_seconds")
    state = gallery.build_index(progress=spent.by_parts("index_seconds", progress))
    spent.done("index_seconds")
    progress(f"searching {size:,} in memory", 0.0)
    asked = queries_of(size, dimensions, queries, seed)
    truth, flat = _faiss(size, asked, seed)
    what = f"searching {size:,}"
    exact = _timed(lambda q: gallery.search(q, NEAREST, exact=True), asked, EXACT_SECONDS, progress, f"{what} exactly")
    indexed_months, index_bytes = _index_size(gallery)
    row: Report = {
        "entries": size,
        "dimensions": dimensions,
        "months": months,
        "seed": seed,
        "filled": size - spent.kept["from"],
        "fill_seconds": round(spent.kept.get("fill_seconds", 0.0), 1),
        "indexed_months": indexed_months,
        "index_seconds": round(spent.kept["index_seconds"], 1),
        "index": state.used,
        "ef": state.ef,
        "exact_ms": exact,
        "faiss_flat_ms": flat,
    }
    with gallery.reading() as connection:
        row["bytes"] = size_of(connection)
    row["index_bytes"] = index_bytes
    row["memory_bytes"] = database_memory(gallery.address)
    if state.used:
        indexed = f"{what} by the index"
        row["index_ms"] = _timed(lambda q: gallery.search(q, NEAREST), asked, EXACT_SECONDS, progress, indexed)
        found = [{m.entry.digest for m in gallery.search(q, NEAREST).matches} for q in asked]
        wanted = [{_digest(int(number)) for number in numbers} for numbers in truth]
        row["recall"] = sum(len(a & b) for a, b in zip(found, wanted, strict=True)) / (NEAREST * len(asked))
    return row


def bench_gallery(
    gallery: Gallery,
    sizes: Sequence[int],
    months: int,
    queries: int,
    seed: int,
    path: Path,
    progress: IndexProgress = silently,
    minutes: float | None = None,
) -> Iterator[Report]:
    """Do :func:`bench_size` for each size, and keep the rows in a JSON file; those that are there are not done again.

    Args:
        minutes: after which it stops, wherever it is, if not None; it goes on there when it is called again.

    Raises:
        CdnetError: if the sizes do not grow, the file is of other settings, or the time is over.
    """
    ends = None if minutes is None else time.monotonic() + 60 * minutes

    def in_time(what: str, share: float) -> None:
        if ends is not None and time.monotonic() > ends:
            raise CdnetError(
                f"{minutes:g} minutes are over while {what}, {share:.0%} of it done; what is measured is kept, and the "
                "same command goes on there"
            )
        progress(what, share)

    if list(sizes) != sorted(set(sizes)) or not sizes or sizes[0] < 100:
        raise CdnetError("sizes are entries, growing from 100 on, such as 16000 100000")
    rows = _read_rows(path) if path.exists() else []
    for size in sizes:
        kept = next((row for row in rows if row["entries"] == size), None)
        if kept is not None and (kept["seed"], kept["months"], kept["dimensions"]) != (
            seed,
            months,
            gallery.network.dimensions,
        ):
            raise CdnetError(f"{path}: measured with other settings; name another file")
        if kept is None:
            unfinished = path.with_name(f"{path.stem}-unfinished.json")
            kept = bench_size(gallery, size, months, queries, seed, unfinished, in_time)
            rows.append(kept)
            write_text(path, json.dumps(rows, indent=1) + "\n")
            unfinished.unlink()
        yield kept


def _read_rows(path: Path) -> list[Report]:
    settings = {"entries", "seed", "months", "dimensions"}
    try:
        rows = read_json(path, MAX_BYTES)
        if isinstance(rows, list) and all(isinstance(row, dict) and settings <= row.keys() for row in rows):
            return rows
    except OSError as error:
        raise CdnetError(f"{path} could not be read: {error.strerror or error}") from error
    except ValueError:
        pass
    raise CdnetError(f"{path}: damaged, or not what `cdnet bench gallery` writes; move it away to measure anew")


def _fill(gallery: Gallery, size: int, months: int, seed: int, spent: Spent, progress: IndexProgress) -> None:
    there = gallery.stats().entries
    if there > size:
        raise CdnetError(f"{gallery.address}: has {there:,} entries already, more than {size:,}; name another folder")
    if there and not gallery.known([_digest(0)]):
        raise CdnetError(f"{gallery.address}: holds other entries; name a folder that is not there")
    spent.kept.setdefault("from", there)
    if there == size:
        return
    with gallery.reading() as connection:
        indexing.drop(connection)  # so that it is the whole index whose making is timed
    start = there
    while start < size:
        count = min(BATCH - start % BATCH, size - start)
        spent.begin("fill_seconds")
        entries = [
            NewEntry(
                _digest(number),
                camera=f"c{number % 16}",
                time=datetime(YEAR, 1 + number % months, 1 + number % 28, tzinfo=UTC),
            )
            for number in range(start, start + count)
        ]
        gallery.add(entries, synthetic(start, count, gallery.network.dimensions, seed))
        start += count
        spent.done("fill_seconds")
        progress(f"filling up to {size:,}", start / size)
    assert gallery.stats().entries == size


def _index_size(gallery: Gallery) -> tuple[int, int]:
    """Return how many months have an index, and its bytes."""
    with gallery.reading() as connection:
        row = connection.execute(
            "SELECT count(*), coalesce(sum(pg_relation_size(indexrelid)), 0) FROM pg_stat_user_indexes "
            "WHERE indexrelname LIKE 'entry%%feature'"
        ).fetchone()
    assert row is not None
    return int(row[0]), int(row[1])


def _digest(number: int) -> bytes:
    return hashlib.sha256(f"cdnet bench gallery {number}".encode()).digest()


def _faiss(size: int, asked: Vectors, seed: int) -> tuple[Any, dict[str, float] | None]:
    """Return the numbers of the nearest of each query, and how long faiss took to find them by comparing all."""
    dimensions = asked.shape[1]
    try:
        import faiss
    except ImportError:  # the truth is found without it; its times are left out
        best = np.zeros((len(asked), 0), np.float32)
        numbers = np.zeros((len(asked), 0), np.int64)
        for start, features in blocks(size, dimensions, seed):
            best = np.concatenate([best, asked @ features.T], 1)
            numbers = np.concatenate([numbers, np.tile(start + np.arange(len(features)), (len(asked), 1))], 1)
            order = np.argsort(-best, axis=1, kind="stable")[:, :NEAREST]
            best, numbers = np.take_along_axis(best, order, 1), np.take_along_axis(numbers, order, 1)
        return numbers, None
    index = faiss.IndexFlatIP(dimensions)
    for _, features in blocks(size, dimensions, seed):
        index.add(features)
    truth: list[Any] = []
    timed = _timed(lambda query: truth.append(index.search(query[None], NEAREST)[1][0]), asked, float("inf"), silently)
    return truth[1:], timed


def database_memory(address: str) -> int | None:
    """Return the bytes of the database's processes, shared pages divided among them; None where it is elsewhere."""
    if is_server(address):
        return None
    import psutil

    found = 0
    for number in GalleryFolder(Path(address)).processes():
        with suppress(psutil.Error):
            found += int(getattr(psutil.Process(number).memory_full_info(), "pss", 0))
    return found


def _timed(
    ask: Callable[[Vectors], object], asked: Vectors, seconds: float, progress: IndexProgress, what: str = "searching"
) -> dict[str, float]:
    """Return median and 99th percentile in milliseconds, and how many were asked within so many seconds."""
    ask(asked[0])  # does not count
    times: list[float] = []
    ends = time.perf_counter() + seconds
    for number, query in enumerate(asked):
        started = time.perf_counter()
        ask(query)
        times.append(1e3 * (time.perf_counter() - started))
        progress(what, number / len(asked))
        if time.perf_counter() > ends:
            break
    return {
        "median": round(float(np.median(times)), 3),
        "p99": round(float(np.percentile(times, 99)), 3),
        "searches": len(times),
    }
